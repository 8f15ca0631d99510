-- Creating a tenant, and finding one before it is known.

-- Creates a tenant with its settings, the six default roles (ids given from owner down to viewer) and the context's user
-- as owner. False if the slug is taken, or was another tenant's until lately.
CREATE FUNCTION create_tenant(new_id uuid, new_slug text, new_name text, new_plan text, role_ids uuid[], membership_id uuid,
  event_id uuid, outbox_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM tenant_domains d WHERE d.domain = new_slug AND d.kind = 'former_slug' AND d.redirect_until > at) THEN
    RETURN false;
  END IF;
  INSERT INTO tenants (id, slug, name, plan, created_at, updated_at) VALUES (new_id, new_slug, new_name, new_plan, at, at)
    ON CONFLICT (slug) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO tenant_settings (tenant_id, created_at, updated_at) VALUES (new_id, at, at);
  INSERT INTO roles (id, tenant_id, key, name, level, is_default, created_at, updated_at)
    SELECT role_ids[d.position], new_id, d.key, d.name, d.level, true, at, at
    FROM (VALUES (1, 'owner', 'Owner', 100), (2, 'admin', 'Admin', 80), (3, 'manager', 'Manager', 60),
      (4, 'developer', 'Developer', 40), (5, 'member', 'Member', 20), (6, 'viewer', 'Viewer', 10)) d (position, key, name, level);
  INSERT INTO user_roles (id, tenant_id, user_id, role_id, created_at, updated_at)
    VALUES (membership_id, new_id, app_user_id(), role_ids[1], at, at);
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (event_id, new_id, 'tenant.created', jsonb_build_object('tenant_id', new_id, 'slug', new_slug), app_user_id(),
      app_request_id(), at);
  PERFORM add_outbox(outbox_id, new_id, 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', new_id), at);
  RETURN true;
END $$;
CALL give_to_lookup('create_tenant(uuid, text, text, text, uuid[], uuid, uuid, uuid, timestamptz)', 'zygo_app');

-- What the edge directory mirrors, a row per key. A key is a slug, which stands for the host below the app domain, or a
-- custom domain; a domain has a dot and a slug has none. A former slug answers with the slug to go to. It reads with the
-- rights of whoever asks.
CREATE VIEW tenant_directory WITH (security_invoker = true) AS
  SELECT h.key, t.id AS tenant_id, t.slug, t.plan, t.status, h.redirect_to, t.directory_version AS version,
    jsonb_build_object('mfa_policy', s.mfa_policy, 'ip_allow_list', to_jsonb(s.ip_allow_list),
      'cors_origins', to_jsonb(s.cors_origins)) AS settings
  FROM tenants t
  JOIN tenant_settings s ON s.tenant_id = t.id
  CROSS JOIN LATERAL (
    SELECT t.slug AS key, NULL::text AS redirect_to
    UNION ALL
    SELECT d.domain, CASE WHEN d.kind = 'former_slug' THEN t.slug END FROM tenant_domains d
    WHERE d.tenant_id = t.id AND (d.kind = 'custom' AND d.verified_at IS NOT NULL OR d.kind = 'former_slug' AND d.redirect_until > now())
  ) h
  WHERE t.status <> 'internal';
GRANT SELECT ON tenant_directory TO zygo_platform, zygo_lookup;

-- The tenant behind a key. A slug in use goes before a former one.
CREATE FUNCTION find_tenant(wanted text) RETURNS SETOF tenant_directory
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d.* FROM tenant_directory d
  WHERE d.key = wanted AND d.tenant_id IN (
    SELECT t.id FROM tenants t WHERE t.slug = wanted UNION ALL SELECT h.tenant_id FROM tenant_domains h WHERE h.domain = wanted)
  ORDER BY d.redirect_to NULLS FIRST LIMIT 1
$$;
CALL give_to_lookup('find_tenant(text)', 'zygo_app');
