DROP FUNCTION verify_email(bytea, uuid, timestamptz);
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

DROP FUNCTION request_verification(text, uuid, timestamptz);
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

DROP TRIGGER mail_trouble ON users;
DROP FUNCTION end_mail_trouble();
DROP FUNCTION report_mail(text, text, bytea[], text, timestamptz);
REVOKE UPDATE (mail_state, mail_state_since) ON users FROM zygo_platform;
ALTER TABLE users DROP COLUMN mail_state, DROP COLUMN mail_state_since;
DROP TABLE mail_reports;
DROP TABLE mail_suppressions;
