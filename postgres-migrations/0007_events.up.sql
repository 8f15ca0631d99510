-- From a change to the world: the event log, the outbox, webhooks, and the record of jobs.

CREATE TABLE events (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  type text NOT NULL CHECK (type ~ '^[a-z_]+(\.[a-z_]+)+$' AND length(type) <= 80),
  -- Of the payload's schema.
  type_version smallint NOT NULL DEFAULT 1,
  data jsonb NOT NULL,
  -- Who did it; no foreign key, the log outlives the person.
  user_id uuid,
  request_id text,
  occurred_at timestamptz NOT NULL,
  UNIQUE (tenant_id, id)
);
CREATE INDEX events_log ON events (tenant_id, occurred_at DESC, id DESC);
CALL protect_personal_table('events');
GRANT SELECT, INSERT ON events TO zygo_app;
GRANT SELECT, INSERT, DELETE ON events TO zygo_platform;
CALL open_to_lookup('events', 'SELECT', 'id, tenant_id');
CALL open_to_lookup('events', 'INSERT');

-- Work owed to the world, written in the transaction of the change that owes it.
CREATE TABLE outbox (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  kind text NOT NULL CHECK (length(kind) <= 80),
  queue text NOT NULL CHECK (queue IN ('jobs', 'mail', 'webhooks')),
  -- The job as JSON, tagged by its kind; ids only.
  payload jsonb NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  -- When the sweep takes it up: first half a minute after it was written, then at the end of its lease.
  available_at timestamptz NOT NULL,
  -- Until when a consumer holds it; nobody else runs it meanwhile.
  claimed_until timestamptz,
  settled_at timestamptz,
  outcome text CHECK (outcome IN ('done', 'dead')),
  last_error text,
  UNIQUE (tenant_id, id),
  CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX outbox_due ON outbox (available_at) WHERE settled_at IS NULL;
CREATE INDEX outbox_dead ON outbox (settled_at DESC) WHERE outcome = 'dead';
CALL protect_tenant_table('outbox');
GRANT INSERT ON outbox TO zygo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO zygo_platform;
CALL open_to_lookup('outbox', 'INSERT');

-- Every run of a job: one row per job, one per attempt.
CREATE TABLE jobs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  kind text NOT NULL,
  queue text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'retrying', 'done', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  finished_at timestamptz,
  UNIQUE (tenant_id, id)
);
CREATE INDEX jobs_recent ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_status ON jobs (status, updated_at);
CREATE TABLE job_attempts (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  job_id uuid NOT NULL,
  attempt integer NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('done', 'retry', 'dead')),
  error text,
  duration_ms integer NOT NULL,
  finished_at timestamptz NOT NULL,
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX job_attempts_job ON job_attempts (tenant_id, job_id, attempt);
CALL protect_tenant_table('jobs');
CALL protect_tenant_table('job_attempts');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, job_attempts TO zygo_platform;

CREATE TABLE webhooks (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  url text NOT NULL CHECK (length(url) BETWEEN 8 AND 2048),
  description text CHECK (length(description) <= 500),
  -- Event types, a trailing * matching what follows.
  event_filters text[] NOT NULL DEFAULT '{*}',
  headers jsonb NOT NULL DEFAULT '{}',
  rate_per_second integer CHECK (rate_per_second BETWEEN 1 AND 1000),
  enabled boolean NOT NULL DEFAULT true,
  disabled_reason text,
  -- Signing secrets, sealed by the application; after a rotation both sign until previous_secret_until.
  secret_sealed bytea NOT NULL,
  previous_secret_sealed bytea,
  previous_secret_until timestamptz,
  failing_since timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id)
);
CREATE TRIGGER touch BEFORE UPDATE OF url, description, event_filters, headers, rate_per_second, enabled, disabled_reason,
  secret_sealed, previous_secret_sealed, previous_secret_until ON webhooks FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TABLE webhook_deliveries (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  webhook_id uuid NOT NULL,
  event_id uuid NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failing', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  -- Of the latest attempt: status, latency, and the first 4 KiB of the answer.
  response_status smallint,
  response_head text CHECK (length(response_head) <= 4096),
  latency_ms integer,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  delivered_at timestamptz,
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE,
  -- An event goes to an endpoint once, however often it is fanned out.
  UNIQUE (tenant_id, webhook_id, event_id)
);
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (tenant_id, webhook_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (tenant_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE status IN ('pending', 'failing');
CALL protect_tenant_table('webhooks');
CALL protect_tenant_table('webhook_deliveries');
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO zygo_app, zygo_platform;
GRANT SELECT, UPDATE ON webhook_deliveries TO zygo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO zygo_platform;
CALL open_to_lookup('webhooks', 'SELECT', 'id, tenant_id');
CALL open_to_lookup('webhook_deliveries', 'SELECT', 'id, tenant_id');
