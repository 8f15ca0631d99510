-- The trail says from where a change came, and is found by whom, what and which without reading what was not asked for.

CREATE FUNCTION app_address() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.address', true), '') $$;
GRANT EXECUTE ON FUNCTION app_address() TO zygo_app, zygo_platform, zygo_lookup;

ALTER TABLE audit_logs ADD COLUMN ip text CHECK (length(ip) <= 45);

-- Each filter has an index that ends in the list's order, so that a page costs its rows, however many there are.
CREATE INDEX audit_logs_actor ON audit_logs (tenant_id, actor, created_at DESC, id DESC);
CREATE INDEX audit_logs_action ON audit_logs (tenant_id, action, created_at DESC, id DESC);
CREATE INDEX audit_logs_type ON audit_logs (tenant_id, resource_type, created_at DESC, id DESC);
DROP INDEX audit_logs_resource;
CREATE INDEX audit_logs_resource ON audit_logs (tenant_id, resource_id, created_at DESC, id DESC);
CREATE INDEX security_events_kind ON security_events (tenant_id, kind, created_at DESC, id DESC);
CREATE INDEX security_events_severity ON security_events (tenant_id, severity, created_at DESC, id DESC);
CREATE INDEX security_events_user ON security_events (tenant_id, user_id, created_at DESC, id DESC);

-- Hands the body of a function that belongs to zygo_lookup over to the next one, with owner and grants as they were.
CREATE PROCEDURE replace_lookup_function(definition text) LANGUAGE plpgsql AS $$
DECLARE
  migrator constant name := current_user;
BEGIN
  GRANT CREATE ON SCHEMA public TO zygo_lookup;
  SET LOCAL ROLE zygo_lookup;
  EXECUTE definition;
  EXECUTE format('SET LOCAL ROLE %I', migrator);
  REVOKE CREATE ON SCHEMA public FROM zygo_lookup;
END $$;

-- As in 0010, and with the address. What a column's name calls a secret is left out whether or not the trigger names it:
-- the trigger's list is the rule, this is for the day when somebody forgets.
CALL replace_lookup_function($replace$
CREATE OR REPLACE FUNCTION audit_change() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  hidden constant text[] := coalesce(TG_ARGV, '{}'::text[]) || ARRAY['password_hash', 'token_hash', 'secret_hash', 'code_hash',
    'secret_sealed', 'previous_secret_sealed', 'tokens_sealed'];
  moving constant text[] := ARRAY['updated_at', 'version'];
  row_before constant jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - hidden END;
  row_after constant jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - hidden END;
  subject constant jsonb := coalesce(row_after, row_before);
BEGIN
  IF TG_OP = 'UPDATE' AND row_before - moving = row_after - moving THEN
    RETURN NULL;
  END IF;
  INSERT INTO audit_logs (id, tenant_id, actor, user_id, action, resource_type, resource_id, before, after, request_id, ip)
  VALUES (
    make_uuid_v7(now()),
    coalesce(CASE WHEN TG_TABLE_NAME = 'tenants' THEN subject ->> 'id' ELSE subject ->> 'tenant_id' END,
      '00000000-0000-0000-0000-000000000000')::uuid,
    coalesce(app_actor(), session_user::text),
    app_user_id(),
    TG_TABLE_NAME || '.' || lower(TG_OP),
    TG_TABLE_NAME,
    coalesce(subject ->> 'id', subject ->> 'user_id', subject ->> 'tenant_id')::uuid,
    row_before, row_after, app_request_id(), left(app_address(), 45));
  RETURN NULL;
END $$
$replace$);

-- How grave an event is follows from its kind, in one place, unless whoever writes it says otherwise.
CREATE FUNCTION rate_security_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.severity := CASE
    WHEN NEW.severity <> 'warning' THEN NEW.severity
    WHEN NEW.kind IN ('session.refresh_token_reused', 'rls.violation', 'token.tenant_mismatch', 'passkey.counter') THEN 'critical'
    WHEN NEW.kind IN ('sign_in.failed', 'mfa.failed', 'permission.used') THEN 'info'
    ELSE 'warning' END;
  RETURN NEW;
END $$;
CREATE TRIGGER rate BEFORE INSERT ON security_events FOR EACH ROW EXECUTE FUNCTION rate_security_event();
