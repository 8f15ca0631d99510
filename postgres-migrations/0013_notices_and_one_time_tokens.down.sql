DROP FUNCTION end_sessions_by_token(bytea, timestamptz);
DROP POLICY distrust_delete ON trusted_devices;
DROP POLICY distrust_select ON trusted_devices;
REVOKE SELECT, DELETE ON trusted_devices FROM zygo_lookup;
DROP FUNCTION end_own_sessions(uuid, uuid, text, timestamptz);
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
DROP FUNCTION end_sessions_of(uuid, uuid, uuid, text, timestamptz);
DROP TRIGGER void_session ON sessions;
DROP FUNCTION refuse_void_session();
ALTER TABLE users DROP COLUMN no_session_before;
DROP FUNCTION owe_notice(uuid, jsonb, timestamptz);
DROP FUNCTION add_notice(uuid, uuid, jsonb, timestamptz);
DROP FUNCTION use_token(text, bytea, timestamptz);
DROP TABLE one_time_tokens;
