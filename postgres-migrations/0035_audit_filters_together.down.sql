DROP INDEX audit_logs_actor;
DROP INDEX audit_logs_action;
CREATE INDEX audit_logs_actor ON audit_logs (tenant_id, actor, created_at DESC, id DESC);
CREATE INDEX audit_logs_action ON audit_logs (tenant_id, action, created_at DESC, id DESC);
