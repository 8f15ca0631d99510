DROP TRIGGER rate ON security_events;
DROP FUNCTION rate_security_event();
CALL replace_lookup_function($replace$
CREATE OR REPLACE FUNCTION audit_change() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  hidden constant text[] := coalesce(TG_ARGV, '{}'::text[]);
  moving constant text[] := ARRAY['updated_at', 'version'];
  row_before constant jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - hidden END;
  row_after constant jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - hidden END;
  subject constant jsonb := coalesce(row_after, row_before);
BEGIN
  IF TG_OP = 'UPDATE' AND row_before - moving = row_after - moving THEN
    RETURN NULL;
  END IF;
  INSERT INTO audit_logs (id, tenant_id, actor, user_id, action, resource_type, resource_id, before, after, request_id)
  VALUES (
    make_uuid_v7(now()),
    coalesce(CASE WHEN TG_TABLE_NAME = 'tenants' THEN subject ->> 'id' ELSE subject ->> 'tenant_id' END,
      '00000000-0000-0000-0000-000000000000')::uuid,
    coalesce(app_actor(), session_user::text),
    app_user_id(),
    TG_TABLE_NAME || '.' || lower(TG_OP),
    TG_TABLE_NAME,
    coalesce(subject ->> 'id', subject ->> 'user_id', subject ->> 'tenant_id')::uuid,
    row_before, row_after, app_request_id());
  RETURN NULL;
END $$
$replace$);
DROP PROCEDURE replace_lookup_function(text);
DROP INDEX security_events_user, security_events_severity, security_events_kind;
DROP INDEX audit_logs_resource, audit_logs_type, audit_logs_action, audit_logs_actor;
CREATE INDEX audit_logs_resource ON audit_logs (tenant_id, resource_type, resource_id);
ALTER TABLE audit_logs DROP COLUMN ip;
DROP FUNCTION app_address();
