-- What somebody is told about their account's security, the one-time tokens that stand in such mails, and ending every
-- session of a person for good.

-- One-time tokens without a table of their own: 256 random bits, kept as a SHA-256 hash, used once, bound to their purpose.
CREATE TABLE one_time_tokens (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose text NOT NULL CHECK (purpose IN ('magic_link', 'end_sessions', 'confirm_email', 'revert_email', 'cancel_deletion')),
  -- What it is about, where that is not the person.
  subject_id uuid,
  -- The address that it was mailed to.
  email text NOT NULL,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE INDEX one_time_tokens_user ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_expiry ON one_time_tokens (expires_at);
-- Redeemed before anybody is known, so only the look-up functions and the mail jobs touch them.
CALL protect_table('one_time_tokens', 'user_id = app_user_id()', 'user_id = app_user_id()');
GRANT SELECT, INSERT, DELETE ON one_time_tokens TO zygo_platform;
CALL open_to_lookup('one_time_tokens', 'SELECT');
CALL open_to_lookup('one_time_tokens', 'UPDATE', 'consumed_at');

-- Uses a token up. Of several uses at once one finds it good: the others wait for its row and find it consumed.
CREATE FUNCTION use_token(wanted text, hash bytea, at timestamptz, OUT outcome text, OUT token one_time_tokens)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  SELECT t.* INTO token FROM one_time_tokens t WHERE t.token_hash = hash AND t.purpose = wanted FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN token.consumed_at IS NOT NULL THEN 'consumed'
    WHEN token.expires_at <= at THEN 'expired' ELSE 'good' END;
  IF outcome = 'good' THEN
    UPDATE one_time_tokens t SET consumed_at = at WHERE t.id = token.id;
  END IF;
END $$;
CALL give_to_lookup('use_token(text, bytea, timestamptz)', 'zygo_lookup');

-- Owes somebody a security notice, for the functions that know whom it concerns.
CREATE FUNCTION add_notice(row_id uuid, who uuid, notice jsonb, at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT add_outbox(row_id, '00000000-0000-0000-0000-000000000000', 'mail',
    jsonb_build_object('kind', 'mail.security_notice', 'user_id', who, 'notice', notice), at)
$$;
CALL give_to_lookup('add_notice(uuid, uuid, jsonb, timestamptz)', 'zygo_lookup');

-- Owes the context's user a security notice, in whatever scope; for any batch, and for a statement that owes it only where
-- it changed something: SELECT owe_notice(…) FROM changed.
CREATE FUNCTION owe_notice(row_id uuid, notice jsonb, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF app_user_id() IS NULL THEN
    RETURN false;
  END IF;
  PERFORM add_notice(row_id, app_user_id(), notice, at);
  RETURN true;
END $$;
CALL give_to_lookup('owe_notice(uuid, jsonb, timestamptz)', 'zygo_app');

-- No session of somebody that was asked for until then begins: neither a sign-in that verified the old password a moment
-- ago, nor one that an ended session's token still asks for.
ALTER TABLE users ADD COLUMN no_session_before timestamptz;
CREATE FUNCTION refuse_void_session() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  void timestamptz;
BEGIN
  -- Whoever ends sessions writes this row first: either that one waits for this session, or this one for its end.
  SELECT u.no_session_before INTO void FROM users u WHERE u.id = NEW.user_id FOR NO KEY UPDATE;
  IF void >= NEW.created_at THEN
    RAISE serialization_failure USING MESSAGE = 'the sessions of this person were ended meanwhile';
  END IF;
  RETURN NEW;
END $$;
CALL give_to_lookup('refuse_void_session()', 'zygo_owner');
CREATE TRIGGER void_session BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse_void_session();

-- Ends live sessions of somebody, over all tenants: the one named, or all but the one kept, or all. Where more than one may
-- have ended, a job sees to it that their objects know, whatever becomes of the request.
CREATE FUNCTION end_sessions_of(who uuid, only_id uuid, kept_id uuid, reason text, at timestamptz)
  RETURNS TABLE (id uuid, tenant_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF only_id IS NULL THEN
    UPDATE users u SET no_session_before = at WHERE u.id = who;
  END IF;
  RETURN QUERY
  WITH ended AS (
    UPDATE sessions s SET ended_at = at, end_reason = reason
    WHERE s.user_id = who AND s.ended_at IS NULL
      AND (only_id IS NULL OR s.id = only_id) AND (kept_id IS NULL OR s.id <> kept_id)
    RETURNING s.id, s.tenant_id),
  logged AS (
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    SELECT make_uuid_v7(at), e.tenant_id, 'session.revoked',
      jsonb_build_object('session_id', e.id, 'user_id', who, 'reason', reason), who, app_request_id(), at
    FROM ended e)
  SELECT e.id, e.tenant_id FROM ended e;
  IF FOUND AND only_id IS NULL THEN
    PERFORM add_outbox(make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'jobs',
      jsonb_build_object('kind', 'sessions.end', 'user_id', who, 'ended_at', at), at);
  END IF;
END $$;
CALL give_to_lookup('end_sessions_of(uuid, uuid, uuid, text, timestamptz)', 'zygo_lookup');

-- The same for the context's user.
DROP FUNCTION end_own_sessions(uuid, uuid, text, timestamptz);
CREATE FUNCTION end_own_sessions(only_id uuid, kept_id uuid, reason text, at timestamptz) RETURNS TABLE (id uuid, tenant_id uuid)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT * FROM end_sessions_of(app_user_id(), only_id, kept_id, reason, at)
$$;
CALL give_to_lookup('end_own_sessions(uuid, uuid, text, timestamptz)', 'zygo_app');

-- Somebody who may have let a stranger in trusts no device any more.
GRANT SELECT, DELETE ON trusted_devices TO zygo_lookup;
CREATE POLICY distrust_select ON trusted_devices FOR SELECT TO zygo_lookup USING (true);
CREATE POLICY distrust_delete ON trusted_devices FOR DELETE TO zygo_lookup USING (true);

-- The link of a security notice: ends every session of whom it was mailed to. A row per session that ended; one without a
-- session where there was none, or the token is not good.
CREATE FUNCTION end_sessions_by_token(hash bytea, at timestamptz)
  RETURNS TABLE (outcome text, user_id uuid, session_id uuid, tenant_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  used record;
BEGIN
  used := use_token('end_sessions', hash, at);
  IF used.outcome = 'good' THEN
    DELETE FROM trusted_devices d WHERE d.user_id = (used.token).user_id;
    RETURN QUERY SELECT used.outcome, (used.token).user_id, e.id, e.tenant_id
      FROM end_sessions_of((used.token).user_id, NULL, NULL, 'ended_by_link', at) e;
  END IF;
  IF NOT FOUND THEN
    RETURN QUERY SELECT used.outcome, (used.token).user_id, NULL::uuid, NULL::uuid;
  END IF;
END $$;
CALL give_to_lookup('end_sessions_by_token(bytea, timestamptz)', 'zygo_app');
