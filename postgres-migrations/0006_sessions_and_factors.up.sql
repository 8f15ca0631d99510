-- Ways to sign in, and the record of who is signed in. The live sessions are in Durable Objects; this mirrors them for
-- lists and for the record.

CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  device_name text CHECK (length(device_name) <= 100),
  ip text CHECK (length(ip) <= 45),
  country text CHECK (length(country) <= 2),
  user_agent text CHECK (length(user_agent) <= 512),
  -- Authentication methods, as RFC 8176 names them.
  amr text[] NOT NULL,
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  UNIQUE (tenant_id, id)
);
CREATE INDEX sessions_user ON sessions (user_id, created_at DESC);
CREATE INDEX sessions_tenant_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_live_expiry ON sessions (expires_at) WHERE ended_at IS NULL;
CALL protect_personal_table('sessions');
GRANT SELECT, INSERT, UPDATE (last_seen_at, expires_at, ended_at, end_reason) ON sessions TO zygo_app;
GRANT SELECT, UPDATE, DELETE ON sessions TO zygo_platform;
CALL open_to_lookup('sessions', 'SELECT');
CALL open_to_lookup('sessions', 'UPDATE', 'last_seen_at, expires_at, ended_at, end_reason');

-- Second factors: a TOTP secret or a phone number, sealed by the application.
CREATE TABLE mfa_tokens (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('totp', 'sms')),
  secret_sealed bytea NOT NULL,
  confirmed_at timestamptz,
  -- The last TOTP step that was accepted; a code works once.
  last_step bigint,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (user_id, kind)
);
CREATE TABLE mfa_backup_codes (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  code_hash bytea NOT NULL,
  used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (user_id, code_hash)
);
CREATE TABLE passkeys (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  credential_id bytea NOT NULL UNIQUE,
  public_key bytea NOT NULL,
  sign_count bigint NOT NULL DEFAULT 0,
  transports text[] NOT NULL DEFAULT '{}',
  backed_up boolean NOT NULL DEFAULT false,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  last_used_at timestamptz
);
CREATE INDEX passkeys_user ON passkeys (user_id);
CREATE TABLE oauth_accounts (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  provider text NOT NULL CHECK (provider IN ('google', 'github', 'microsoft', 'apple')),
  subject text NOT NULL,
  email text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (provider, subject),
  UNIQUE (user_id, provider)
);
CREATE TABLE trusted_devices (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  name text CHECK (length(name) <= 100),
  user_agent_family text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  last_used_at timestamptz,
  expires_at timestamptz NOT NULL
);
CREATE INDEX trusted_devices_user ON trusted_devices (user_id);

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['mfa_tokens', 'mfa_backup_codes', 'passkeys', 'oauth_accounts', 'trusted_devices'] LOOP
    CALL protect_table(target::regclass, 'user_id = app_user_id()', 'user_id = app_user_id()');
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO zygo_app', target);
    EXECUTE format('GRANT SELECT, DELETE ON %I TO zygo_platform', target);
  END LOOP;
END $$;

-- A tenant's own identity provider.
CREATE TABLE sso_connections (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  kind text NOT NULL CHECK (kind IN ('oidc', 'saml')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  mail_domain text CHECK (mail_domain = lower(mail_domain)),
  config jsonb NOT NULL DEFAULT '{}',
  secret_sealed bytea,
  provision boolean NOT NULL DEFAULT false,
  default_role_id uuid,
  enabled boolean NOT NULL DEFAULT false,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, default_role_id) REFERENCES roles (tenant_id, id)
);
CREATE INDEX sso_connections_role ON sso_connections (tenant_id, default_role_id);
CREATE UNIQUE INDEX sso_connections_domain ON sso_connections (mail_domain) WHERE enabled;
CREATE TRIGGER touch BEFORE UPDATE ON sso_connections FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TABLE invitations (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  email text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  role_id uuid NOT NULL,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  invited_by uuid NOT NULL REFERENCES users (id),
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  accepted_by uuid REFERENCES users (id),
  revoked_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id)
);
CREATE INDEX invitations_role ON invitations (tenant_id, role_id);
CREATE INDEX invitations_invited_by ON invitations (invited_by);
CREATE INDEX invitations_accepted_by ON invitations (accepted_by);
CREATE UNIQUE INDEX invitations_open ON invitations (tenant_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE TRIGGER touch BEFORE UPDATE ON invitations FOR EACH ROW EXECUTE FUNCTION touch_row();

CALL protect_tenant_table('sso_connections');
CALL protect_tenant_table('invitations');
GRANT SELECT, INSERT, UPDATE, DELETE ON sso_connections, invitations TO zygo_app;
GRANT SELECT, DELETE ON sso_connections, invitations TO zygo_platform;
