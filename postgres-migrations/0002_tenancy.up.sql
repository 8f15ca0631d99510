-- Core tenancy: organisations, their hosts, settings and features.

CREATE TABLE tenants (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(slug) BETWEEN 3 AND 40),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  plan text NOT NULL DEFAULT 'free' CHECK (plan IN ('free', 'pro', 'business', 'enterprise')),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('internal', 'active', 'suspended', 'deleting', 'deleted')),
  logo_url text,
  colors jsonb NOT NULL DEFAULT '{}',
  delete_after timestamptz,
  -- Grows with every change that the edge directory mirrors, also one in a neighbouring table.
  directory_version bigint NOT NULL DEFAULT 1,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms()
);

-- Tenant zero is the platform itself: where sessions, events and mail live that belong to no organisation.
INSERT INTO tenants (id, slug, name, plan, status)
  VALUES ('00000000-0000-0000-0000-000000000000', 'platform', 'Platform', 'enterprise', 'internal');

CREATE TABLE tenant_domains (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  -- A custom host name, or (former_slug) the slug that this tenant had before.
  domain text NOT NULL CHECK (domain = lower(domain) AND length(domain) BETWEEN 3 AND 253),
  kind text NOT NULL DEFAULT 'custom' CHECK (kind IN ('custom', 'former_slug')),
  verification_token text,
  verified_at timestamptz,
  -- Until when a former slug redirects and stays taken.
  redirect_until timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, domain)
);
-- Whoever proves a domain has it; a mere claim reserves nothing.
CREATE UNIQUE INDEX tenant_domains_verified ON tenant_domains (domain) WHERE verified_at IS NOT NULL;
CREATE INDEX tenant_domains_domain ON tenant_domains (domain);

CREATE TABLE tenant_settings (
  tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
  session_idle_days integer NOT NULL DEFAULT 30 CHECK (session_idle_days BETWEEN 1 AND 90),
  session_absolute_days integer NOT NULL DEFAULT 90 CHECK (session_absolute_days BETWEEN 1 AND 90),
  password_min_length integer NOT NULL DEFAULT 12 CHECK (password_min_length BETWEEN 12 AND 128),
  mfa_policy text NOT NULL DEFAULT 'optional' CHECK (mfa_policy IN ('optional', 'admins', 'required')),
  allowed_mail_domains text[] NOT NULL DEFAULT '{}',
  ip_allow_list text[] NOT NULL DEFAULT '{}',
  cors_origins text[] NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms()
);
INSERT INTO tenant_settings (tenant_id) VALUES ('00000000-0000-0000-0000-000000000000');

CREATE TABLE tenant_features (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  feature text NOT NULL CHECK (length(feature) BETWEEN 1 AND 60),
  -- Overrides the plan's value: a number, true or false.
  value jsonb NOT NULL,
  expires_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, feature)
);

-- Only what a client may edit moves the version that its ETag is made of.
CREATE TRIGGER touch BEFORE UPDATE OF slug, name, plan, status, logo_url, colors, delete_after ON tenants
  FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON tenant_domains FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON tenant_settings FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON tenant_features FOR EACH ROW EXECUTE FUNCTION touch_row();

CALL protect_table('tenants', 'id = app_tenant_id()', 'id = app_tenant_id()');
CALL protect_tenant_table('tenant_domains');
CALL protect_tenant_table('tenant_settings');
CALL protect_tenant_table('tenant_features');

-- Tenants are created by a function and deleted by the platform; plan and status are not the tenant's to set.
GRANT SELECT, UPDATE (slug, name, logo_url, colors, updated_at) ON tenants TO zygo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_domains TO zygo_app;
GRANT SELECT, UPDATE ON tenant_settings TO zygo_app;
GRANT SELECT ON tenant_features TO zygo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, tenant_domains, tenant_settings, tenant_features TO zygo_platform;

CALL open_to_lookup('tenants', 'SELECT');
CALL open_to_lookup('tenants', 'INSERT');
CALL open_to_lookup('tenants', 'UPDATE', 'directory_version');
CALL open_to_lookup('tenant_domains', 'SELECT');
CALL open_to_lookup('tenant_settings', 'SELECT');
CALL open_to_lookup('tenant_settings', 'INSERT');
CALL open_to_lookup('tenant_features', 'SELECT', 'id, tenant_id');

-- A change that the directory mirrors moves its version, whichever table it is in.
CREATE FUNCTION move_directory_version() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE tenants SET directory_version = directory_version + 1
    WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
  RETURN NULL;
END $$;
CREATE FUNCTION move_own_directory_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.directory_version := OLD.directory_version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER directory BEFORE UPDATE OF slug, plan, status ON tenants
  FOR EACH ROW WHEN ((OLD.slug, OLD.plan, OLD.status) IS DISTINCT FROM (NEW.slug, NEW.plan, NEW.status)) EXECUTE FUNCTION move_own_directory_version();
CREATE TRIGGER directory AFTER INSERT OR UPDATE OR DELETE ON tenant_domains
  FOR EACH ROW EXECUTE FUNCTION move_directory_version();
CREATE TRIGGER directory AFTER UPDATE ON tenant_settings
  FOR EACH ROW EXECUTE FUNCTION move_directory_version();
CALL give_to_lookup('move_directory_version()', 'zygo_owner');
