DROP TRIGGER sign_on ON sessions;
DROP FUNCTION require_sign_on();
DROP FUNCTION sign_on(uuid, text, text, text, text, text, uuid[], bigint, uuid, uuid, uuid, timestamptz);
DROP FUNCTION provision_member(uuid, uuid, uuid[], uuid, bigint, uuid, timestamptz);
DROP FUNCTION discover_connection(text);
DROP FUNCTION find_connection(uuid);
REVOKE SELECT (feature, value, expires_at) ON tenant_features FROM zygo_lookup;
DROP TABLE sso_identities;
DROP TABLE sso_domains;
REVOKE SELECT ON sso_connections FROM zygo_lookup;
GRANT SELECT (id, tenant_id) ON sso_connections TO zygo_lookup;
ALTER TABLE sso_connections DROP COLUMN role_mappings, DROP COLUMN attributes,
  ADD COLUMN mail_domain text CHECK (mail_domain = lower(mail_domain));
CREATE UNIQUE INDEX sso_connections_domain ON sso_connections (mail_domain) WHERE enabled;
