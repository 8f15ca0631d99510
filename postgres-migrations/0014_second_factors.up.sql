-- Second factors at work: what a tenant asks for, challenges at sign-in, the lock on wrong answers, and codes by SMS.

ALTER TABLE tenant_settings
  -- How long after the policy began to hold for somebody they may still sign in without a second factor.
  ADD COLUMN mfa_grace_days integer NOT NULL DEFAULT 14 CHECK (mfa_grace_days BETWEEN 0 AND 90),
  -- Since when the policy asks for one; its trigger keeps it.
  ADD COLUMN mfa_policy_since timestamptz;

CREATE FUNCTION keep_mfa_policy_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.mfa_policy_since := CASE WHEN NEW.mfa_policy = 'optional' THEN NULL
    WHEN NEW.mfa_policy = OLD.mfa_policy THEN OLD.mfa_policy_since ELSE now_ms() END;
  RETURN NEW;
END $$;
-- Its name comes before `touch`, and triggers fire by name.
CREATE TRIGGER mfa_policy BEFORE UPDATE ON tenant_settings FOR EACH ROW EXECUTE FUNCTION keep_mfa_policy_since();

-- A sign-in that waits for a second factor: bound to its person, its tenant, and what was proved so far.
CREATE TABLE mfa_challenges (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  -- Authentication methods so far, as RFC 8176 names them.
  amr text[] NOT NULL,
  -- What the client wants its session to be.
  device_name text CHECK (length(device_name) <= 100),
  wants_cookie boolean NOT NULL,
  -- Answers that were tried, right or wrong; five at most.
  answers integer NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  created_at timestamptz NOT NULL,
  UNIQUE (tenant_id, id)
);
CREATE INDEX mfa_challenges_user ON mfa_challenges (user_id);
CREATE INDEX mfa_challenges_expiry ON mfa_challenges (expires_at);
CALL protect_personal_table('mfa_challenges');
GRANT SELECT, DELETE ON mfa_challenges TO zygo_platform;
CALL open_to_lookup('mfa_challenges', 'SELECT');
CALL open_to_lookup('mfa_challenges', 'INSERT');
CALL open_to_lookup('mfa_challenges', 'UPDATE', 'answers, consumed_at');

-- Answers in a row that were not right, over all challenges and step-ups, and until when none is taken because of them.
CREATE TABLE mfa_state (
  user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  failures integer NOT NULL DEFAULT 0,
  locked_until timestamptz
);
CALL protect_table('mfa_state', 'user_id = app_user_id()', 'user_id = app_user_id()');
GRANT SELECT ON mfa_state TO zygo_platform;
CALL open_to_lookup('mfa_state', 'SELECT');
CALL open_to_lookup('mfa_state', 'INSERT');
CALL open_to_lookup('mfa_state', 'UPDATE', 'failures, locked_until');

-- A code on its way by SMS; one per person and purpose, the latest.
CREATE TABLE sms_codes (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- To set up the factor, to verify the profile's number, or to answer for a second factor.
  purpose text NOT NULL CHECK (purpose IN ('factor', 'phone', 'answer')),
  phone text NOT NULL CHECK (length(phone) <= 20),
  -- Made, and hashed under a key, when the message is sent.
  code_hash bytea CHECK (length(code_hash) = 32),
  answers integer NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (user_id, purpose)
);
CREATE INDEX sms_codes_expiry ON sms_codes (expires_at);
CALL protect_table('sms_codes', 'user_id = app_user_id()', 'user_id = app_user_id()');
GRANT SELECT, INSERT, UPDATE, DELETE ON sms_codes TO zygo_app;
GRANT SELECT, UPDATE (code_hash), DELETE ON sms_codes TO zygo_platform;
CALL open_to_lookup('sms_codes', 'SELECT');
GRANT DELETE ON sms_codes TO zygo_lookup;
CREATE POLICY lookup_delete ON sms_codes FOR DELETE TO zygo_lookup USING (true);

CALL open_to_lookup('mfa_tokens', 'SELECT');
CALL open_to_lookup('mfa_tokens', 'UPDATE', 'last_step');
CALL open_to_lookup('mfa_backup_codes', 'SELECT');
CALL open_to_lookup('mfa_backup_codes', 'UPDATE', 'used_at');
CALL open_to_lookup('passkeys', 'SELECT', 'user_id');
CALL open_to_lookup('trusted_devices', 'SELECT');

-- What somebody has set up, in the order that it is offered in. It reads with the rights of whoever asks.
CREATE FUNCTION mfa_factors(who uuid) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT array_remove(ARRAY[
    CASE WHEN EXISTS (SELECT FROM mfa_tokens t WHERE t.user_id = who AND t.kind = 'totp' AND t.confirmed_at IS NOT NULL) THEN 'totp' END,
    CASE WHEN EXISTS (SELECT FROM mfa_tokens t WHERE t.user_id = who AND t.kind = 'sms' AND t.confirmed_at IS NOT NULL) THEN 'sms' END,
    CASE WHEN EXISTS (SELECT FROM passkeys p WHERE p.user_id = who) THEN 'passkey' END,
    CASE WHEN EXISTS (SELECT FROM mfa_backup_codes b WHERE b.user_id = who AND b.used_at IS NULL) THEN 'backup_code' END], NULL)
$$;
GRANT EXECUTE ON FUNCTION mfa_factors(uuid) TO zygo_app, zygo_platform, zygo_lookup;

-- With the last second factor goes what stands in for one: backup codes and trusted devices.
CREATE FUNCTION forget_stand_ins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT mfa_factors(OLD.user_id) && ARRAY['totp', 'sms', 'passkey'] THEN
    DELETE FROM mfa_backup_codes b WHERE b.user_id = OLD.user_id;
    DELETE FROM trusted_devices d WHERE d.user_id = OLD.user_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER stand_ins AFTER DELETE ON mfa_tokens FOR EACH ROW EXECUTE FUNCTION forget_stand_ins();
CREATE TRIGGER stand_ins AFTER DELETE ON passkeys FOR EACH ROW EXECUTE FUNCTION forget_stand_ins();

-- Where somebody stands with second factors at the tenant that they sign in to: every way to sign in asks this beside what
-- it knows them by. `device_hash` is of the token that their device holds, if any.
CREATE FUNCTION mfa_standing(who uuid, home uuid, device_hash bytea, at timestamptz)
  RETURNS TABLE (mfa_factors text[], mfa_device_id uuid, mfa_required_from timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT mfa_factors(who),
    (SELECT d.id FROM trusted_devices d WHERE d.user_id = who AND d.token_hash = device_hash AND d.expires_at > at),
    (SELECT greatest(coalesce(s.mfa_policy_since, s.created_at), m.created_at) + make_interval(days => s.mfa_grace_days)
      FROM tenant_settings s
      JOIN user_roles m ON m.tenant_id = s.tenant_id AND m.user_id = who
      JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
      WHERE s.tenant_id = home AND (s.mfa_policy = 'required' OR s.mfa_policy = 'admins' AND r.level >= 80))
$$;
CALL give_to_lookup('mfa_standing(uuid, uuid, bytea, timestamptz)', 'zygo_app');

-- The context's user proved one factor and needs another. A password hash with newer parameters is kept on the way.
CREATE FUNCTION begin_mfa_challenge(new_id uuid, home uuid, hash bytea, methods text[], device text, cookie boolean,
  new_password_hash text, until timestamptz, at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE users SET password_hash = new_password_hash WHERE id = app_user_id() AND new_password_hash IS NOT NULL;
  INSERT INTO mfa_challenges (id, tenant_id, user_id, token_hash, amr, device_name, wants_cookie, expires_at, created_at)
    VALUES (new_id, home, app_user_id(), hash, methods, device, cookie, until, at)
$$;
CALL give_to_lookup('begin_mfa_challenge(uuid, uuid, bytea, text[], text, boolean, text, timestamptz, timestamptz)', 'zygo_app');

-- Whose challenge it is, and whether it may still be answered; counts nothing. Without a row there is no such challenge.
CREATE FUNCTION look_at_mfa_challenge(hash bytea, home uuid, at timestamptz) RETURNS TABLE (outcome text, challenge_id uuid,
  user_id uuid, factors text[], phone_sealed bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN c.consumed_at IS NOT NULL THEN 'consumed' WHEN c.expires_at <= at THEN 'expired'
      WHEN c.answers >= 5 THEN 'exhausted' ELSE 'open' END,
    c.id, c.user_id, mfa_factors(c.user_id),
    (SELECT t.secret_sealed FROM mfa_tokens t WHERE t.user_id = c.user_id AND t.kind = 'sms' AND t.confirmed_at IS NOT NULL)
  FROM mfa_challenges c WHERE c.token_hash = hash AND c.tenant_id = home
$$;
CALL give_to_lookup('look_at_mfa_challenge(bytea, uuid, timestamptz)', 'zygo_app');

-- Counts an answer as wrong before it is looked at, so that no number of answers at the same moment gets past the lock; the
-- right one clears the count. From the tenth in a row none is taken for a minute, doubling to an hour; those that come
-- meanwhile do not count. `taken` says whether this one may be looked at; the owner is told when the first lock begins.
CREATE FUNCTION charge_mfa_answer(who uuid, outbox_id uuid, at timestamptz)
  RETURNS TABLE (taken boolean, locked_until timestamptz, mailed boolean)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  counted integer;
BEGIN
  INSERT INTO mfa_state (user_id) VALUES (who) ON CONFLICT DO NOTHING;
  UPDATE mfa_state s SET failures = s.failures + 1,
      locked_until = CASE WHEN s.failures >= 9
        THEN at + least(interval '1 hour', interval '1 minute' * power(2, least(s.failures - 9, 6))) END
    WHERE s.user_id = who AND (s.locked_until IS NULL OR s.locked_until <= at)
    RETURNING s.failures INTO counted;
  IF counted = 10 THEN
    PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
      jsonb_build_object('kind', 'mail.account_locked', 'user_id', who), at);
  END IF;
  RETURN QUERY SELECT counted IS NOT NULL, s.locked_until, coalesce(counted = 10, false) FROM mfa_state s WHERE s.user_id = who;
END $$;
CALL give_to_lookup('charge_mfa_answer(uuid, uuid, timestamptz)', 'zygo_lookup');

-- What an answer is compared with: the sealed secret and last step, the hash of the latest SMS, or the backup code it is.
CREATE FUNCTION mfa_evidence(who uuid, factor text, backup_hashes bytea[], at timestamptz)
  RETURNS TABLE (totp_sealed bytea, totp_step bigint, sms_id uuid, sms_hash bytea, backup_id uuid)
  LANGUAGE sql STABLE AS $$
  SELECT t.secret_sealed, t.last_step, c.id, c.code_hash, b.id
  FROM (SELECT) one
  LEFT JOIN mfa_tokens t ON factor = 'totp' AND t.user_id = who AND t.kind = 'totp' AND t.confirmed_at IS NOT NULL
  LEFT JOIN sms_codes c ON factor = 'sms' AND c.user_id = who AND c.purpose = 'answer' AND c.expires_at > at
  LEFT JOIN mfa_backup_codes b ON factor = 'backup_code' AND b.user_id = who AND b.used_at IS NULL AND b.code_hash = ANY (backup_hashes)
  LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION mfa_evidence(uuid, text, bytea[], timestamptz) TO zygo_lookup;

-- An answer to a challenge: counted, and what it is to be compared with. Without a row there is no such challenge at that
-- tenant; with an outcome other than taken nothing else is told.
CREATE FUNCTION answer_mfa_challenge(hash bytea, home uuid, factor text, backup_hashes bytea[], outbox_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, wait_until timestamptz, mailed boolean, challenge_id uuid, challenge_amr text[],
    challenge_device text, challenge_cookie boolean, totp_sealed bytea, totp_step bigint, sms_id uuid, sms_hash bytea, backup_id uuid,
    profile user_profiles, membership memberships)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  challenge mfa_challenges;
  charged record;
BEGIN
  SELECT c.* INTO challenge FROM mfa_challenges c WHERE c.token_hash = hash AND c.tenant_id = home FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  mailed := false;
  wait_until := challenge.expires_at;
  outcome := CASE WHEN challenge.consumed_at IS NOT NULL THEN 'consumed' WHEN challenge.expires_at <= at THEN 'expired'
    WHEN challenge.answers >= 5 THEN 'exhausted' ELSE 'taken' END;
  IF outcome = 'taken' THEN
    SELECT a.* INTO charged FROM charge_mfa_answer(challenge.user_id, outbox_id, at) a;
    mailed := charged.mailed;
    IF NOT charged.taken THEN
      outcome := 'locked';
      wait_until := charged.locked_until;
    END IF;
  END IF;
  IF outcome <> 'taken' THEN
    RETURN NEXT;
    RETURN;
  END IF;
  UPDATE mfa_challenges c SET answers = c.answers + 1 WHERE c.id = challenge.id;
  RETURN QUERY SELECT outcome, wait_until, mailed, challenge.id, challenge.amr, challenge.device_name, challenge.wants_cookie,
      e.totp_sealed, e.totp_step, e.sms_id, e.sms_hash, e.backup_id, p, m
    FROM mfa_evidence(challenge.user_id, factor, backup_hashes, at) e
    JOIN user_profiles p ON p.id = challenge.user_id
    LEFT JOIN memberships m ON m.member_id = challenge.user_id AND m.tenant_id = home;
END $$;
CALL give_to_lookup('answer_mfa_challenge(bytea, uuid, text, bytea[], uuid, timestamptz)', 'zygo_app');

-- The same for the context's user, who is signed in and steps up.
CREATE FUNCTION answer_own_mfa(home uuid, factor text, backup_hashes bytea[], outbox_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, wait_until timestamptz, mailed boolean, factors text[], totp_sealed bytea, totp_step bigint, sms_id uuid,
    sms_hash bytea, backup_id uuid, profile user_profiles, membership memberships)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  charged record;
BEGIN
  factors := mfa_factors(app_user_id());
  mailed := false;
  -- Who has no factor cannot answer wrongly.
  IF NOT factors && ARRAY['totp', 'sms', 'passkey'] THEN
    outcome := 'none';
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT a.* INTO charged FROM charge_mfa_answer(app_user_id(), outbox_id, at) a;
  outcome := CASE WHEN charged.taken THEN 'taken' ELSE 'locked' END;
  wait_until := charged.locked_until;
  mailed := charged.mailed;
  IF outcome <> 'taken' THEN
    RETURN NEXT;
    RETURN;
  END IF;
  RETURN QUERY SELECT outcome, wait_until, mailed, factors, e.totp_sealed, e.totp_step, e.sms_id, e.sms_hash, e.backup_id, p, m
    FROM mfa_evidence(app_user_id(), factor, backup_hashes, at) e
    JOIN user_profiles p ON p.id = app_user_id()
    LEFT JOIN memberships m ON m.member_id = app_user_id() AND m.tenant_id = home;
END $$;
CALL give_to_lookup('answer_own_mfa(uuid, text, bytea[], uuid, timestamptz)', 'zygo_app');

-- A right answer of the context's user: uses up the code, and the challenge if there is one, and clears the count. Whatever
-- was used up at the same moment by another answer ends the transaction, and with it what this answer was good for.
CREATE FUNCTION redeem_mfa_answer(challenge uuid, factor text, step bigint, code uuid, at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := app_user_id();
  used integer := 1;
BEGIN
  IF challenge IS NOT NULL THEN
    UPDATE mfa_challenges c SET consumed_at = at WHERE c.id = challenge AND c.user_id = who AND c.consumed_at IS NULL AND c.expires_at > at;
    IF NOT FOUND THEN
      RAISE unique_violation USING MESSAGE = 'the challenge was answered', CONSTRAINT = 'mfa_challenge_once';
    END IF;
  END IF;
  IF factor = 'totp' THEN
    UPDATE mfa_tokens t SET last_step = step
      WHERE t.user_id = who AND t.kind = 'totp' AND t.confirmed_at IS NOT NULL AND (t.last_step IS NULL OR t.last_step < step);
    GET DIAGNOSTICS used = ROW_COUNT;
  ELSIF factor = 'sms' THEN
    DELETE FROM sms_codes c WHERE c.id = code AND c.user_id = who AND c.expires_at > at;
    GET DIAGNOSTICS used = ROW_COUNT;
  ELSIF factor = 'backup_code' THEN
    UPDATE mfa_backup_codes b SET used_at = at WHERE b.id = code AND b.user_id = who AND b.used_at IS NULL;
    GET DIAGNOSTICS used = ROW_COUNT;
  END IF;
  IF used = 0 THEN
    RAISE unique_violation USING MESSAGE = 'the code was used', CONSTRAINT = 'mfa_code_once';
  END IF;
  UPDATE mfa_state s SET failures = 0, locked_until = NULL WHERE s.user_id = who AND s.failures <> 0;
END $$;
CALL give_to_lookup('redeem_mfa_answer(uuid, text, bigint, uuid, timestamptz)', 'zygo_app');

-- A code of the context's user for another purpose than answering. Counted before it is compared; five answers at most. The
-- right one is used up. Without a row there is no code that could be right.
CREATE FUNCTION take_sms_code(wanted text, code_hashes bytea[], at timestamptz) RETURNS TABLE (outcome text, phone text)
  LANGUAGE plpgsql AS $$
DECLARE
  sent sms_codes;
BEGIN
  SELECT c.* INTO sent FROM sms_codes c
    WHERE c.user_id = app_user_id() AND c.purpose = wanted AND c.code_hash IS NOT NULL AND c.expires_at > at FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF sent.answers >= 5 THEN
    RETURN QUERY SELECT 'exhausted', NULL::text;
  ELSIF sent.code_hash = ANY (code_hashes) THEN
    DELETE FROM sms_codes c WHERE c.id = sent.id;
    RETURN QUERY SELECT 'right', sent.phone;
  ELSE
    UPDATE sms_codes c SET answers = c.answers + 1 WHERE c.id = sent.id;
    RETURN QUERY SELECT 'wrong', NULL::text;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION take_sms_code(text, bytea[], timestamptz) TO zygo_app;
