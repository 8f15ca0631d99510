-- A hash with newer parameters takes the place of the one that its password was checked against, and of no other: a password that was
-- changed between the check and the write stays changed.

DROP FUNCTION sign_in_succeeded(text, timestamptz);
DROP FUNCTION begin_mfa_challenge(uuid, uuid, bytea, text[], text, boolean, text, timestamptz, timestamptz);

-- The context's user.
CREATE FUNCTION strengthen_password(old_hash text, new_hash text) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH changed AS (UPDATE users SET password_hash = new_hash WHERE id = app_user_id() AND password_hash = old_hash RETURNING true)
  SELECT EXISTS (SELECT FROM changed)
$$;
CALL give_to_lookup('strengthen_password(text, text)', 'zygo_app');

-- The context's user signed in: no failures in a row any more.
CREATE FUNCTION sign_in_succeeded(at timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH changed AS (UPDATE users SET failed_sign_ins = 0, locked_until = NULL, last_sign_in_at = at WHERE id = app_user_id() RETURNING true)
  SELECT EXISTS (SELECT FROM changed)
$$;
CALL give_to_lookup('sign_in_succeeded(timestamptz)', 'zygo_app');

-- The context's user proved one factor and needs another.
CREATE FUNCTION begin_mfa_challenge(new_id uuid, home uuid, hash bytea, methods text[], device text, cookie boolean, until timestamptz,
  at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO mfa_challenges (id, tenant_id, user_id, token_hash, amr, device_name, wants_cookie, expires_at, created_at)
    VALUES (new_id, home, app_user_id(), hash, methods, device, cookie, until, at)
$$;
CALL give_to_lookup('begin_mfa_challenge(uuid, uuid, bytea, text[], text, boolean, timestamptz, timestamptz)', 'zygo_app');
