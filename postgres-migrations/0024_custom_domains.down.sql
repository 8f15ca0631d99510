DROP FUNCTION claim_custom_domain(uuid, text, text, jsonb, timestamptz);
CREATE OR REPLACE VIEW tenant_directory WITH (security_invoker = true) AS
  SELECT h.key, t.id AS tenant_id, t.slug, t.plan, t.status, h.redirect_to, t.directory_version AS version,
    jsonb_build_object('mfa_policy', s.mfa_policy, 'ip_allow_list', to_jsonb(s.ip_allow_list),
      'cors_origins', to_jsonb(s.cors_origins), 'password_min_length', s.password_min_length) AS settings
  FROM tenants t
  JOIN tenant_settings s ON s.tenant_id = t.id
  CROSS JOIN LATERAL (
    SELECT t.slug AS key, NULL::text AS redirect_to
    UNION ALL
    SELECT d.domain, CASE WHEN d.kind = 'former_slug' THEN t.slug END FROM tenant_domains d
    WHERE d.tenant_id = t.id AND (d.kind = 'custom' AND d.verified_at IS NOT NULL OR d.kind = 'former_slug' AND d.redirect_until > now())
  ) h
  WHERE t.status <> 'internal';
DROP TRIGGER audit ON tenant_domains;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tenant_domains FOR EACH ROW EXECUTE FUNCTION audit_change('verification_token');
DROP TRIGGER directory_change ON tenant_domains;
DROP TRIGGER directory ON tenant_domains;
CREATE TRIGGER directory AFTER INSERT OR UPDATE OR DELETE ON tenant_domains
  FOR EACH ROW EXECUTE FUNCTION move_directory_version();
DROP TRIGGER touch ON tenant_domains;
CREATE TRIGGER touch BEFORE UPDATE ON tenant_domains FOR EACH ROW EXECUTE FUNCTION touch_row();
DROP INDEX tenant_domains_check;
ALTER TABLE tenant_domains DROP COLUMN check_at, DROP COLUMN hostname_id, DROP COLUMN status;
