-- Verified numbers, and what ends with somebody's sessions.

-- Whoever ends more than one of their sessions lets no half of a sign-in go on, and trusts no device any more: they changed
-- their password, or think that a stranger was in.
CREATE FUNCTION void_half_sign_ins() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE mfa_challenges c SET consumed_at = NEW.no_session_before WHERE c.user_id = NEW.id AND c.consumed_at IS NULL;
  DELETE FROM trusted_devices d WHERE d.user_id = NEW.id;
  RETURN NULL;
END $$;
CALL give_to_lookup('void_half_sign_ins()', 'zygo_owner');
CREATE TRIGGER half_sign_ins AFTER UPDATE OF no_session_before ON users
  FOR EACH ROW WHEN (NEW.no_session_before IS DISTINCT FROM OLD.no_session_before) EXECUTE FUNCTION void_half_sign_ins();

-- A code that was sent to verify the context's user's number: if it is right, the number is the profile's. Without a row there
-- is no code that could be right.
GRANT EXECUTE ON FUNCTION take_sms_code(text, bytea[], timestamptz) TO zygo_lookup;
CALL open_to_lookup('sms_codes', 'UPDATE', 'answers');
CREATE FUNCTION verify_phone(code_hashes bytea[], event_id uuid, at timestamptz) RETURNS TABLE (outcome text, phone text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  SELECT t.outcome, t.phone INTO outcome, phone FROM take_sms_code('phone', code_hashes, at) t;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF outcome = 'right' THEN
    UPDATE users u SET phone = verify_phone.phone, phone_verified_at = at, updated_at = at WHERE u.id = app_user_id();
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (event_id, '00000000-0000-0000-0000-000000000000', 'user.phone_verified', jsonb_build_object('user_id', app_user_id()),
        app_user_id(), app_request_id(), at);
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('verify_phone(bytea[], uuid, timestamptz)', 'zygo_app');
