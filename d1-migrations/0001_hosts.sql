-- The edge directory: a read model of Postgres' tenants and tenant_domains.
-- It may be empty and everything still works: a miss falls through to Postgres and is filled.
CREATE TABLE hosts (
  host TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  slug TEXT NOT NULL,
  plan TEXT NOT NULL,
  status TEXT NOT NULL,
  -- The host to send clients to, for a slug that was changed; NULL otherwise.
  redirect_to TEXT,
  -- JSON: what the edge must know before it has asked Postgres.
  settings TEXT NOT NULL DEFAULT '{}',
  -- Only grows; a write that carries an older one loses.
  version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX hosts_tenant ON hosts (tenant_id);
