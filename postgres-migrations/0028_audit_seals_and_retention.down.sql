DROP FUNCTION owe_expiry(text[], bigint[], timestamptz, uuid, bigint);
DROP FUNCTION expire_trail(uuid, timestamptz, integer);
REVOKE SELECT (expired_through) ON audit_seals FROM zygo_lookup;
REVOKE SELECT (seq) ON audit_logs FROM zygo_lookup;
REVOKE DELETE, SELECT (created_at) ON audit_logs, user_activity, rls_violations FROM zygo_lookup;
-- Of security events the look-up functions read the time already.
REVOKE DELETE ON security_events FROM zygo_lookup;
DROP POLICY lookup_delete ON rls_violations;
DROP POLICY lookup_delete ON security_events;
DROP POLICY lookup_delete ON user_activity;
DROP POLICY lookup_delete ON audit_logs;
DROP FUNCTION owe_audit_seals(timestamptz);
DROP FUNCTION mark_audit();
REVOKE SELECT ON SEQUENCE audit_logs_seq_seq FROM zygo_platform;
DROP TABLE audit_marks;
DROP INDEX audit_logs_place;
DROP INDEX audit_seals_age;
ALTER TABLE audit_seals
  DROP CONSTRAINT audit_seals_number,
  DROP COLUMN rows_mixed,
  DROP COLUMN rows_hash,
  DROP COLUMN expired_through,
  DROP COLUMN number,
  ADD CONSTRAINT audit_seals_tenant_id_last_seq_key UNIQUE (tenant_id, last_seq);
