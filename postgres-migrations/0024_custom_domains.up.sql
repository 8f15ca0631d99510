-- A tenant's own domains, from the claim to the day when one leads nowhere any more.

ALTER TABLE tenant_domains
  ADD COLUMN status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'issuing', 'active', 'failing')),
  -- Its identifier at whoever ends its connections and has its certificate.
  ADD COLUMN hostname_id text CHECK (length(hostname_id) <= 64),
  -- When it is looked at again.
  ADD COLUMN check_at timestamptz,
  ADD CHECK (status = 'pending' OR verified_at IS NOT NULL);
CREATE INDEX tenant_domains_check ON tenant_domains (check_at) WHERE check_at IS NOT NULL;

-- Looking at a domain is no change of it.
DROP TRIGGER touch ON tenant_domains;
CREATE TRIGGER touch BEFORE UPDATE OF domain, verified_at, status, redirect_until ON tenant_domains
  FOR EACH ROW WHEN ((OLD.domain, OLD.verified_at, OLD.status, OLD.redirect_until)
    IS DISTINCT FROM (NEW.domain, NEW.verified_at, NEW.status, NEW.redirect_until)) EXECUTE FUNCTION touch_row();
DROP TRIGGER directory ON tenant_domains;
CREATE TRIGGER directory AFTER INSERT OR DELETE ON tenant_domains FOR EACH ROW EXECUTE FUNCTION move_directory_version();
CREATE TRIGGER directory_change AFTER UPDATE ON tenant_domains
  FOR EACH ROW WHEN ((OLD.domain, OLD.verified_at, OLD.status, OLD.redirect_until)
    IS DISTINCT FROM (NEW.domain, NEW.verified_at, NEW.status, NEW.redirect_until)) EXECUTE FUNCTION move_directory_version();
DROP TRIGGER audit ON tenant_domains;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON tenant_domains FOR EACH ROW
  EXECUTE FUNCTION audit_change('verification_token', 'hostname_id', 'check_at');

-- As it was, but a custom domain is served once it is active, and as long as it may come back.
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
    WHERE d.tenant_id = t.id AND (d.kind = 'custom' AND d.status IN ('active', 'failing') OR d.kind = 'former_slug' AND d.redirect_until > now())
  ) h
  WHERE t.status <> 'internal';

-- Claims a domain for the context's tenant, which reserves nothing. Outcomes: claimed, full (the plan has no room for another).
CREATE FUNCTION claim_custom_domain(new_id uuid, new_domain text, token text, by_plan jsonb, at timestamptz) RETURNS text
  LANGUAGE plpgsql AS $$
BEGIN
  -- Of two who take the last place, the second sees the first.
  PERFORM FROM tenants t WHERE t.id = app_tenant_id() FOR NO KEY UPDATE;
  IF (SELECT count(*) FROM tenant_domains d WHERE d.tenant_id = app_tenant_id() AND d.kind = 'custom')
      >= least(plan_limit(app_tenant_id(), 'custom_domains', by_plan), 100) THEN
    RETURN 'full';
  END IF;
  INSERT INTO tenant_domains (id, tenant_id, domain, verification_token, created_at, updated_at)
    VALUES (new_id, app_tenant_id(), new_domain, token, at, at);
  RETURN 'claimed';
END $$;
GRANT EXECUTE ON FUNCTION claim_custom_domain(uuid, text, text, jsonb, timestamptz) TO zygo_app;
