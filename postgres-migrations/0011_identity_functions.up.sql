-- What identity does before, or across, tenants. Each function runs with zygo_lookup's few rights and answers the least
-- it can; times come from the caller.

-- Outbox rows are first swept half a minute after they were written: until then the request itself delivers them.
CREATE FUNCTION add_outbox(row_id uuid, tenant uuid, job_queue text, payload jsonb, at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at)
  VALUES (row_id, tenant, payload ->> 'kind', job_queue, payload, at, at + interval '30 seconds')
$$;
CALL give_to_lookup('add_outbox(uuid, uuid, text, jsonb, timestamptz)', 'zygo_lookup');

-- Creates a user, unless the address is taken. Either way one mail is owed: to verify the address, or to tell its owner.
CREATE FUNCTION sign_up(new_id uuid, new_email text, new_password_hash text, new_first_name text, new_last_name text,
  new_locale text, event_id uuid, outbox_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  platform constant uuid := '00000000-0000-0000-0000-000000000000';
  owner_id uuid;
  created boolean;
BEGIN
  INSERT INTO users (id, email, password_hash, first_name, last_name, locale, created_at, updated_at)
    VALUES (new_id, new_email, new_password_hash, new_first_name, new_last_name, new_locale, at, at)
    ON CONFLICT (email) DO NOTHING;
  created := FOUND;
  SELECT u.id INTO owner_id FROM users u WHERE u.email = new_email;
  IF created THEN
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (event_id, platform, 'user.signed_up', jsonb_build_object('user_id', new_id), new_id, app_request_id(), at);
  END IF;
  PERFORM add_outbox(outbox_id, platform, 'mail', jsonb_build_object(
    'kind', CASE WHEN created THEN 'mail.verify_email' ELSE 'mail.account_exists' END, 'user_id', owner_id), at);
  RETURN created;
END $$;
CALL give_to_lookup('sign_up(uuid, text, text, text, text, text, uuid, uuid, timestamptz)', 'zygo_app');

-- What a password sign-in must know about an address, and the membership in the tenant it signs in to, if there is one.
CREATE FUNCTION find_credentials(address text, tenant uuid) RETURNS TABLE (
  profile user_profiles, password_hash text, failed_sign_ins integer, locked_until timestamptz, membership memberships
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT p, u.password_hash, u.failed_sign_ins, u.locked_until, m
  FROM users u
  JOIN user_profiles p ON p.id = u.id
  LEFT JOIN memberships m ON m.member_id = u.id AND m.tenant_id = tenant
  WHERE u.email = address
$$;
CALL give_to_lookup('find_credentials(text, uuid)', 'zygo_app');

-- The context's user signed in: no failures in a row any more, and perhaps a hash with newer parameters.
CREATE FUNCTION sign_in_succeeded(new_password_hash text, at timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH changed AS (
    UPDATE users SET failed_sign_ins = 0, locked_until = NULL, last_sign_in_at = at,
      password_hash = coalesce(new_password_hash, password_hash)
    WHERE id = app_user_id() RETURNING true)
  SELECT EXISTS (SELECT FROM changed)
$$;
CALL give_to_lookup('sign_in_succeeded(text, timestamptz)', 'zygo_app');

-- A wrong password, or an unknown address (who is NULL). From the tenth failure in a row the account is locked, 1 min
-- doubling to 1 h; failures while it is locked do not count. Its owner is told when the first lock of a row begins.
CREATE FUNCTION sign_in_failed(who uuid, outbox_id uuid, at timestamptz) RETURNS TABLE (locked_until timestamptz, mailed boolean)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  failures integer;
  locked timestamptz;
BEGIN
  UPDATE users u SET failed_sign_ins = u.failed_sign_ins + 1,
      locked_until = CASE WHEN u.failed_sign_ins >= 9
        THEN at + least(interval '1 hour', interval '1 minute' * power(2, least(u.failed_sign_ins - 9, 6))) END
    WHERE u.id = who AND (u.locked_until IS NULL OR u.locked_until <= at)
    RETURNING u.failed_sign_ins, u.locked_until INTO failures, locked;
  IF failures = 10 THEN
    PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
      jsonb_build_object('kind', 'mail.account_locked', 'user_id', who), at);
  END IF;
  RETURN QUERY SELECT locked, coalesce(failures = 10, false);
END $$;
CALL give_to_lookup('sign_in_failed(uuid, uuid, timestamptz)', 'zygo_app');

-- Owes the verification mail once more, if the address has an account that still needs it.
CREATE FUNCTION request_verification(address text, outbox_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := (SELECT u.id FROM users u WHERE u.email = address AND u.email_verified_at IS NULL AND u.status = 'active');
BEGIN
  IF who IS NULL THEN
    RETURN false;
  END IF;
  PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
    jsonb_build_object('kind', 'mail.verify_email', 'user_id', who), at);
  RETURN true;
END $$;
CALL give_to_lookup('request_verification(text, uuid, timestamptz)', 'zygo_app');

-- Redeems a verification token. A token counts for the address it was made for; the first one that is redeemed uses up
-- the others. Without a row the token is unknown; the profile comes only with the outcome verified.
CREATE FUNCTION verify_email(hash bytea, event_id uuid, at timestamptz) RETURNS TABLE (outcome text, profile user_profiles)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  token email_verification_tokens;
BEGIN
  SELECT t.* INTO token FROM email_verification_tokens t WHERE t.token_hash = hash FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  outcome := CASE WHEN token.consumed_at IS NOT NULL THEN 'consumed' WHEN token.expires_at <= at THEN 'expired' ELSE 'verified' END;
  IF outcome = 'verified' THEN
    UPDATE users u SET email_verified_at = at, updated_at = at
      WHERE u.id = token.user_id AND u.email = token.email AND u.email_verified_at IS NULL;
    -- The address was changed, or verified otherwise, since the mail was sent.
    outcome := CASE WHEN FOUND THEN 'verified' ELSE 'consumed' END;
    UPDATE email_verification_tokens t SET consumed_at = at WHERE t.user_id = token.user_id AND t.consumed_at IS NULL;
  END IF;
  IF outcome = 'verified' THEN
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (event_id, '00000000-0000-0000-0000-000000000000', 'user.email_verified',
        jsonb_build_object('user_id', token.user_id), token.user_id, app_request_id(), at);
    SELECT p.* INTO profile FROM user_profiles p WHERE p.id = token.user_id;
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('verify_email(bytea, uuid, timestamptz)', 'zygo_app');

-- The context's user's live sessions, over all tenants, the most recently used first.
CREATE FUNCTION own_sessions(at timestamptz) RETURNS TABLE (id uuid, tenant_id uuid, device_name text, ip text, country text,
  user_agent text, amr text[], created_at timestamptz, last_seen_at timestamptz, expires_at timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT s.id, s.tenant_id, s.device_name, s.ip, s.country, s.user_agent, s.amr, s.created_at, s.last_seen_at, s.expires_at
  FROM sessions s
  WHERE s.user_id = app_user_id() AND s.ended_at IS NULL AND s.expires_at > at
  ORDER BY s.last_seen_at DESC, s.id DESC LIMIT 200
$$;
CALL give_to_lookup('own_sessions(timestamptz)', 'zygo_app');

-- A session of the context's user was refreshed: it was seen, and its end slides as far as its tenant's settings let it.
CREATE FUNCTION touch_own_session(seen_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH touched AS (
    UPDATE sessions s SET last_seen_at = at, expires_at = least(
      s.created_at + make_interval(days => t.session_absolute_days), at + make_interval(days => t.session_idle_days))
    FROM tenant_settings t
    WHERE s.id = seen_id AND s.user_id = app_user_id() AND s.ended_at IS NULL AND t.tenant_id = s.tenant_id
    RETURNING true)
  SELECT EXISTS (SELECT FROM touched)
$$;
CALL give_to_lookup('touch_own_session(uuid, timestamptz)', 'zygo_app');

-- Ends live sessions of the context's user, over all tenants: the one named, or all but the one kept, or all.
CREATE FUNCTION end_own_sessions(only_id uuid, kept_id uuid, reason text, at timestamptz) RETURNS TABLE (id uuid, tenant_id uuid)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH ended AS (
    UPDATE sessions s SET ended_at = at, end_reason = reason
    WHERE s.user_id = app_user_id() AND s.ended_at IS NULL
      AND (only_id IS NULL OR s.id = only_id) AND (kept_id IS NULL OR s.id <> kept_id)
    RETURNING s.id, s.tenant_id, s.user_id),
  logged AS (
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    SELECT make_uuid_v7(at), e.tenant_id, 'session.revoked',
      jsonb_build_object('session_id', e.id, 'user_id', e.user_id, 'reason', reason), e.user_id, app_request_id(), at
    FROM ended e)
  SELECT e.id, e.tenant_id FROM ended e
$$;
CALL give_to_lookup('end_own_sessions(uuid, uuid, text, timestamptz)', 'zygo_app');
