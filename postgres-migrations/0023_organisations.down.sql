DROP FUNCTION cancel_tenant_deletion(bigint[], uuid, timestamptz);
DROP FUNCTION schedule_tenant_deletion(timestamptz, bigint[], uuid, timestamptz);
DROP FUNCTION tell_owners(jsonb, text, uuid, timestamptz);
DROP INDEX tenants_due;
REVOKE UPDATE (status, delete_after, updated_at) ON tenants FROM zygo_lookup;
DROP FUNCTION change_tenant(text, text, jsonb, bigint[], timestamptz, uuid, timestamptz);
DROP FUNCTION create_tenant(uuid, text, text, text, uuid[], uuid, uuid, uuid, timestamptz);
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
DROP FUNCTION claim_slug(text, text, timestamptz);
DROP FUNCTION touch_own_session(uuid, timestamptz);
CREATE FUNCTION touch_own_session(seen_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH touched AS (
    UPDATE sessions s SET last_seen_at = at, expires_at = least(
      s.created_at + make_interval(days => t.session_absolute_days), at + make_interval(days => t.session_idle_days))
    FROM tenant_settings t
    WHERE s.id = seen_id AND s.user_id = app_user_id() AND s.ended_at IS NULL AND t.tenant_id = s.tenant_id
    RETURNING true)
  SELECT EXISTS (SELECT FROM touched)
$$;
CALL give_to_lookup('touch_own_session(uuid, timestamptz)', 'zygo_app');
DROP FUNCTION peek_reset(bytea, timestamptz);
CREATE FUNCTION peek_reset(hash bytea, at timestamptz) RETURNS TABLE (outcome text, email text, first_name text, last_name text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN t.consumed_at IS NOT NULL OR u.email <> t.email OR u.status <> 'active' THEN 'consumed'
      WHEN t.expires_at <= at THEN 'expired' ELSE 'good' END,
    u.email, u.first_name, u.last_name
  FROM password_reset_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = hash
$$;
CALL give_to_lookup('peek_reset(bytea, timestamptz)', 'zygo_app');
DROP FUNCTION own_secret();
CREATE FUNCTION own_secret() RETURNS TABLE (password_hash text, locked_until timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT u.password_hash, u.locked_until FROM users u WHERE u.id = app_user_id()
$$;
CALL give_to_lookup('own_secret()', 'zygo_app');
DROP FUNCTION password_min_length_of(uuid);
DROP TRIGGER mail_domain ON invitations;
DROP TRIGGER mail_domain ON user_roles;
DROP FUNCTION check_invited_mail_domain();
DROP FUNCTION check_member_mail_domain();
DROP FUNCTION refuse_mail_domain(uuid, text);
CREATE OR REPLACE VIEW tenant_directory WITH (security_invoker = true) AS
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
DROP FUNCTION plan_limit(uuid, text, jsonb);
DROP FUNCTION tenant_facts(uuid);
