-- Two filters that each fit many rows and together none made a page read every row that fits the one. The other's column now
-- stands at the end of the index, behind the list's order, so that such rows are passed over within it.
DROP INDEX audit_logs_actor;
DROP INDEX audit_logs_action;
CREATE INDEX audit_logs_actor ON audit_logs (tenant_id, actor, created_at DESC, id DESC, action, resource_type);
CREATE INDEX audit_logs_action ON audit_logs (tenant_id, action, created_at DESC, id DESC, resource_type);
