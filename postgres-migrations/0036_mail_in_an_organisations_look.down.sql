-- Back to mails that know of no organisation.

CREATE OR REPLACE FUNCTION disable_webhooks(endpoints uuid[], why text, at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
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

ALTER TABLE outbox DROP COLUMN on_behalf_of;
DROP FUNCTION app_host_tenant_id();
