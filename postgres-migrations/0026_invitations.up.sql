-- Invitations: by mail, for whoever has the address, with an account or without.

-- The token is made when its mail is; until then, and after a resend, there is none.
ALTER TABLE invitations ALTER COLUMN token_hash DROP NOT NULL;
CREATE INDEX invitations_list ON invitations (tenant_id, created_at DESC, id DESC);
DROP TRIGGER touch ON invitations;
CREATE TRIGGER touch BEFORE UPDATE OF role_id, invited_by, expires_at, accepted_at, revoked_at ON invitations
  FOR EACH ROW EXECUTE FUNCTION touch_row();
GRANT UPDATE (token_hash) ON invitations TO zygo_platform;
GRANT SELECT ON invitations TO zygo_lookup;
CALL open_to_lookup('invitations', 'UPDATE', 'accepted_at, accepted_by, updated_at');

-- What an invitation is good for now. It speaks for whoever sent it: where they are no active member any more, or no longer
-- outrank the role, it is as if there were none.
CREATE FUNCTION invitation_standing(invitation invitations, at timestamptz) RETURNS text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE
    WHEN invitation.id IS NULL OR invitation.revoked_at IS NOT NULL THEN 'unknown'
    WHEN invitation.accepted_at IS NOT NULL THEN 'consumed'
    WHEN NOT EXISTS (
      SELECT FROM tenants t
      JOIN user_roles m ON m.tenant_id = t.id AND m.user_id = invitation.invited_by AND m.status = 'active'
      JOIN users u ON u.id = m.user_id AND u.status = 'active'
      JOIN roles own ON own.tenant_id = m.tenant_id AND own.id = m.role_id
      JOIN roles given ON given.tenant_id = t.id AND given.id = invitation.role_id
      WHERE t.id = invitation.tenant_id AND t.status = 'active' AND (own.level > given.level OR own.level = 100 AND given.level = 100)) THEN 'unknown'
    WHEN invitation.expires_at <= at THEN 'expired'
    ELSE 'good' END
$$;
CALL give_to_lookup('invitation_standing(invitations, timestamptz)', 'zygo_lookup');

-- What the holder of a token may know before they accept. Uses nothing up.
CREATE FUNCTION look_at_invitation(hash bytea, at timestamptz) RETURNS TABLE (outcome text, email text, expires_at timestamptz,
    tenant_id uuid, tenant_slug text, tenant_name text, role_id uuid, role_key text, role_name text, role_level smallint,
    password_min_length integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT invitation_standing(i, at), i.email, i.expires_at, t.id, t.slug, t.name, r.id, r.key, r.name, r.level,
    s.password_min_length
  FROM invitations i JOIN tenants t ON t.id = i.tenant_id JOIN tenant_settings s ON s.tenant_id = t.id
  JOIN roles r ON r.tenant_id = i.tenant_id AND r.id = i.role_id
  WHERE i.token_hash = hash
$$;
CALL give_to_lookup('look_at_invitation(bytea, timestamptz)', 'zygo_app');

-- An invitation about to be used, under its tenant's lock and its own: of several at once the first finds it good.
CREATE FUNCTION take_invitation(hash bytea, at timestamptz, OUT outcome text, OUT invitation invitations)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM tenants t WHERE t.id = (SELECT i.tenant_id FROM invitations i WHERE i.token_hash = hash) FOR NO KEY UPDATE;
  SELECT i.* INTO invitation FROM invitations i WHERE i.token_hash = hash FOR NO KEY UPDATE;
  outcome := invitation_standing(invitation, at);
END $$;
CALL give_to_lookup('take_invitation(bytea, timestamptz)', 'zygo_lookup');

-- Makes somebody a member by an invitation that was taken; `plans` and `limits` say how many members each plan covers.
CREATE FUNCTION join_by_invitation(invitation invitations, who uuid, plans text[], limits bigint[], row_id uuid, at timestamptz)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  most constant bigint := (
    SELECT CASE jsonb_typeof(f.value) WHEN 'number' THEN trunc((f.value)::numeric)::bigint WHEN 'null' THEN NULL ELSE p.most END
    FROM tenants t JOIN unnest(plans, limits) p (plan, most) ON p.plan = t.plan
    LEFT JOIN tenant_features f ON f.tenant_id = t.id AND f.feature = 'members' AND (f.expires_at IS NULL OR f.expires_at > now())
    WHERE t.id = invitation.tenant_id);
BEGIN
  IF most <= (SELECT count(*) FROM user_roles m WHERE m.tenant_id = invitation.tenant_id) THEN
    RAISE check_violation USING CONSTRAINT = 'members_full', MESSAGE = 'the plan has no room for another member';
  END IF;
  INSERT INTO user_roles (id, tenant_id, user_id, role_id, created_at, updated_at)
    VALUES (row_id, invitation.tenant_id, who, invitation.role_id, at, at);
  UPDATE invitations i SET accepted_at = at, accepted_by = who, updated_at = at WHERE i.id = invitation.id;
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (make_uuid_v7(at), invitation.tenant_id, 'member.joined',
      jsonb_build_object('user_id', who, 'role_id', invitation.role_id, 'invitation_id', invitation.id), who, app_request_id(), at);
END $$;
CALL give_to_lookup('join_by_invitation(invitations, uuid, text[], bigint[], uuid, timestamptz)', 'zygo_lookup');

-- The context's user accepts. Outcomes beside those of the token: foreign (the invitation is for another address), member
-- (they are one already; the invitation stays).
CREATE FUNCTION accept_invitation(hash bytea, plans text[], limits bigint[], row_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, profile user_profiles, membership memberships)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  taken record;
  who constant uuid := app_user_id();
BEGIN
  taken := take_invitation(hash, at);
  outcome := taken.outcome;
  IF outcome = 'good' THEN
    outcome := CASE
      WHEN NOT EXISTS (SELECT FROM users u WHERE u.id = who AND u.status = 'active' AND u.email = (taken.invitation).email) THEN 'foreign'
      WHEN EXISTS (SELECT FROM user_roles m WHERE m.tenant_id = (taken.invitation).tenant_id AND m.user_id = who) THEN 'member'
      ELSE 'good' END;
  END IF;
  IF outcome = 'good' THEN
    PERFORM join_by_invitation(taken.invitation, who, plans, limits, row_id, at);
    SELECT p.* INTO profile FROM user_profiles p WHERE p.id = who;
    SELECT m.* INTO membership FROM memberships m WHERE m.member_id = who AND m.tenant_id = (taken.invitation).tenant_id;
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('accept_invitation(bytea, text[], bigint[], uuid, timestamptz)', 'zygo_app');

-- Somebody without an account makes one by accepting; the token proves the address, so that an account which never proved it
-- becomes theirs. Outcomes as above, and taken (the address has an account of somebody who proved it: its owner is told, if
-- an outbox row is given for that). `claimed` is the address that the newcomer names, NULL for the invitation's.
CREATE FUNCTION sign_up_by_invitation(hash bytea, claimed text, new_id uuid, new_password_hash text, new_first_name text,
  new_last_name text, new_locale text, plans text[], limits bigint[], row_id uuid, outbox_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, profile user_profiles, membership memberships)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  platform constant uuid := '00000000-0000-0000-0000-000000000000';
  taken record;
  who uuid;
BEGIN
  taken := take_invitation(hash, at);
  outcome := taken.outcome;
  IF outcome = 'good' AND claimed <> (taken.invitation).email THEN
    outcome := 'foreign';
  END IF;
  IF outcome = 'good' THEN
    INSERT INTO users AS u (id, email, email_verified_at, password_hash, first_name, last_name, locale, created_at, updated_at)
      VALUES (new_id, (taken.invitation).email, at, new_password_hash, new_first_name, new_last_name, new_locale, at, at)
      ON CONFLICT (email) DO UPDATE SET email_verified_at = at, password_hash = excluded.password_hash, first_name = excluded.first_name,
        last_name = excluded.last_name, locale = excluded.locale, failed_sign_ins = 0, locked_until = NULL, updated_at = at
        WHERE u.email_verified_at IS NULL AND u.status = 'active'
      RETURNING u.id INTO who;
    outcome := CASE WHEN who IS NULL THEN 'taken' ELSE 'good' END;
  END IF;
  IF outcome = 'taken' AND outbox_id IS NOT NULL THEN
    PERFORM add_outbox(outbox_id, platform, 'mail', jsonb_build_object('kind', 'mail.account_exists', 'user_id', u.id), at)
      FROM users u WHERE u.email = (taken.invitation).email;
  END IF;
  IF outcome = 'good' THEN
    PERFORM void_open_doors(who, at);
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      SELECT make_uuid_v7(at), platform, kind, jsonb_build_object('user_id', who), who, app_request_id(), at
      FROM unnest(ARRAY['user.signed_up', 'user.email_verified']) kind WHERE kind <> 'user.signed_up' OR who = new_id;
    PERFORM join_by_invitation(taken.invitation, who, plans, limits, row_id, at);
    SELECT p.* INTO profile FROM user_profiles p WHERE p.id = who;
    SELECT m.* INTO membership FROM memberships m WHERE m.member_id = who AND m.tenant_id = (taken.invitation).tenant_id;
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('sign_up_by_invitation(bytea, text, uuid, text, text, text, text, text[], bigint[], uuid, uuid, timestamptz)', 'zygo_app');
