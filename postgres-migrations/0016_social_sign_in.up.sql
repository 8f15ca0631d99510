-- Signing in with an account elsewhere: whom it leads to, connecting one, and disconnecting without locking anybody out.

GRANT SELECT ON oauth_accounts TO zygo_lookup;
CALL open_to_lookup('oauth_accounts', 'INSERT');
-- An account is connected and disconnected by the functions below alone; people read their own.
REVOKE INSERT, UPDATE, DELETE ON oauth_accounts FROM zygo_app;
GRANT DELETE ON oauth_accounts TO zygo_lookup;
CREATE POLICY lookup_delete ON oauth_accounts FOR DELETE TO zygo_lookup USING (true);
ALTER TABLE oauth_accounts ADD CHECK (length(subject) BETWEEN 1 AND 255), ADD CHECK (length(email) <= 254);

-- Connects an account elsewhere, with its event and its notice. False if somebody's is connected already.
CREATE FUNCTION add_identity(row_id uuid, who uuid, at_provider text, its_subject text, its_email text, notice_id uuid,
  at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO oauth_accounts (id, user_id, provider, subject, email, created_at)
    VALUES (row_id, who, at_provider, its_subject, its_email, at) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'identity.linked',
      jsonb_build_object('user_id', who, 'provider', at_provider), who, app_request_id(), at);
  IF notice_id IS NOT NULL THEN
    PERFORM add_notice(notice_id, who, jsonb_build_object('what', 'account_linked', 'provider', at_provider), at);
  END IF;
  RETURN true;
END $$;
CALL give_to_lookup('add_identity(uuid, uuid, text, text, text, uuid, timestamptz)', 'zygo_lookup');

-- Whom an account elsewhere leads to, in the tenant signed in to. An account of ours is joined only if both sides verified
-- the same address and its person could sign in here; a new one is made only at the platform. Outcomes: known, linked,
-- created; unverified (no address that both sides vouch for), occupied (the person's identity at that provider is another
-- one), stranger (nobody who could sign in here). A profile comes with the first three.
CREATE FUNCTION sign_in_by_identity(at_provider text, its_subject text, its_email text, email_verified boolean, tenant uuid,
  new_user_id uuid, new_identity_id uuid, notice_id uuid, given_name text, family_name text, new_locale text, at timestamptz)
  RETURNS TABLE (outcome text, profile user_profiles, membership memberships)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  platform constant uuid := '00000000-0000-0000-0000-000000000000';
  account users;
  who uuid;
BEGIN
  -- Twice at most: whoever loses to a twin finds what it made.
  FOR attempt IN 1 .. 3 LOOP
    SELECT a.user_id INTO who FROM oauth_accounts a WHERE a.provider = at_provider AND a.subject = its_subject;
    IF who IS NOT NULL THEN
      outcome := coalesce(outcome, 'known');
      EXIT;
    END IF;
    IF its_email IS NULL OR NOT email_verified THEN
      outcome := 'unverified';
      EXIT;
    END IF;
    -- The row is locked, so that a change of address or of its verification is over, or waits.
    SELECT u.* INTO account FROM users u WHERE u.email = its_email FOR UPDATE;
    IF FOUND THEN
      outcome := CASE
        WHEN account.email_verified_at IS NULL THEN 'unverified'
        WHEN tenant <> platform AND NOT EXISTS (
          SELECT FROM user_roles r WHERE r.tenant_id = tenant AND r.user_id = account.id) THEN 'stranger'
        WHEN account.status <> 'active' THEN 'stranger'
        WHEN EXISTS (SELECT FROM oauth_accounts a WHERE a.user_id = account.id AND a.provider = at_provider
          AND a.subject <> its_subject) THEN 'occupied'
        WHEN add_identity(new_identity_id, account.id, at_provider, its_subject, its_email, notice_id, at) THEN 'linked'
      END;
      EXIT WHEN outcome IS DISTINCT FROM 'linked' AND outcome IS NOT NULL;
      CONTINUE;
    END IF;
    IF tenant <> platform THEN
      outcome := 'stranger';
      EXIT;
    END IF;
    INSERT INTO users (id, email, email_verified_at, first_name, last_name, locale, created_at, updated_at)
      VALUES (new_user_id, its_email, at, given_name, family_name, new_locale, at, at) ON CONFLICT (email) DO NOTHING;
    IF FOUND THEN
      INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
        SELECT make_uuid_v7(at), platform, kind, jsonb_build_object('user_id', new_user_id), new_user_id, app_request_id(), at
        FROM unnest(ARRAY['user.signed_up', 'user.email_verified']) kind;
      -- Nobody needs to be told of an identity that they have just signed up with.
      IF NOT add_identity(new_identity_id, new_user_id, at_provider, its_subject, its_email, NULL, at) THEN
        RAISE serialization_failure USING MESSAGE = 'the identity was connected meanwhile';
      END IF;
      outcome := 'created';
    END IF;
  END LOOP;
  IF outcome IS NULL THEN
    RAISE serialization_failure USING MESSAGE = 'identities changed meanwhile';
  END IF;
  IF outcome IN ('known', 'linked', 'created') THEN
    SELECT p.* INTO profile FROM user_profiles p WHERE p.id = who;
    SELECT m.* INTO membership FROM memberships m WHERE m.member_id = who AND m.tenant_id = tenant;
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('sign_in_by_identity(text, text, text, boolean, uuid, uuid, uuid, uuid, text, text, text, timestamptz)', 'zygo_app');

-- Connects an account elsewhere to the context's user, whose session must still be going on. Outcomes: linked, known (it was
-- theirs already), occupied (it is somebody else's, or theirs at that provider is another one), ended.
CREATE FUNCTION link_identity(own_session uuid, row_id uuid, at_provider text, its_subject text, its_email text, notice_id uuid,
  at timestamptz) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.id = own_session AND s.user_id = app_user_id() AND s.ended_at IS NULL AND s.expires_at > at AND u.status = 'active';
  IF NOT FOUND THEN
    RETURN 'ended';
  END IF;
  IF add_identity(row_id, app_user_id(), at_provider, its_subject, its_email, notice_id, at) THEN
    RETURN 'linked';
  END IF;
  PERFORM FROM oauth_accounts a WHERE a.provider = at_provider AND a.subject = its_subject AND a.user_id = app_user_id();
  RETURN CASE WHEN FOUND THEN 'known' ELSE 'occupied' END;
END $$;
CALL give_to_lookup('link_identity(uuid, uuid, text, text, text, uuid, timestamptz)', 'zygo_app');

-- Disconnects the context's user from a provider, unless nothing else would lead into the account. Outcomes: unlinked,
-- missing, last.
CREATE FUNCTION unlink_identity(at_provider text, notice_id uuid, at timestamptz) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  account users;
BEGIN
  -- Whoever adds and removes ways in takes turns by the person's row.
  SELECT u.* INTO account FROM users u WHERE u.id = app_user_id() FOR NO KEY UPDATE;
  PERFORM FROM oauth_accounts a WHERE a.user_id = account.id AND a.provider = at_provider;
  IF NOT FOUND THEN
    RETURN 'missing';
  END IF;
  IF ways_in(account.id) <= 1 THEN
    RETURN 'last';
  END IF;
  DELETE FROM oauth_accounts a WHERE a.user_id = account.id AND a.provider = at_provider;
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'identity.unlinked',
      jsonb_build_object('user_id', account.id, 'provider', at_provider), account.id, app_request_id(), at);
  PERFORM add_notice(notice_id, account.id, jsonb_build_object('what', 'account_unlinked', 'provider', at_provider), at);
  RETURN 'unlinked';
END $$;
CALL give_to_lookup('unlink_identity(text, uuid, timestamptz)', 'zygo_app');
