-- A sign-on runs at its tenant's own host, so its look-up says where that is.
DROP FUNCTION find_connection(uuid);
CREATE FUNCTION find_connection(wanted uuid) RETURNS TABLE (
  tenant_id uuid, slug text, kind text, config jsonb, secret_sealed bytea, attributes jsonb, role_mappings jsonb, plan text, features jsonb
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.tenant_id, t.slug, c.kind, c.config, c.secret_sealed, c.attributes, c.role_mappings, t.plan, (
    SELECT coalesce(jsonb_object_agg(f.feature, f.value), '{}') FROM tenant_features f
    WHERE f.tenant_id = t.id AND f.feature IN ('sso', 'members') AND (f.expires_at IS NULL OR f.expires_at > now()))
  FROM sso_connections c JOIN tenants t ON t.id = c.tenant_id
  WHERE c.id = wanted AND c.enabled AND t.status IN ('active', 'suspended')
$$;
CALL give_to_lookup('find_connection(uuid)', 'zygo_app');
