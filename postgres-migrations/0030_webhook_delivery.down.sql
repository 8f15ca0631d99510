DROP FUNCTION disable_webhooks(uuid[], text, timestamptz);
DROP FUNCTION room_for_webhook(jsonb, bigint);
DROP TRIGGER fan_out ON events;
DROP FUNCTION fan_out_events();
DROP FUNCTION owe_deliveries(text);
DROP POLICY lookup_insert ON webhook_deliveries;
REVOKE INSERT ON webhook_deliveries FROM zygo_lookup;
REVOKE SELECT (webhook_id) ON webhook_deliveries FROM zygo_lookup;
REVOKE SELECT (event_filters, enabled, ordered) ON webhooks FROM zygo_lookup;
DROP FUNCTION wants_event(text[], text);
REVOKE INSERT ON webhook_deliveries FROM zygo_app;
DROP TABLE webhook_attempts;
DROP INDEX events_age;
DROP INDEX webhook_deliveries_age;
DROP INDEX webhook_deliveries_dead;
DROP INDEX webhook_deliveries_order;
DROP INDEX webhook_deliveries_open;
ALTER TABLE webhook_deliveries DROP COLUMN tries, DROP COLUMN seq, ADD COLUMN response_head text CHECK (length(response_head) <= 4096);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE status IN ('pending', 'failing');
DROP INDEX webhooks_failing;
DROP TRIGGER touch ON webhooks;
DROP TRIGGER audit ON webhooks;
ALTER TABLE webhooks DROP COLUMN headers_sealed, DROP COLUMN header_names, DROP COLUMN ordered, DROP COLUMN public_key,
  DROP COLUMN secret_shown_at, ADD COLUMN headers jsonb NOT NULL DEFAULT '{}';
CREATE TRIGGER touch BEFORE UPDATE OF url, description, event_filters, headers, rate_per_second, enabled, disabled_reason,
  secret_sealed, previous_secret_sealed, previous_secret_until ON webhooks FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON webhooks FOR EACH ROW
  EXECUTE FUNCTION audit_change('secret_sealed', 'previous_secret_sealed', 'headers', 'failing_since');
