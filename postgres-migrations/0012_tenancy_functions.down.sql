DROP FUNCTION find_tenant(text);
DROP VIEW tenant_directory;
DROP FUNCTION create_tenant(uuid, text, text, text, uuid[], uuid, uuid, uuid, timestamptz);
