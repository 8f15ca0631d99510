-- Who administers the platform, and its switches. Nothing here belongs to a tenant.

CREATE TABLE admin_users (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL UNIQUE REFERENCES users (id),
  role text NOT NULL CHECK (role IN ('support', 'operator', 'owner')),
  disabled_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE TRIGGER touch BEFORE UPDATE ON admin_users FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TABLE feature_flags (
  id uuid PRIMARY KEY,
  key text NOT NULL UNIQUE CHECK (key ~ '^[a-z][a-z0-9_.]*$' AND length(key) <= 80),
  description text NOT NULL DEFAULT '',
  enabled boolean NOT NULL DEFAULT false,
  -- Share of tenants, in per cent, for which an enabled flag is on.
  rollout smallint NOT NULL DEFAULT 100 CHECK (rollout BETWEEN 0 AND 100),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE TRIGGER touch BEFORE UPDATE ON feature_flags FOR EACH ROW EXECUTE FUNCTION touch_row();

CALL protect_table('admin_users', 'false', 'false');
CALL protect_table('feature_flags', 'false', 'false');
-- The Worker reads the switches, the same for everybody.
CREATE POLICY everybody_select ON feature_flags FOR SELECT TO zygo_app USING (true);
GRANT SELECT ON feature_flags TO zygo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON admin_users, feature_flags TO zygo_platform;
