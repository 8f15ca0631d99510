-- Events reach the endpoints that want them: what is owed is written in the transaction of the event, whoever writes that.

DROP TRIGGER touch ON webhooks;
DROP TRIGGER audit ON webhooks;
ALTER TABLE webhooks
  DROP COLUMN headers,
  -- Headers often carry a credential: their values are sealed, their names are shown.
  ADD COLUMN headers_sealed bytea,
  ADD COLUMN header_names text[] NOT NULL DEFAULT '{}',
  -- Whether events go one after the other, each only when the one before has arrived or is given up.
  ADD COLUMN ordered boolean NOT NULL DEFAULT false,
  -- Of the pair that signs beside the secret, where there is one.
  ADD COLUMN public_key text CHECK (length(public_key) <= 100),
  -- Whoever reads the secret leaves a row in the audit trail by moving this.
  ADD COLUMN secret_shown_at timestamptz;
CREATE TRIGGER touch BEFORE UPDATE OF url, description, event_filters, headers_sealed, rate_per_second, ordered, enabled, disabled_reason,
  secret_sealed, previous_secret_sealed, previous_secret_until ON webhooks FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON webhooks FOR EACH ROW
  EXECUTE FUNCTION audit_change('secret_sealed', 'previous_secret_sealed', 'headers_sealed', 'failing_since');
CREATE INDEX webhooks_failing ON webhooks (failing_since) WHERE enabled AND failing_since IS NOT NULL;

DROP INDEX webhook_deliveries_due;
ALTER TABLE webhook_deliveries
  DROP COLUMN response_head,
  -- Their order, for endpoints that want one.
  ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY,
  -- Attempts since it was last asked for; the schedule counts these.
  ADD COLUMN tries integer NOT NULL DEFAULT 0;
-- What is settled is in none of these, however much of it there is.
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status IN ('pending', 'failing');
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (webhook_id, seq) WHERE status IN ('pending', 'failing');
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (webhook_id, created_at) WHERE status = 'dead';
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at) WHERE status IN ('delivered', 'dead');
CREATE INDEX events_age ON events (occurred_at);

CREATE TABLE webhook_attempts (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  delivery_id uuid NOT NULL,
  attempt integer NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('delivered', 'failed')),
  error text CHECK (length(error) <= 200),
  response_status smallint,
  -- The first 4 KiB of the answer.
  response_head text CHECK (octet_length(response_head) <= 4096),
  latency_ms integer NOT NULL,
  attempted_at timestamptz NOT NULL,
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, delivery_id) REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (tenant_id, delivery_id, attempt);
CALL protect_tenant_table('webhook_attempts');
GRANT SELECT, INSERT ON webhook_attempts TO zygo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_attempts TO zygo_platform;
CALL open_to_lookup('webhook_attempts', 'SELECT', 'id, tenant_id');
-- A test is owed by the request that makes it.
GRANT INSERT ON webhook_deliveries TO zygo_app;

-- Whether one of the filters matches a type: the whole of it, or its beginning where the filter ends with a star.
CREATE FUNCTION wants_event(filters text[], event_type text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT EXISTS (SELECT FROM unnest(filters) f (filter)
    WHERE CASE WHEN right(f.filter, 1) = '*' THEN starts_with(event_type, left(f.filter, -1)) ELSE f.filter = event_type END)
$$;
GRANT EXECUTE ON FUNCTION wants_event(text[], text) TO zygo_app, zygo_platform, zygo_lookup;

GRANT SELECT (event_filters, enabled, ordered) ON webhooks TO zygo_lookup;
GRANT SELECT (webhook_id) ON webhook_deliveries TO zygo_lookup;
CALL open_to_lookup('webhook_deliveries', 'INSERT');

-- A transaction notes here which endpoints it owes something, so that whoever commits it can say so without asking again.
CREATE FUNCTION owe_deliveries(endpoints text) RETURNS void LANGUAGE sql VOLATILE AS $$
  SELECT set_config('app.owed', concat_ws(',', nullif(current_setting('app.owed', true), ''), endpoints), true) WHERE endpoints IS NOT NULL
$$;
GRANT EXECUTE ON FUNCTION owe_deliveries(text) TO zygo_app, zygo_platform, zygo_lookup;

-- After events were written: a delivery for each endpoint of their tenants that wants them. What an endpoint is tried with goes to it alone.
CREATE FUNCTION fan_out_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  endpoints text;
BEGIN
  IF NOT EXISTS (SELECT FROM fresh e JOIN webhooks w ON w.tenant_id = e.tenant_id WHERE w.enabled) THEN
    RETURN NULL;
  END IF;
  -- Where order counts, whoever writes second waits for the first: places are taken in the order in which rows become visible.
  PERFORM pg_advisory_xact_lock(hashtextextended(w.id::text, 30)) FROM (
    SELECT DISTINCT w.id FROM fresh e JOIN webhooks w ON w.tenant_id = e.tenant_id WHERE w.enabled AND w.ordered ORDER BY w.id) w;
  WITH owed AS (
    INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, event_id, next_attempt_at, created_at)
    SELECT make_uuid_v7(e.occurred_at), e.tenant_id, w.id, e.id, e.occurred_at, e.occurred_at
    FROM fresh e JOIN webhooks w ON w.tenant_id = e.tenant_id
    WHERE w.enabled AND e.type <> 'webhook.tested' AND wants_event(w.event_filters, e.type)
    ORDER BY e.occurred_at, e.id
    RETURNING webhook_id)
  SELECT string_agg(DISTINCT o.webhook_id::text, ',') INTO endpoints FROM owed o;
  PERFORM owe_deliveries(endpoints);
  RETURN NULL;
END $$;
CALL give_to_lookup('fan_out_events()', 'zygo_owner');
CREATE TRIGGER fan_out AFTER INSERT ON events REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION fan_out_events();

-- Makes an endpoint in the context's tenant. Outcomes: created, full (the plan has no room for another).
CREATE FUNCTION room_for_webhook(by_plan jsonb, most bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  -- Of two who take the last place, the second sees the first.
  PERFORM FROM tenants t WHERE t.id = app_tenant_id() FOR NO KEY UPDATE;
  RETURN (SELECT count(*) FROM webhooks w WHERE w.tenant_id = app_tenant_id()) < least(plan_limit(app_tenant_id(), 'webhooks', by_plan), most);
END $$;
GRANT EXECUTE ON FUNCTION room_for_webhook(jsonb, bigint) TO zygo_app;

-- Switches endpoints off that are gone or did nothing but fail: the event, what is open is held, and whoever administers them is told.
CREATE FUNCTION disable_webhooks(endpoints uuid[], why text, at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  disabled uuid[];
BEGIN
  WITH off AS (
    UPDATE webhooks w SET enabled = false, disabled_reason = why, updated_at = at WHERE w.id = ANY (endpoints) AND w.enabled RETURNING w.id)
  SELECT array_agg(o.id) INTO disabled FROM off o;
  UPDATE webhook_deliveries d SET next_attempt_at = NULL WHERE d.webhook_id = ANY (disabled) AND d.status IN ('pending', 'failing');
  INSERT INTO events (id, tenant_id, type, data, request_id, occurred_at)
    SELECT make_uuid_v7(at), w.tenant_id, 'webhook.disabled', jsonb_build_object('webhook_id', w.id, 'reason', why), app_request_id(), at
    FROM webhooks w WHERE w.id = ANY (disabled);
  INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at)
    SELECT make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'mail.security_notice', 'mail',
      jsonb_build_object('kind', 'mail.security_notice', 'user_id', m.user_id, 'notice', jsonb_build_object('what', 'webhook_disabled')), at, at
    FROM (SELECT DISTINCT w.tenant_id FROM webhooks w WHERE w.id = ANY (disabled)) t
    JOIN user_roles m ON m.tenant_id = t.tenant_id AND m.status = 'active'
    JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id AND r.is_default AND r.key IN ('owner', 'admin');
  RETURN coalesce(cardinality(disabled), 0);
END $$;
GRANT EXECUTE ON FUNCTION disable_webhooks(uuid[], text, timestamptz) TO zygo_platform;
