-- What holds of memberships whoever changes them: critical permissions are checked where the work is done, an organisation
-- keeps an owner, and nobody is signed in where they are no member. And a list of members that stays fast.

-- Moves the version of a role whose permissions change, so that a client's entity tag, and whoever locks the row, knows.
ALTER TABLE roles ADD COLUMN permissions_changed_at timestamptz;

-- Whether the context's user may do now what the transaction is about to do; an error ends it where they may not. A default
-- role's permissions are code, so the keys of those that permit it are given; none given as permission means the role itself
-- counts. A session that has ended counts for nothing, and each use is on record. Whoever changes the membership or the role
-- at the same moment waits for this transaction, or this one for them.
CREATE FUNCTION require_permission(wanted smallint, default_roles text[], session uuid) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  membership user_roles;
  held roles;
  wanted_key constant text := (SELECT p.key FROM permissions p WHERE p.index = wanted);
BEGIN
  SELECT m.* INTO membership FROM user_roles m WHERE m.tenant_id = app_tenant_id() AND m.user_id = app_user_id() FOR SHARE;
  IF membership.status <> 'active' THEN
    RAISE check_violation USING CONSTRAINT = 'member_suspended', MESSAGE = 'this member is suspended';
  END IF;
  IF NOT EXISTS (SELECT FROM sessions s WHERE s.id = session AND s.tenant_id = app_tenant_id() AND s.user_id = app_user_id()
      AND s.ended_at IS NULL) THEN
    RAISE check_violation USING CONSTRAINT = 'session_ended', MESSAGE = 'this session has ended';
  END IF;
  SELECT r.* INTO held FROM roles r WHERE r.tenant_id = membership.tenant_id AND r.id = membership.role_id FOR SHARE;
  IF NOT coalesce(CASE WHEN held.is_default THEN held.key = ANY (default_roles) ELSE EXISTS (
      SELECT FROM role_permissions p WHERE p.tenant_id = held.tenant_id AND p.role_id = held.id AND p.permission = wanted) END, false) THEN
    RAISE check_violation USING CONSTRAINT = 'permission_denied', COLUMN = coalesce(wanted_key, ''),
      MESSAGE = 'this member''s role does not permit it';
  END IF;
  INSERT INTO audit_logs (id, tenant_id, actor, user_id, action, resource_type, after, request_id)
    VALUES (make_uuid_v7(now()), app_tenant_id(), coalesce(app_actor(), session_user::text), app_user_id(), 'permissions.use', 'permissions',
      jsonb_build_object('permission', coalesce(wanted_key, 'owner')), app_request_id());
  RETURN true;
END $$;
CALL open_to_lookup('permissions', 'SELECT');
-- A row is locked with the right to change it.
CALL open_to_lookup('roles', 'UPDATE', 'version');
CALL open_to_lookup('user_roles', 'UPDATE', 'version');
CALL give_to_lookup('require_permission(smallint, text[], uuid)', 'zygo_app');

-- An organisation keeps an owner who can sign in, whoever removes, demotes or suspends one.
CREATE FUNCTION keep_an_owner() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM roles r WHERE r.tenant_id = OLD.tenant_id AND r.id = OLD.role_id AND r.is_default AND r.key = 'owner')
      OR NOT EXISTS (SELECT FROM users u WHERE u.id = OLD.user_id AND u.status = 'active') THEN
    RETURN NULL;
  END IF;
  -- Of two who take the last two owners away at once, the second sees what the first did.
  PERFORM FROM tenants t WHERE t.id = OLD.tenant_id AND t.status IN ('active', 'suspended') FOR NO KEY UPDATE;
  IF FOUND AND NOT EXISTS (
      SELECT FROM user_roles m JOIN users u ON u.id = m.user_id AND u.status = 'active'
      WHERE m.tenant_id = OLD.tenant_id AND m.role_id = OLD.role_id AND m.status = 'active') THEN
    RAISE check_violation USING CONSTRAINT = 'last_owner', MESSAGE = 'an organisation keeps an owner';
  END IF;
  RETURN NULL;
END $$;
CALL give_to_lookup('keep_an_owner()', 'zygo_owner');
CREATE TRIGGER owner_leaves AFTER DELETE ON user_roles FOR EACH ROW WHEN (OLD.status = 'active') EXECUTE FUNCTION keep_an_owner();
CREATE TRIGGER owner_changes AFTER UPDATE OF role_id, status ON user_roles FOR EACH ROW
  WHEN (OLD.status = 'active' AND (NEW.role_id <> OLD.role_id OR NEW.status <> 'active')) EXECUTE FUNCTION keep_an_owner();

-- A session of an organisation is an active member's: neither does a sign-in that is just on its way outlast a removal or
-- a suspension, nor is any way in to forget to ask. AFTER, so that the policies have their say first.
CREATE FUNCTION require_membership() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  standing text;
BEGIN
  -- Whoever removes or suspends a member writes this row first.
  SELECT m.status INTO standing FROM user_roles m WHERE m.tenant_id = NEW.tenant_id AND m.user_id = NEW.user_id FOR SHARE;
  IF standing IS DISTINCT FROM 'active' THEN
    RAISE check_violation USING CONSTRAINT = 'member_suspended', MESSAGE = 'not an active member';
  END IF;
  RETURN NULL;
END $$;
CALL give_to_lookup('require_membership()', 'zygo_owner');
CREATE TRIGGER membership AFTER INSERT ON sessions FOR EACH ROW
  WHEN (NEW.tenant_id <> '00000000-0000-0000-0000-000000000000') EXECUTE FUNCTION require_membership();

-- What members are searched by lies with the membership, so that a search reads one organisation's rows. Its own schema keeps
-- the extensions' functions away from the project's.
CREATE SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION btree_gin SCHEMA extensions;
ALTER TABLE user_roles ADD COLUMN search text NOT NULL DEFAULT '';

CREATE FUNCTION searchable(person users) RETURNS text LANGUAGE sql STABLE
  AS $$ SELECT lower(concat_ws(' ', person.email, person.first_name, person.last_name)) $$;
GRANT EXECUTE ON FUNCTION searchable(users) TO zygo_lookup;
CREATE FUNCTION describe_member() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.search := coalesce((SELECT searchable(u) FROM users u WHERE u.id = NEW.user_id), '');
  RETURN NEW;
END $$;
CALL give_to_lookup('describe_member()', 'zygo_owner');
CREATE FUNCTION describe_memberships() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE user_roles m SET search = searchable(NEW) WHERE m.user_id = NEW.id AND m.search <> searchable(NEW);
  RETURN NULL;
END $$;
GRANT UPDATE (search) ON user_roles TO zygo_lookup;
CALL give_to_lookup('describe_memberships()', 'zygo_owner');
-- Neither the version that a client knows nor the audit trail is moved by it.
DROP TRIGGER touch ON user_roles;
CREATE TRIGGER touch BEFORE UPDATE OF role_id, status ON user_roles FOR EACH ROW EXECUTE FUNCTION touch_row();
DROP TRIGGER audit ON user_roles;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON user_roles FOR EACH ROW EXECUTE FUNCTION audit_change('search');
UPDATE user_roles m SET search = searchable(u) FROM users u WHERE u.id = m.user_id;
CREATE TRIGGER description BEFORE INSERT ON user_roles FOR EACH ROW EXECUTE FUNCTION describe_member();
CREATE TRIGGER description AFTER UPDATE OF email, first_name, last_name ON users FOR EACH ROW
  WHEN ((OLD.email, OLD.first_name, OLD.last_name) IS DISTINCT FROM (NEW.email, NEW.first_name, NEW.last_name))
  EXECUTE FUNCTION describe_memberships();
ALTER TABLE user_roles ALTER COLUMN search DROP DEFAULT;

CREATE INDEX user_roles_list ON user_roles (tenant_id, created_at, id);
CREATE INDEX user_roles_by_role ON user_roles (tenant_id, role_id, created_at, id);
CREATE INDEX user_roles_suspended ON user_roles (tenant_id, created_at, id) WHERE status = 'suspended';
CREATE INDEX user_roles_search ON user_roles USING gin (tenant_id extensions.uuid_ops, search extensions.gin_trgm_ops);
DROP INDEX user_roles_role;

-- The query of a page of members with just the filters that are asked for, so that each is planned for itself: $1 tenant,
-- $2 pattern, $3 role, $4 status, $5 and $6 the position that it begins after, $7 rows. A function, so that a test explains
-- the very query that runs.
CREATE FUNCTION members_query(by_search boolean, by_role boolean, by_status text, onward boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'SELECT u.id, u.email, u.first_name, u.last_name, u.avatar_url, r.id AS role_id, r.key AS role_key, r.name AS role_name, '
    || 'r.level AS role_level, r.is_default AS role_is_default, m.id AS membership_id, m.status, m.version, m.created_at, m.updated_at '
    || 'FROM (SELECT * FROM user_roles WHERE tenant_id = $1'
    || CASE WHEN by_search THEN ' AND search LIKE $2' ELSE '' END
    || CASE WHEN by_role THEN ' AND role_id = $3' ELSE '' END
    -- As a constant, for the index of the few that are suspended; $4 keeps its place.
    || CASE by_status WHEN 'active' THEN ' AND status = ''active''' WHEN 'suspended' THEN ' AND status = ''suspended''' ELSE '' END
    || CASE WHEN onward THEN ' AND (created_at, id) > ($5, $6)' ELSE '' END
    || ' ORDER BY created_at, id LIMIT $7) m '
    || 'JOIN users u ON u.id = m.user_id JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id ORDER BY m.created_at, m.id'
$$;
GRANT EXECUTE ON FUNCTION members_query(boolean, boolean, text, boolean) TO zygo_lookup;

-- A page of the context's tenant's members, oldest first. It runs as zygo_lookup because no index serves a search below a
-- policy: LIKE is not leakproof. The tenant is the context's, whoever calls.
CREATE FUNCTION list_members(search text, role text, by_status text, after timestamptz, after_id uuid, row_limit bigint)
  RETURNS TABLE (id uuid, email text, first_name text, last_name text, avatar_url text, role_id uuid, role_key text, role_name text,
    role_level smallint, role_is_default boolean, membership_id uuid, status text, version integer, created_at timestamptz,
    updated_at timestamptz)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant constant uuid := app_tenant_id();
  pattern constant text := '%' || replace(replace(replace(lower(search), '\', '\\'), '%', '\%'), '_', '\_') || '%';
  wanted_role constant uuid := (SELECT r.id FROM roles r WHERE r.tenant_id = tenant AND (r.key = role OR r.id::text = role)
    ORDER BY r.key = role DESC LIMIT 1);
BEGIN
  IF tenant IS NULL OR tenant = '00000000-0000-0000-0000-000000000000' THEN
    RETURN;
  END IF;
  RETURN QUERY EXECUTE members_query(search IS NOT NULL, role IS NOT NULL, by_status, after IS NOT NULL)
    USING tenant, pattern, wanted_role, by_status, after, after_id, row_limit;
END $$;
CALL give_to_lookup('list_members(text, text, text, timestamptz, uuid, bigint)', 'zygo_app');
