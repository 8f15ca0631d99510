-- Events reach whoever is connected: what was not told yet is found by the transactions that wrote it, and who is connected is known.

-- The transaction that wrote it. Rows from before have none, and are told to nobody any more.
ALTER TABLE events ADD COLUMN transaction xid8;
ALTER TABLE events ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
CREATE INDEX events_transaction ON events (tenant_id, transaction, id);

-- Tenants whose stream object wants to hear of events as soon as they are committed, and until when.
CREATE TABLE streams (
  tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
  watched_until timestamptz NOT NULL
);
CALL protect_tenant_table('streams');
GRANT SELECT, INSERT, UPDATE ON streams TO zygo_app;
GRANT SELECT, DELETE ON streams TO zygo_platform;
CALL open_to_lookup('streams', 'SELECT');

-- After events were written: their tenants' streams are owed a look, where anybody is connected. Whoever commits says so, as for deliveries.
CREATE FUNCTION owe_streams() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM owe_deliveries(string_agg(DISTINCT 'stream:' || s.tenant_id, ','))
    FROM fresh e JOIN streams s ON s.tenant_id = e.tenant_id WHERE s.watched_until > now();
  RETURN NULL;
END $$;
CALL give_to_lookup('owe_streams()', 'zygo_owner');
CREATE TRIGGER streams AFTER INSERT ON events REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION owe_streams();
