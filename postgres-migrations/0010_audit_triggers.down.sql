DROP FUNCTION exists_elsewhere(text, uuid);
REVOKE SELECT (id, tenant_id) ON sso_connections, invitations FROM zygo_lookup;
DROP POLICY lookup_select ON sso_connections;
DROP POLICY lookup_select ON invitations;
DROP FUNCTION audit_change() CASCADE;
