-- The catalogue of permissions, in the order of the bit set that access tokens carry. The order is append-only: a later
-- permission gets the next index, and none is ever removed or reused.

CREATE TABLE permissions (
  index smallint PRIMARY KEY CHECK (index BETWEEN 0 AND 127),
  key text NOT NULL UNIQUE,
  category text NOT NULL,
  critical boolean NOT NULL,
  mfa_required boolean NOT NULL
);

INSERT INTO permissions (index, key, category, critical, mfa_required) VALUES
  (0, 'billing.view', 'billing', false, false),
  (1, 'billing.details.update', 'billing', false, false),
  (2, 'billing.payment_methods.manage', 'billing', false, false),
  (3, 'billing.invoices.view', 'billing', false, false),
  (4, 'billing.invoices.download', 'billing', false, false),
  (5, 'billing.usage.view', 'billing', false, false),
  (6, 'billing.plan.change', 'billing', false, false),
  (7, 'billing.licenses.manage', 'billing', false, false),
  (8, 'billing.subscription.cancel', 'billing', true, true),
  (9, 'users.view', 'users', false, false),
  (10, 'users.invite', 'users', false, false),
  (11, 'users.update', 'users', false, false),
  (12, 'users.remove', 'users', true, false),
  (13, 'roles.view', 'roles', false, false),
  (14, 'roles.manage', 'roles', false, false),
  (15, 'roles.assign', 'roles', false, false),
  (16, 'org.view', 'organization', false, false),
  (17, 'org.update', 'organization', false, false),
  (18, 'org.delete', 'organization', true, true),
  (19, 'secrets.view', 'secrets', false, false),
  (20, 'secrets.manage', 'secrets', false, false),
  (21, 'secrets.reveal', 'secrets', true, true),
  (22, 'env_vars.view', 'secrets', false, false),
  (23, 'env_vars.manage', 'secrets', false, false),
  (24, 'webhooks.view', 'webhooks', false, false),
  (25, 'webhooks.create', 'webhooks', false, false),
  (26, 'webhooks.update', 'webhooks', false, false),
  (27, 'webhooks.delete', 'webhooks', false, false),
  (28, 'cloud_providers.view', 'cloud providers', false, false),
  (29, 'cloud_providers.manage', 'cloud providers', false, false),
  (30, 'servers.view', 'servers', false, false),
  (31, 'servers.create', 'servers', false, false),
  (32, 'servers.update', 'servers', false, false),
  (33, 'servers.delete', 'servers', true, false),
  (34, 'servers.power', 'servers', false, false),
  (35, 'servers.resize', 'servers', false, false),
  (36, 'servers.rebuild', 'servers', true, false),
  (37, 'servers.console', 'servers', false, false),
  (38, 'servers.metrics.view', 'servers', false, false),
  (39, 'servers.rescue', 'servers', false, false),
  (40, 'volumes.view', 'volumes', false, false),
  (41, 'volumes.create', 'volumes', false, false),
  (42, 'volumes.update', 'volumes', false, false),
  (43, 'volumes.delete', 'volumes', true, false),
  (44, 'volumes.resize', 'volumes', false, false),
  (45, 'volumes.attach', 'volumes', false, false),
  (46, 'volumes.detach', 'volumes', false, false),
  (47, 'networks.view', 'networks', false, false),
  (48, 'networks.create', 'networks', false, false),
  (49, 'networks.update', 'networks', false, false),
  (50, 'networks.delete', 'networks', true, false),
  (51, 'networks.subnets.manage', 'networks', false, false),
  (52, 'networks.routes.manage', 'networks', false, false),
  (53, 'firewalls.view', 'firewalls', false, false),
  (54, 'firewalls.create', 'firewalls', false, false),
  (55, 'firewalls.update', 'firewalls', false, false),
  (56, 'firewalls.delete', 'firewalls', true, false),
  (57, 'firewalls.rules.manage', 'firewalls', false, false),
  (58, 'firewalls.apply', 'firewalls', false, false),
  (59, 'load_balancers.view', 'load balancers', false, false),
  (60, 'load_balancers.create', 'load balancers', false, false),
  (61, 'load_balancers.update', 'load balancers', false, false),
  (62, 'load_balancers.delete', 'load balancers', true, false),
  (63, 'load_balancers.targets.manage', 'load balancers', false, false),
  (64, 'load_balancers.services.manage', 'load balancers', false, false),
  (65, 'load_balancers.metrics.view', 'load balancers', false, false),
  (66, 'dns.view', 'dns', false, false),
  (67, 'dns.zones.create', 'dns', false, false),
  (68, 'dns.zones.delete', 'dns', true, false),
  (69, 'dns.records.create', 'dns', false, false),
  (70, 'dns.records.update', 'dns', false, false),
  (71, 'dns.records.delete', 'dns', false, false),
  (72, 'snapshots.view', 'snapshots and backups', false, false),
  (73, 'snapshots.create', 'snapshots and backups', false, false),
  (74, 'snapshots.delete', 'snapshots and backups', false, false),
  (75, 'snapshots.restore', 'snapshots and backups', false, false),
  (76, 'backups.view', 'snapshots and backups', false, false),
  (77, 'backups.manage', 'snapshots and backups', false, false),
  (78, 'floating_ips.view', 'floating IPs', false, false),
  (79, 'floating_ips.create', 'floating IPs', false, false),
  (80, 'floating_ips.assign', 'floating IPs', false, false),
  (81, 'floating_ips.release', 'floating IPs', false, false),
  (82, 'ai.agents.view', 'AI components', false, false),
  (83, 'ai.agents.manage', 'AI components', false, false),
  (84, 'ai.planner.use', 'AI components', false, false),
  (85, 'ai.llm.use', 'AI components', false, false),
  (86, 'ai.llm.configure', 'AI components', false, false),
  (87, 'ai.rag.view', 'AI components', false, false),
  (88, 'ai.rag.manage', 'AI components', false, false),
  (89, 'ai.memory.view', 'AI components', false, false),
  (90, 'ai.memory.manage', 'AI components', false, false),
  (91, 'ai.memory.purge', 'AI components', true, false),
  (92, 'ai.tools.manage', 'AI components', false, false),
  (93, 'ai.usage.view', 'AI components', false, false),
  (94, 'workflows.view', 'workflows', false, false),
  (95, 'workflows.create', 'workflows', false, false),
  (96, 'workflows.update', 'workflows', false, false),
  (97, 'workflows.delete', 'workflows', false, false),
  (98, 'workflows.execute', 'workflows', false, false),
  (99, 'workflows.executions.manage', 'workflows', false, false),
  (100, 'monitoring.view', 'monitoring', false, false),
  (101, 'monitoring.dashboards.manage', 'monitoring', false, false),
  (102, 'monitoring.alerts.view', 'monitoring', false, false),
  (103, 'monitoring.alerts.manage', 'monitoring', false, false),
  (104, 'monitoring.logs.view', 'monitoring', false, false),
  (105, 'monitoring.health.view', 'monitoring', false, false),
  (106, 'audit.view', 'audit', false, false),
  (107, 'audit.export', 'audit', true, false),
  (108, 'audit.retention.manage', 'audit', true, false),
  (109, 'security_events.view', 'audit', true, false),
  (110, 'compliance.view', 'compliance', false, false),
  (111, 'compliance.export', 'compliance', true, false),
  (112, 'compliance.delete', 'compliance', true, false),
  (113, 'compliance.dpa.manage', 'compliance', true, false);

-- The same for every tenant and not a secret; nobody edits it.
ALTER TABLE permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE permissions FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody_select ON permissions FOR SELECT TO zygo_app, zygo_platform USING (true);
GRANT SELECT ON permissions TO zygo_app, zygo_platform;

-- What a custom role holds. A default role's permissions follow from its key, in code.
CREATE TABLE role_permissions (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  role_id uuid NOT NULL,
  permission smallint NOT NULL REFERENCES permissions (index),
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, role_id, permission),
  FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX role_permissions_permission ON role_permissions (permission);

CALL protect_tenant_table('role_permissions');
GRANT SELECT, INSERT, DELETE ON role_permissions TO zygo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON role_permissions TO zygo_platform;
CALL open_to_lookup('role_permissions', 'SELECT');

-- A membership with its tenant and role. It reads with the rights of whoever asks.
CREATE VIEW memberships WITH (security_invoker = true) AS
  SELECT m.user_id AS member_id, t.id AS tenant_id, t.slug AS tenant_slug, t.name AS tenant_name, t.plan AS tenant_plan,
    t.status AS tenant_status, t.version AS tenant_version, t.directory_version AS tenant_directory_version,
    t.created_at AS tenant_created_at, t.updated_at AS tenant_updated_at,
    r.id AS role_id, r.key AS role_key, r.name AS role_name, r.level AS role_level, r.is_default AS role_is_default,
    m.status AS membership_status,
    ARRAY(SELECT p.permission FROM role_permissions p WHERE p.tenant_id = m.tenant_id AND p.role_id = m.role_id ORDER BY 1)
      AS custom_permissions
  FROM user_roles m
  JOIN tenants t ON t.id = m.tenant_id
  JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id;
GRANT SELECT ON memberships TO zygo_lookup;

-- The context's user's memberships over all tenants: what signing in, switching and "me" need. It takes no parameter, so
-- it cannot be asked about anybody else.
CREATE FUNCTION own_memberships() RETURNS SETOF memberships
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT * FROM memberships WHERE member_id = app_user_id() AND tenant_status <> 'deleted'
$$;
CALL give_to_lookup('own_memberships()', 'zygo_app');
