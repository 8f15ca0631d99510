-- What an organisation lays down for its people, what its plan covers, and what it is called.

-- What a membership must know of its tenant beside the tenant's row: how it looks, what it lays down for sessions, and where
-- it departs from its plan. NULL for no tenant.
CREATE FUNCTION tenant_facts(tenant uuid) RETURNS jsonb
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT jsonb_build_object('logo_url', t.logo_url, 'colors', t.colors, 'delete_after', t.delete_after,
    'session_idle_days', s.session_idle_days, 'session_absolute_days', s.session_absolute_days,
    'ip_allow_list', to_jsonb(s.ip_allow_list), 'features', (
      SELECT coalesce(jsonb_object_agg(f.feature, f.value), '{}') FROM tenant_features f
      WHERE f.tenant_id = t.id AND (f.expires_at IS NULL OR f.expires_at > now())))
  FROM tenants t JOIN tenant_settings s ON s.tenant_id = t.id
  WHERE t.id = tenant
$$;
CALL give_to_lookup('tenant_facts(uuid)', 'zygo_app', 'zygo_platform');

-- What holds for a feature of a tenant: its own value where that is of the plan's kind, else its plan's, as a limit. NULL is no
-- limit, 0 is none; a switch counts as either. `by_plan` is the domain's table of that feature, a value per plan. The same
-- as the domain's resolver, for whoever must count and write in one statement.
CREATE FUNCTION plan_limit(tenant uuid, wanted text, by_plan jsonb) RETURNS bigint
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE jsonb_typeof(v.value) WHEN 'number' THEN v.value::bigint WHEN 'boolean' THEN CASE WHEN v.value::boolean THEN NULL ELSE 0 END END
  FROM tenants t
  CROSS JOIN LATERAL (SELECT coalesce((
    SELECT f.value FROM tenant_features f
    WHERE f.tenant_id = t.id AND f.feature = wanted AND (f.expires_at IS NULL OR f.expires_at > now())
      AND CASE jsonb_typeof(f.value)
        WHEN 'boolean' THEN jsonb_typeof(by_plan -> t.plan) = 'boolean'
        WHEN 'null' THEN jsonb_typeof(by_plan -> t.plan) <> 'boolean'
        WHEN 'number' THEN jsonb_typeof(by_plan -> t.plan) <> 'boolean' AND f.value::numeric BETWEEN 0 AND 9223372036854775807
          AND scale(f.value::numeric) = 0
        ELSE false END), by_plan -> t.plan) AS value) v
  WHERE t.id = tenant
$$;
CALL give_to_lookup('plan_limit(uuid, text, jsonb)', 'zygo_app', 'zygo_platform', 'zygo_lookup');

-- The edge's copy of the settings, for what it must know before anybody is known.
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

-- Refuses an address whose domain the tenant does not take.
CREATE FUNCTION refuse_mail_domain(tenant uuid, address text) RETURNS boolean
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM tenant_settings s WHERE s.tenant_id = tenant AND s.allowed_mail_domains <> '{}'
      AND split_part(address, '@', 2) <> ALL (s.allowed_mail_domains)) THEN
    RAISE check_violation USING CONSTRAINT = 'mail_domain_refused', MESSAGE = 'the tenant takes other mail domains';
  END IF;
  RETURN true;
END $$;
CALL give_to_lookup('refuse_mail_domain(uuid, text)', 'zygo_app', 'zygo_lookup');

-- Whoever becomes a member, or is invited to, has an address that the tenant takes, however many ways in there are or will be.
CREATE FUNCTION check_member_mail_domain() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM refuse_mail_domain(NEW.tenant_id, (SELECT u.email FROM users u WHERE u.id = NEW.user_id));
  RETURN NEW;
END $$;
CREATE FUNCTION check_invited_mail_domain() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM refuse_mail_domain(NEW.tenant_id, NEW.email);
  RETURN NEW;
END $$;
CALL give_to_lookup('check_member_mail_domain()', 'zygo_owner');
CALL give_to_lookup('check_invited_mail_domain()', 'zygo_owner');
CREATE TRIGGER mail_domain BEFORE INSERT ON user_roles FOR EACH ROW EXECUTE FUNCTION check_member_mail_domain();
CREATE TRIGGER mail_domain BEFORE INSERT ON invitations FOR EACH ROW EXECUTE FUNCTION check_invited_mail_domain();

-- The longest of what somebody's tenants ask of a password.
CREATE FUNCTION password_min_length_of(who uuid) RETURNS integer
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(max(s.password_min_length), 12) FROM user_roles m JOIN tenant_settings s ON s.tenant_id = m.tenant_id WHERE m.user_id = who
$$;
CALL give_to_lookup('password_min_length_of(uuid)', 'zygo_lookup');

DROP FUNCTION own_secret();
CREATE FUNCTION own_secret() RETURNS TABLE (password_hash text, locked_until timestamptz, min_length integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT u.password_hash, u.locked_until, password_min_length_of(u.id) FROM users u WHERE u.id = app_user_id()
$$;
CALL give_to_lookup('own_secret()', 'zygo_app');

DROP FUNCTION peek_reset(bytea, timestamptz);
CREATE FUNCTION peek_reset(hash bytea, at timestamptz)
  RETURNS TABLE (outcome text, email text, first_name text, last_name text, min_length integer)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN t.consumed_at IS NOT NULL OR u.email <> t.email OR u.status <> 'active' THEN 'consumed'
      WHEN t.expires_at <= at THEN 'expired' ELSE 'good' END,
    u.email, u.first_name, u.last_name, password_min_length_of(u.id)
  FROM password_reset_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = hash
$$;
CALL give_to_lookup('peek_reset(bytea, timestamptz)', 'zygo_app');

-- A session of the context's user was refreshed: it was seen, and its end slides as far as its tenant's settings let it. A
-- tenant that shortened its sessions meanwhile has ended it: idle for too long, or begun too long ago.
DROP FUNCTION touch_own_session(uuid, timestamptz);
CREATE FUNCTION touch_own_session(seen_id uuid, at timestamptz) RETURNS text
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH seen AS (
    SELECT s.id, s.last_seen_at + make_interval(days => t.session_idle_days) > at
        AND s.created_at + make_interval(days => t.session_absolute_days) > at AS lasts,
      least(s.created_at + make_interval(days => t.session_absolute_days), at + make_interval(days => t.session_idle_days)) AS until
    FROM sessions s JOIN tenant_settings t ON t.tenant_id = s.tenant_id
    WHERE s.id = seen_id AND s.user_id = app_user_id() AND s.ended_at IS NULL),
  touched AS (
    UPDATE sessions s SET last_seen_at = at, expires_at = seen.until FROM seen WHERE s.id = seen.id AND seen.lasts)
  SELECT coalesce((SELECT CASE WHEN seen.lasts THEN 'lives' ELSE 'expired' END FROM seen), 'ended')
$$;
CALL give_to_lookup('touch_own_session(uuid, timestamptz)', 'zygo_app');

-- Whether a slug is to be had: no tenant has it, and none but the context's own had it until lately. Whoever asks has the answer
-- for the rest of the transaction, about the slug that they give up too.
CREATE FUNCTION claim_slug(wanted text, given_up text, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  one text;
BEGIN
  FOR one IN SELECT w.slug FROM unnest(ARRAY[wanted, given_up]) w (slug) WHERE w.slug IS NOT NULL ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(one, 23));
  END LOOP;
  RETURN NOT EXISTS (SELECT FROM tenants t WHERE t.slug = wanted) AND NOT EXISTS (
    SELECT FROM tenant_domains d WHERE d.domain = wanted AND d.kind = 'former_slug' AND d.redirect_until > at
      AND d.tenant_id IS DISTINCT FROM app_tenant_id());
END $$;
CALL give_to_lookup('claim_slug(text, text, timestamptz)', 'zygo_app', 'zygo_lookup');

-- As it was, but for who asks whether the slug is to be had.
DROP FUNCTION create_tenant(uuid, text, text, text, uuid[], uuid, uuid, uuid, timestamptz);
CREATE FUNCTION create_tenant(new_id uuid, new_slug text, new_name text, new_plan text, role_ids uuid[], membership_id uuid,
  event_id uuid, outbox_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT claim_slug(new_slug, NULL, at) THEN
    RETURN false;
  END IF;
  INSERT INTO tenants (id, slug, name, plan, created_at, updated_at) VALUES (new_id, new_slug, new_name, new_plan, at, at);
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

-- Changes what the context's tenant is called and looks like; NULL leaves. The slug that it gives up leads to it until `until`,
-- and is nobody else's so long. Outcomes: changed, lost (another version than expected), taken, hoarding (five slugs given up
-- lately), missing; moved is changed, with another slug.
CREATE FUNCTION change_tenant(new_name text, new_slug text, new_colors jsonb, versions bigint[], until timestamptz, outbox_id uuid,
  at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  old tenants;
  new_version integer;
BEGIN
  SELECT t.* INTO old FROM tenants t WHERE t.id = app_tenant_id() FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN 'missing';
  END IF;
  IF old.version <> ALL (versions) THEN
    RETURN 'lost';
  END IF;
  IF new_slug <> old.slug THEN
    IF NOT claim_slug(new_slug, old.slug, at) THEN
      RETURN 'taken';
    END IF;
    DELETE FROM tenant_domains d WHERE d.tenant_id = old.id AND d.kind = 'former_slug' AND (d.domain = new_slug OR d.redirect_until <= at);
    IF 5 <= (SELECT count(*) FROM tenant_domains d WHERE d.tenant_id = old.id AND d.kind = 'former_slug') THEN
      RETURN 'hoarding';
    END IF;
    INSERT INTO tenant_domains (id, tenant_id, domain, kind, redirect_until, created_at, updated_at)
      VALUES (make_uuid_v7(at), old.id, old.slug, 'former_slug', until, at, at);
  END IF;
  UPDATE tenants t SET name = coalesce(new_name, t.name), slug = coalesce(new_slug, t.slug), colors = coalesce(new_colors, t.colors),
    updated_at = at WHERE t.id = old.id RETURNING t.version INTO new_version;
  IF new_version <> old.version THEN
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (make_uuid_v7(at), old.id, 'tenant.updated', jsonb_build_object('tenant_id', old.id, 'version', new_version), app_user_id(),
        app_request_id(), at);
  END IF;
  IF new_slug <> old.slug THEN
    INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at)
      VALUES (outbox_id, old.id, 'directory.sync', 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', old.id), at,
        at + interval '30 seconds');
    RETURN 'moved';
  END IF;
  RETURN 'changed';
END $$;
GRANT EXECUTE ON FUNCTION change_tenant(text, text, jsonb, bigint[], timestamptz, uuid, timestamptz) TO zygo_app;

-- An organisation is deleted in two steps: its owner says so, and until the time for it is over may take it back; then it is closed.

GRANT UPDATE (status, delete_after, updated_at) ON tenants TO zygo_lookup;
CREATE INDEX tenants_due ON tenants (delete_after) WHERE status = 'deleting';

-- Owes the owners of the context's tenant a security notice, and the directory what the tenant is now.
CREATE FUNCTION tell_owners(notice jsonb, event_type text, outbox_id uuid, at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM add_notice(make_uuid_v7(at), m.user_id, notice, at) FROM user_roles m
    JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id AND r.is_default AND r.key = 'owner'
    WHERE m.tenant_id = app_tenant_id() AND m.status = 'active';
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (make_uuid_v7(at), app_tenant_id(), event_type, jsonb_build_object('tenant_id', app_tenant_id()), app_user_id(), app_request_id(), at);
  PERFORM add_outbox(outbox_id, app_tenant_id(), 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', app_tenant_id()), at);
END $$;
CALL give_to_lookup('tell_owners(jsonb, text, uuid, timestamptz)', 'zygo_lookup');

-- The context's tenant is to be deleted. Outcomes: done; not (it is to be already); lost (another version than expected).
CREATE FUNCTION schedule_tenant_deletion(due timestamptz, versions bigint[], outbox_id uuid, at timestamptz) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  old tenants;
BEGIN
  SELECT t.* INTO old FROM tenants t WHERE t.id = app_tenant_id() FOR NO KEY UPDATE;
  IF old.version <> ALL (versions) THEN
    RETURN 'lost';
  END IF;
  UPDATE tenants t SET status = 'deleting', delete_after = due, updated_at = at WHERE t.id = old.id AND t.status = 'active';
  IF NOT FOUND THEN
    RETURN 'not';
  END IF;
  PERFORM tell_owners('{"what": "tenant_deletion_scheduled"}', 'tenant.deletion_scheduled', outbox_id, at);
  RETURN 'done';
END $$;
CALL give_to_lookup('schedule_tenant_deletion(timestamptz, bigint[], uuid, timestamptz)', 'zygo_app');

-- It is to stay after all. Outcomes as above; not, where it is not to be deleted, or the time is over.
CREATE FUNCTION cancel_tenant_deletion(versions bigint[], outbox_id uuid, at timestamptz) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  old tenants;
BEGIN
  SELECT t.* INTO old FROM tenants t WHERE t.id = app_tenant_id() FOR NO KEY UPDATE;
  IF old.version <> ALL (versions) THEN
    RETURN 'lost';
  END IF;
  UPDATE tenants t SET status = 'active', delete_after = NULL, updated_at = at
    WHERE t.id = old.id AND t.status = 'deleting' AND t.delete_after > at;
  IF NOT FOUND THEN
    RETURN 'not';
  END IF;
  PERFORM tell_owners('{"what": "tenant_deletion_cancelled"}', 'tenant.deletion_cancelled', outbox_id, at);
  RETURN 'done';
END $$;
CALL give_to_lookup('cancel_tenant_deletion(bigint[], uuid, timestamptz)', 'zygo_app');
