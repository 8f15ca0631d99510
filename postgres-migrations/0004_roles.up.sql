-- Roles and memberships. Six default roles are the same in every tenant and read-only; custom roles by plan.

CREATE TABLE roles (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  key text NOT NULL CHECK (key ~ '^[a-z][a-z0-9_-]*$' AND length(key) <= 40),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
  description text CHECK (length(description) <= 500),
  -- owner 100, admin 80, manager 60, developer 40, member 20, viewer 10; nobody acts on a level at or above their own.
  level smallint NOT NULL CHECK (level BETWEEN 1 AND 100),
  is_default boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, key)
);
CREATE TRIGGER touch BEFORE UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION touch_row();

CALL protect_tenant_table('roles');
-- Restrictive: narrows the policies above, so that a tenant's role never counts as, or changes, a default one.
CREATE POLICY custom_only_insert ON roles AS RESTRICTIVE FOR INSERT TO zygo_app WITH CHECK (NOT is_default);
CREATE POLICY custom_only_update ON roles AS RESTRICTIVE FOR UPDATE TO zygo_app USING (NOT is_default) WITH CHECK (NOT is_default);
CREATE POLICY custom_only_delete ON roles AS RESTRICTIVE FOR DELETE TO zygo_app USING (NOT is_default);
GRANT SELECT, INSERT, UPDATE, DELETE ON roles TO zygo_app, zygo_platform;
CALL open_to_lookup('roles', 'SELECT');
CALL open_to_lookup('roles', 'INSERT');

-- The membership: joins a user to a tenant with exactly one role.
CREATE TABLE user_roles (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  user_id uuid NOT NULL REFERENCES users (id),
  role_id uuid NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, user_id),
  FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id)
);
CREATE INDEX user_roles_user ON user_roles (user_id);
CREATE INDEX user_roles_role ON user_roles (tenant_id, role_id);
CREATE TRIGGER touch BEFORE UPDATE ON user_roles FOR EACH ROW EXECUTE FUNCTION touch_row();

CALL protect_tenant_table('user_roles');
GRANT SELECT, INSERT, UPDATE, DELETE ON user_roles TO zygo_app, zygo_platform;
CALL open_to_lookup('user_roles', 'SELECT');
CALL open_to_lookup('user_roles', 'INSERT');

-- Fellow members of the current tenant see each other.
CREATE POLICY app_select_members ON users FOR SELECT TO zygo_app USING (EXISTS (
  SELECT FROM user_roles m WHERE m.tenant_id = app_tenant_id() AND m.user_id = users.id));
