-- Seals over the change log, and rows that go when a plan keeps them no longer.

-- No seal has been made before this; what a seal holds is in zygo_core::audit::chain.
ALTER TABLE audit_seals
  DROP CONSTRAINT audit_seals_tenant_id_last_seq_key,
  ADD COLUMN number bigint NOT NULL CHECK (number >= 1),
  -- Up to which place rows may be gone because they were kept for as long as the plan says.
  ADD COLUMN expired_through bigint NOT NULL CHECK (expired_through >= 0),
  ADD COLUMN rows_hash bytea NOT NULL CHECK (length(rows_hash) = 32),
  ADD COLUMN rows_mixed bytea NOT NULL CHECK (length(rows_mixed) = 32),
  -- One successor each, so that the chain cannot fork.
  ADD CONSTRAINT audit_seals_number UNIQUE (tenant_id, number);
CREATE INDEX audit_seals_age ON audit_seals (tenant_id, created_at);

-- Rows come in the order of their places, nearly: a range costs next to nothing to keep.
CREATE INDEX audit_logs_place ON audit_logs USING brin (seq) WITH (pages_per_range = 32);

-- How far the log is final. A transaction takes its rows' places before it commits, so a row may yet appear below one that is there:
-- a mark notes a place, and the transaction from which on none can have taken a lower one. When all before that are over, every row
-- up to the mark is there for good.
CREATE TABLE audit_marks (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  seq bigint NOT NULL,
  xid xid8 NOT NULL,
  -- Whether the sealing of what lies below has been owed.
  owed boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now_ms()
);
CALL protect_table('audit_marks', 'false', 'false');
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_marks TO zygo_platform;
GRANT SELECT ON SEQUENCE audit_logs_seq_seq TO zygo_platform;

-- Notes how far the log has come. The place is read before this transaction has a number, so that whoever took a lower place has a
-- lower number; hence two statements, and nothing may have been written before.
CREATE FUNCTION mark_audit() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  place bigint;
BEGIN
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE invalid_transaction_state USING MESSAGE = 'this transaction has written already';
  END IF;
  SELECT s.last_value INTO place FROM audit_logs_seq_seq s WHERE s.is_called;
  INSERT INTO audit_marks (seq, xid) SELECT place, pg_current_xact_id() WHERE place IS NOT NULL;
  RETURN place;
END $$;
GRANT EXECUTE ON FUNCTION mark_audit() TO zygo_platform;

-- Owes the sealing of every tenant that has new rows below the highest mark that is final by now.
CREATE FUNCTION owe_audit_seals(at timestamptz) RETURNS TABLE (outbox_id uuid, owed_tenant uuid) LANGUAGE plpgsql AS $$
DECLARE
  sealed bigint;
  final bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('audit_marks', 0));
  SELECT coalesce(max(m.seq) FILTER (WHERE m.owed), 0),
    coalesce(max(m.seq) FILTER (WHERE m.xid < pg_snapshot_xmin(pg_current_snapshot())), 0)
    INTO sealed, final FROM audit_marks m;
  IF final <= sealed THEN
    RETURN;
  END IF;
  DELETE FROM audit_marks m WHERE m.seq < final;
  UPDATE audit_marks m SET owed = true WHERE m.seq = final;
  RETURN QUERY INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at)
    SELECT make_uuid_v7(at), t.tenant_id, 'audit.seal', 'jobs',
      jsonb_build_object('kind', 'audit.seal', 'tenant_id', t.tenant_id, 'through', final), at, at + interval '30 seconds'
    FROM (SELECT DISTINCT a.tenant_id FROM audit_logs a WHERE a.seq > sealed AND a.seq <= final) t
    RETURNING id, tenant_id;
END $$;
GRANT EXECUTE ON FUNCTION owe_audit_seals(timestamptz) TO zygo_platform;

-- Rows go by this function and no other, and nobody but the platform's job may call it. Whatever it is told, no row goes within the
-- 30 days that every plan keeps, and no change that a seal does not declare gone.
CREATE POLICY lookup_delete ON audit_logs FOR DELETE TO zygo_lookup USING (created_at < now() - interval '30 days');
CREATE POLICY lookup_delete ON user_activity FOR DELETE TO zygo_lookup USING (created_at < now() - interval '30 days');
CREATE POLICY lookup_delete ON security_events FOR DELETE TO zygo_lookup USING (created_at < now() - interval '30 days');
CREATE POLICY lookup_delete ON rls_violations FOR DELETE TO zygo_lookup USING (created_at < now() - interval '30 days');
GRANT DELETE, SELECT (created_at) ON audit_logs, user_activity, security_events, rls_violations TO zygo_lookup;
GRANT SELECT (seq) ON audit_logs TO zygo_lookup;
GRANT SELECT (expired_through) ON audit_seals TO zygo_lookup;

-- Removes some of a tenant's rows from before an instant, `most` of each kind, and answers how many of the kind with most.
CREATE FUNCTION expire_trail(tenant uuid, older_than timestamptz, most integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  declared constant bigint := coalesce((SELECT max(s.expired_through) FROM audit_seals s WHERE s.tenant_id = tenant), 0);
  kind text;
  removed integer;
  greatest_removed integer;
BEGIN
  DELETE FROM audit_logs a WHERE (a.id, a.created_at) IN (
    SELECT l.id, l.created_at FROM audit_logs l WHERE l.tenant_id = tenant AND l.seq <= declared AND l.created_at < older_than ORDER BY l.seq LIMIT most);
  GET DIAGNOSTICS greatest_removed = ROW_COUNT;
  FOREACH kind IN ARRAY ARRAY['user_activity', 'security_events', 'rls_violations'] LOOP
    EXECUTE format('DELETE FROM %I a WHERE (a.id, a.created_at) IN (
      SELECT l.id, l.created_at FROM %I l WHERE l.tenant_id = $1 AND l.created_at < $2 LIMIT $3)', kind, kind) USING tenant, older_than, most;
    GET DIAGNOSTICS removed = ROW_COUNT;
    greatest_removed := greatest(greatest_removed, removed);
  END LOOP;
  RETURN greatest_removed;
END $$;
CALL give_to_lookup('expire_trail(uuid, timestamptz, integer)', 'zygo_platform');

-- Owes the removal of what is older than its tenant's plan keeps (or its own arrangement). `plans` and `days` are the plans' table.
CREATE FUNCTION owe_expiry(plans text[], days bigint[], at timestamptz, after uuid, most bigint)
  RETURNS TABLE (outbox_id uuid, owed_tenant uuid) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at)
    SELECT make_uuid_v7(at), due.id, 'audit.expire', 'jobs', jsonb_build_object('kind', 'audit.expire', 'tenant_id', due.id), at,
      at + interval '30 seconds'
    FROM (
      SELECT t.id, at - least(p.days, CASE WHEN jsonb_typeof(f.value) = 'number' THEN (f.value #>> '{}')::bigint END) * interval '1 day' AS oldest
      FROM tenants t JOIN unnest(plans, days) p (plan, days) ON p.plan = t.plan
      LEFT JOIN tenant_features f ON f.tenant_id = t.id AND f.feature = 'audit_retention_days' AND (f.expires_at IS NULL OR f.expires_at > at)
      WHERE t.id > after) due
    WHERE EXISTS (SELECT FROM audit_logs l WHERE l.tenant_id = due.id AND l.created_at < due.oldest)
      OR EXISTS (SELECT FROM user_activity l WHERE l.tenant_id = due.id AND l.created_at < due.oldest)
      OR EXISTS (SELECT FROM security_events l WHERE l.tenant_id = due.id AND l.created_at < due.oldest)
      OR EXISTS (SELECT FROM rls_violations l WHERE l.tenant_id = due.id AND l.created_at < due.oldest)
    ORDER BY due.id LIMIT most
    RETURNING id, tenant_id;
END $$;
GRANT EXECUTE ON FUNCTION owe_expiry(text[], bigint[], timestamptz, uuid, bigint) TO zygo_platform;
