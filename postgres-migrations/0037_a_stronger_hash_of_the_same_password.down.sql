DROP FUNCTION begin_mfa_challenge(uuid, uuid, bytea, text[], text, boolean, timestamptz, timestamptz);
DROP FUNCTION sign_in_succeeded(timestamptz);
DROP FUNCTION strengthen_password(text, text);

CREATE FUNCTION sign_in_succeeded(new_password_hash text, at timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH changed AS (
    UPDATE users SET failed_sign_ins = 0, locked_until = NULL, last_sign_in_at = at,
      password_hash = coalesce(new_password_hash, password_hash)
    WHERE id = app_user_id() RETURNING true)
  SELECT EXISTS (SELECT FROM changed)
$$;
CALL give_to_lookup('sign_in_succeeded(text, timestamptz)', 'zygo_app');

CREATE FUNCTION begin_mfa_challenge(new_id uuid, home uuid, hash bytea, methods text[], device text, cookie boolean,
  new_password_hash text, until timestamptz, at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE users SET password_hash = new_password_hash WHERE id = app_user_id() AND new_password_hash IS NOT NULL;
  INSERT INTO mfa_challenges (id, tenant_id, user_id, token_hash, amr, device_name, wants_cookie, expires_at, created_at)
    VALUES (new_id, home, app_user_id(), hash, methods, device, cookie, until, at)
$$;
CALL give_to_lookup('begin_mfa_challenge(uuid, uuid, bytea, text[], text, boolean, text, timestamptz, timestamptz)', 'zygo_app');
