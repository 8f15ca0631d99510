-- Data changes are audited by trigger, so that no code path can forget.

-- AFTER INSERT, UPDATE, DELETE: writes audit_logs. The trigger's arguments name the columns that are left out: secrets,
-- and what moves without meaning; a change of nothing but these leaves no entry. A row without a tenant belongs to tenant
-- zero. SECURITY DEFINER, since no role that works with data may write audit_logs itself.
CREATE FUNCTION audit_change() RETURNS trigger
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
END $$;
CALL give_to_lookup('audit_change()', 'zygo_owner');

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tenants FOR EACH ROW EXECUTE FUNCTION audit_change('directory_version');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tenant_domains FOR EACH ROW EXECUTE FUNCTION audit_change('verification_token');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tenant_settings FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tenant_features FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON roles FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON role_permissions FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON user_roles FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW
  EXECUTE FUNCTION audit_change('password_hash', 'failed_sign_ins', 'locked_until', 'last_sign_in_at');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON mfa_tokens FOR EACH ROW EXECUTE FUNCTION audit_change('secret_sealed', 'last_step');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON mfa_backup_codes FOR EACH ROW EXECUTE FUNCTION audit_change('code_hash');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON passkeys FOR EACH ROW EXECUTE FUNCTION audit_change('sign_count', 'last_used_at');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON oauth_accounts FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON trusted_devices FOR EACH ROW EXECUTE FUNCTION audit_change('token_hash', 'last_used_at');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON sso_connections FOR EACH ROW EXECUTE FUNCTION audit_change('secret_sealed');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON invitations FOR EACH ROW EXECUTE FUNCTION audit_change('token_hash');
-- A webhook's extra headers often carry a credential.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON webhooks FOR EACH ROW
  EXECUTE FUNCTION audit_change('secret_sealed', 'previous_secret_sealed', 'headers', 'failing_since');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON admin_users FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON feature_flags FOR EACH ROW EXECUTE FUNCTION audit_change();

-- A read by id that found nothing: does the row exist in another tenant? Answers yes or no, and nothing about it.
-- The table's name is looked up in the catalogue first, so that only a table with rows of tenants can be asked about.
CREATE FUNCTION exists_elsewhere(table_name text, row_id uuid) RETURNS boolean
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  target constant regclass := (SELECT c.oid FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = exists_elsewhere.table_name AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND (c.relname = 'tenants' OR (SELECT count(*) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname IN ('id', 'tenant_id') AND NOT a.attisdropped) = 2));
  tenant_column constant text := CASE WHEN exists_elsewhere.table_name = 'tenants' THEN 'id' ELSE 'tenant_id' END;
  found_elsewhere boolean;
BEGIN
  IF target IS NULL THEN
    RAISE undefined_table USING MESSAGE = 'not a table with rows of tenants';
  END IF;
  EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE id = $1 AND %I IS DISTINCT FROM $2)', target, tenant_column)
    INTO found_elsewhere USING row_id, app_tenant_id();
  RETURN found_elsewhere;
END $$;
CALL give_to_lookup('exists_elsewhere(text, uuid)', 'zygo_app');
CALL open_to_lookup('sso_connections', 'SELECT', 'id, tenant_id');
CALL open_to_lookup('invitations', 'SELECT', 'id, tenant_id');
