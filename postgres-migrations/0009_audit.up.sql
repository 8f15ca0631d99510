-- The record of what happened. Append-only for every role by grants, partitioned by month, sealed in batches.
-- No foreign keys to people or things: the record outlives them.

CREATE TABLE audit_logs (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  -- The order that seals are made over.
  seq bigint GENERATED ALWAYS AS IDENTITY,
  actor text NOT NULL,
  user_id uuid,
  action text NOT NULL,
  resource_type text NOT NULL,
  resource_id uuid,
  -- The row before and after, secret columns removed.
  before jsonb,
  after jsonb,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX audit_logs_list ON audit_logs (tenant_id, created_at DESC, id DESC);
CREATE INDEX audit_logs_seq ON audit_logs (tenant_id, seq);
CREATE INDEX audit_logs_resource ON audit_logs (tenant_id, resource_type, resource_id);

CREATE TABLE user_activity (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  user_id uuid NOT NULL,
  action text NOT NULL,
  ip text,
  country text,
  user_agent text,
  details jsonb NOT NULL DEFAULT '{}',
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX user_activity_list ON user_activity (tenant_id, user_id, created_at DESC, id DESC);

CREATE TABLE security_events (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  kind text NOT NULL,
  severity text NOT NULL DEFAULT 'warning' CHECK (severity IN ('info', 'warning', 'critical')),
  user_id uuid,
  ip text,
  country text,
  user_agent text,
  details jsonb NOT NULL DEFAULT '{}',
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX security_events_list ON security_events (tenant_id, created_at DESC, id DESC);

CREATE TABLE rls_violations (
  id uuid NOT NULL,
  -- The tenant whose scope the attempt was made in, not the one it was aimed at.
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  user_id uuid,
  operation text NOT NULL CHECK (operation IN ('select', 'insert', 'update', 'delete')),
  table_name text NOT NULL,
  row_id uuid,
  route text,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX rls_violations_list ON rls_violations (tenant_id, created_at DESC, id DESC);

CREATE TABLE admin_actions (
  id uuid NOT NULL,
  -- The tenant acted upon; tenant zero for the platform itself.
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  admin_user_id uuid,
  reason text NOT NULL,
  details jsonb NOT NULL DEFAULT '{}',
  request_id text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX admin_actions_list ON admin_actions (tenant_id, created_at DESC, id DESC);

-- A seal: a hash over a tenant's rows since its last seal, and that seal.
CREATE TABLE audit_seals (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  row_count bigint NOT NULL,
  previous_hash bytea,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, last_seq)
);

CREATE TABLE audit_logs_default PARTITION OF audit_logs DEFAULT;
CREATE TABLE user_activity_default PARTITION OF user_activity DEFAULT;
CREATE TABLE security_events_default PARTITION OF security_events DEFAULT;
CREATE TABLE rls_violations_default PARTITION OF rls_violations DEFAULT;
CREATE TABLE admin_actions_default PARTITION OF admin_actions DEFAULT;

-- Makes the monthly partitions from a day's month on, and answers how many were missing. A partition is reached through
-- its parent only: it has row-level security, no policy and no grant. The owner's rights are needed to make tables, hence
-- SECURITY DEFINER; only the platform's upkeep job may call it.
CREATE FUNCTION make_audit_partitions(first_day date, months integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  parent text;
  month_start date;
  partition_name text;
  made integer := 0;
BEGIN
  FOREACH parent IN ARRAY ARRAY['audit_logs', 'user_activity', 'security_events', 'rls_violations', 'admin_actions'] LOOP
    FOR step IN 0 .. least(months, 24) - 1 LOOP
      month_start := (date_trunc('month', first_day::timestamp) + make_interval(months => step))::date;
      partition_name := parent || to_char(month_start, '_YYYY_MM');
      CONTINUE WHEN to_regclass('public.' || partition_name) IS NOT NULL;
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', partition_name, parent,
        month_start::text || ' 00:00:00+00', (month_start + interval '1 month')::date::text || ' 00:00:00+00');
      EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition_name);
      EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', partition_name);
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;
GRANT EXECUTE ON FUNCTION make_audit_partitions(date, integer) TO zygo_platform;
SELECT make_audit_partitions(current_date, 4);

CALL protect_personal_table('audit_logs');
CALL protect_personal_table('user_activity');
CALL protect_personal_table('security_events');
CALL protect_personal_table('rls_violations');
CALL protect_tenant_table('admin_actions');
CALL protect_tenant_table('audit_seals');
-- An attempt in tenant zero may be nobody's, and is recorded all the same.
DROP POLICY app_insert ON security_events;
DROP POLICY app_insert ON rls_violations;
CREATE POLICY app_insert ON security_events FOR INSERT TO zygo_app WITH CHECK (tenant_id = app_tenant_id());
CREATE POLICY app_insert ON rls_violations FOR INSERT TO zygo_app WITH CHECK (tenant_id = app_tenant_id());

DO $$
DECLARE
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['audit_logs', 'user_activity', 'security_events', 'rls_violations', 'admin_actions'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', parent || '_default');
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', parent || '_default');
  END LOOP;
END $$;

-- Never UPDATE, never DELETE, for nobody. audit_logs is written by its trigger alone.
GRANT SELECT ON audit_logs, audit_seals TO zygo_app;
GRANT SELECT, INSERT ON user_activity, security_events, rls_violations TO zygo_app;
GRANT SELECT ON audit_logs TO zygo_platform;
GRANT SELECT, INSERT ON user_activity, security_events, rls_violations, admin_actions, audit_seals TO zygo_platform;
CALL open_to_lookup('audit_logs', 'SELECT', 'id, tenant_id');
CALL open_to_lookup('audit_logs', 'INSERT');
CALL open_to_lookup('audit_seals', 'SELECT', 'id, tenant_id');
CALL open_to_lookup('user_activity', 'SELECT', 'id, tenant_id');
CALL open_to_lookup('security_events', 'SELECT', 'id, tenant_id');
CALL open_to_lookup('security_events', 'INSERT');
CALL open_to_lookup('rls_violations', 'SELECT', 'id, tenant_id');
