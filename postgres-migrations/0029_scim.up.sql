-- SCIM 2.0 (RFC 7643, RFC 7644): an organisation's directory says who its people are and which groups they are in. A user there
-- is a membership here; what the directory says of somebody stays with the organisation, since accounts are their people's.

CREATE TABLE scim_connections (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  -- It acts as somebody of this level would, its maker's: never on whoever is at or above it, but an owner's on owners.
  level smallint NOT NULL CHECK (level BETWEEN 1 AND 100),
  -- The role of whom no mapping fits; 'member' without.
  default_role_id uuid,
  -- A list of {value, role_id}: a group's name or externalId, and the role that it gives. Of several the highest counts.
  role_mappings jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(role_mappings) = 'array'),
  enabled boolean NOT NULL DEFAULT true,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, default_role_id) REFERENCES roles (tenant_id, id)
);
CREATE INDEX scim_connections_role ON scim_connections (tenant_id, default_role_id);
CREATE TRIGGER touch BEFORE UPDATE ON scim_connections FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON scim_connections FOR EACH ROW EXECUTE FUNCTION audit_change();

CREATE TABLE scim_tokens (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  connection_id uuid NOT NULL,
  -- SHA-256 over the whole token, so that a secret is good for its own connection alone.
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  expires_at timestamptz,
  -- To the hour.
  last_used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES scim_connections (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX scim_tokens_connection ON scim_tokens (tenant_id, connection_id);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON scim_tokens FOR EACH ROW EXECUTE FUNCTION audit_change('token_hash', 'last_used_at');

CREATE TABLE scim_users (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  user_id uuid NOT NULL,
  user_name text NOT NULL CHECK (length(user_name) BETWEEN 1 AND 256),
  -- What is compared, since an expression would not be looked up below a policy.
  user_name_key text NOT NULL GENERATED ALWAYS AS (lower(user_name)) STORED,
  external_id text CHECK (length(external_id) <= 256),
  -- Everything else that the directory said, as the schema has it.
  attributes jsonb NOT NULL DEFAULT '{}',
  -- The directory deleted them: suspended, and not shown to it any more, until somebody lets them in again.
  deleted_at timestamptz,
  -- When the groups that they are in last changed, which moves the version.
  groups_changed_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, user_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES user_roles (tenant_id, user_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX scim_users_name ON scim_users (tenant_id, user_name_key) WHERE deleted_at IS NULL;
CREATE INDEX scim_users_external ON scim_users (tenant_id, external_id);
CREATE TRIGGER touch BEFORE UPDATE ON scim_users FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON scim_users FOR EACH ROW EXECUTE FUNCTION audit_change('user_name_key', 'groups_changed_at');

CREATE TABLE scim_groups (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  connection_id uuid NOT NULL,
  display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 256),
  display_name_key text NOT NULL GENERATED ALWAYS AS (lower(display_name)) STORED,
  external_id text CHECK (length(external_id) <= 256),
  members_changed_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, display_name_key),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES scim_connections (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX scim_groups_connection ON scim_groups (tenant_id, connection_id);
CREATE INDEX scim_groups_external ON scim_groups (tenant_id, external_id);
CREATE TRIGGER touch BEFORE UPDATE ON scim_groups FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON scim_groups FOR EACH ROW EXECUTE FUNCTION audit_change('display_name_key', 'members_changed_at');

CREATE TABLE scim_group_members (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  group_id uuid NOT NULL,
  user_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, group_id, user_id),
  FOREIGN KEY (tenant_id, group_id) REFERENCES scim_groups (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, user_id) REFERENCES user_roles (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX scim_group_members_group ON scim_group_members (tenant_id, group_id);
CREATE INDEX scim_group_members_user ON scim_group_members (tenant_id, user_id);
CREATE TRIGGER audit AFTER INSERT OR DELETE ON scim_group_members FOR EACH ROW EXECUTE FUNCTION audit_change();

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['scim_connections', 'scim_tokens', 'scim_users', 'scim_groups', 'scim_group_members'] LOOP
    CALL protect_tenant_table(target::regclass);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO zygo_app', target);
    EXECUTE format('GRANT SELECT, DELETE ON %I TO zygo_platform', target);
    CALL open_to_lookup(target::regclass, 'SELECT', 'id, tenant_id');
  END LOOP;
END $$;

-- Whoever is let in again is there again.
CREATE FUNCTION show_to_directory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE scim_users s SET deleted_at = NULL, updated_at = NEW.updated_at
    WHERE s.tenant_id = NEW.tenant_id AND s.user_id = NEW.user_id AND s.deleted_at IS NOT NULL;
  RETURN NULL;
END $$;
GRANT EXECUTE ON FUNCTION show_to_directory() TO zygo_app;
CREATE TRIGGER directory AFTER UPDATE OF status ON user_roles FOR EACH ROW
  WHEN (NEW.status = 'active' AND OLD.status <> 'active') EXECUTE FUNCTION show_to_directory();

-- A time as answers write it.
CREATE FUNCTION scim_time(at timestamptz) RETURNS text LANGUAGE sql STABLE
  AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- Users and groups as SCIM has them, but for what depends on the host that is asked. A member whom no directory has described is
-- described by their account. They read with the rights of whoever asks.
CREATE VIEW scim_user_resources WITH (security_invoker = true) AS
  SELECT m.tenant_id, m.user_id, m.id AS membership_id, m.created_at,
    (m.version + u.version + coalesce(s.version, 0))::bigint AS version,
    coalesce(s.attributes, jsonb_strip_nulls(jsonb_build_object(
      'name', nullif(jsonb_strip_nulls(jsonb_build_object('givenName', u.first_name, 'familyName', u.last_name)), '{}'),
      'emails', jsonb_build_array(jsonb_build_object('value', u.email, 'type', 'work', 'primary', true)))))
    || jsonb_strip_nulls(jsonb_build_object('id', m.user_id, 'externalId', s.external_id, 'userName', coalesce(s.user_name, u.email),
      'active', m.status = 'active',
      'groups', (SELECT jsonb_agg(jsonb_build_object('value', g.group_id, 'type', 'direct') ORDER BY g.group_id) FROM scim_group_members g
        WHERE g.tenant_id = m.tenant_id AND g.user_id = m.user_id),
      'meta', jsonb_build_object('resourceType', 'User', 'created', scim_time(m.created_at),
        'lastModified', scim_time(greatest(m.updated_at, u.updated_at, s.updated_at))))) AS resource
  FROM user_roles m JOIN users u ON u.id = m.user_id LEFT JOIN scim_users s ON s.tenant_id = m.tenant_id AND s.user_id = m.user_id
  WHERE s.deleted_at IS NULL;

CREATE VIEW scim_group_resources WITH (security_invoker = true) AS
  SELECT g.tenant_id, g.id AS group_id, g.created_at, g.display_name_key, g.external_id, g.version::bigint AS version,
    jsonb_strip_nulls(jsonb_build_object('id', g.id, 'externalId', g.external_id, 'displayName', g.display_name,
      'meta', jsonb_build_object('resourceType', 'Group', 'created', scim_time(g.created_at), 'lastModified', scim_time(g.updated_at)))) AS resource,
    (SELECT jsonb_agg(jsonb_build_object('value', m.user_id, 'type', 'User') ORDER BY m.user_id) FROM scim_group_members m
      LEFT JOIN scim_users s ON s.tenant_id = m.tenant_id AND s.user_id = m.user_id
      WHERE m.tenant_id = g.tenant_id AND m.group_id = g.id AND s.deleted_at IS NULL) AS members
  FROM scim_groups g;
GRANT SELECT ON scim_user_resources, scim_group_resources TO zygo_app;

-- Whether a condition over a resource holds; none always does. What it says of case is said in lower case.
CREATE FUNCTION scim_matches(resource jsonb, condition text) RETURNS boolean LANGUAGE sql STABLE
  AS $$ SELECT coalesce(jsonb_path_match(lower(resource::text)::jsonb, condition::jsonpath, '{}', true), false) $$;

-- Opens every transaction of a directory: an error ends it where the token is none of the connection's. The hashes are compared
-- under a salt of the moment, so that how long it takes says nothing about them.
CREATE FUNCTION require_scim_token(connection uuid, hash bytea, by_plan jsonb, at timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  salt constant bytea := uuid_send(gen_random_uuid());
  standing constant text := (SELECT t.status FROM tenants t WHERE t.id = app_tenant_id());
  token scim_tokens;
BEGIN
  SELECT t.* INTO token FROM scim_tokens t JOIN scim_connections c ON c.tenant_id = t.tenant_id AND c.id = t.connection_id AND c.enabled
    WHERE t.tenant_id = app_tenant_id() AND t.connection_id = connection AND (t.expires_at IS NULL OR t.expires_at > at)
      AND sha256(salt || t.token_hash) = sha256(salt || hash);
  IF NOT FOUND OR standing IS NULL THEN
    RAISE check_violation USING CONSTRAINT = 'scim_token', MESSAGE = 'no token of this connection';
  END IF;
  IF standing NOT IN ('active', 'deleting') THEN
    RAISE check_violation USING CONSTRAINT = 'tenant_' || standing, MESSAGE = 'the tenant is not served';
  END IF;
  IF plan_limit(app_tenant_id(), 'sso', by_plan) = 0 THEN
    RAISE check_violation USING CONSTRAINT = 'sso_not_covered', MESSAGE = 'the plan does not cover it';
  END IF;
  IF coalesce(token.last_used_at < at - interval '1 hour', true) THEN
    UPDATE scim_tokens t SET last_used_at = at
      WHERE t.id = (SELECT s.id FROM scim_tokens s WHERE s.tenant_id = app_tenant_id() AND s.id = token.id FOR NO KEY UPDATE SKIP LOCKED);
  END IF;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION scim_time(timestamptz), scim_matches(jsonb, text), require_scim_token(uuid, bytea, jsonb, timestamptz) TO zygo_app;

-- Writes an event of the context's tenant.
CREATE FUNCTION scim_log(event_type text, payload jsonb, at timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (make_uuid_v7(at), app_tenant_id(), event_type, payload, app_user_id(), app_request_id(), at)
$$;

-- Owes the gate what the request tells it at once, and answers it.
CREATE FUNCTION scim_owe_gate(revocations jsonb, at timestamptz) RETURNS jsonb LANGUAGE sql AS $$
  INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at)
    SELECT make_uuid_v7(at), app_tenant_id(), 'gate.revoke', 'jobs', jsonb_build_object('kind', 'gate.revoke', 'tenant_id', app_tenant_id(),
      'revocations', revocations, 'at', at), at, at + interval '30 seconds' WHERE revocations <> '[]';
  SELECT revocations
$$;

-- Lets somebody in, or suspends them, as a connection of that level may. Answers what the gate must know, NULL where it may not.
CREATE FUNCTION scim_set_active(acting smallint, who uuid, active boolean, at timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  wanted constant text := CASE WHEN active THEN 'active' ELSE 'suspended' END;
  old record;
BEGIN
  SELECT m.status, r.level INTO old FROM user_roles m JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
    WHERE m.tenant_id = app_tenant_id() AND m.user_id = who;
  IF old.status = wanted THEN
    RETURN '[]';
  END IF;
  IF NOT (old.level < acting OR acting = 100) THEN
    RETURN NULL;
  END IF;
  UPDATE user_roles m SET status = wanted, updated_at = at WHERE m.tenant_id = app_tenant_id() AND m.user_id = who;
  PERFORM scim_log(CASE WHEN active THEN 'member.activated' ELSE 'member.suspended' END, jsonb_build_object('user_id', who), at);
  RETURN CASE WHEN active THEN '[]' ELSE scim_owe_gate(jsonb_build_array(jsonb_build_object('what', 'user', 'of', who)), at) END;
END $$;

-- Gives people the roles that their groups are mapped to: the highest, else the connection's default. Where nothing is mapped,
-- roles are left alone; so is whoever is at or above the connection's level, and every owner. Answers what the gate must know.
CREATE FUNCTION scim_settle_roles(connection uuid, people uuid[], at timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  acting scim_connections;
  revocations jsonb;
BEGIN
  SELECT c.* INTO acting FROM scim_connections c WHERE c.tenant_id = app_tenant_id() AND c.id = connection;
  IF acting.role_mappings = '[]' THEN
    RETURN '[]';
  END IF;
  WITH mapped AS (
    SELECT lower(e.value ->> 'value') AS name, r.id, r.level FROM jsonb_array_elements(acting.role_mappings) e
    JOIN roles r ON r.tenant_id = app_tenant_id() AND r.id::text = e.value ->> 'role_id' AND r.level < acting.level),
  wanted AS (
    SELECT p.who, coalesce((
        SELECT x.id FROM scim_group_members g JOIN scim_groups k ON k.tenant_id = g.tenant_id AND k.id = g.group_id
        JOIN mapped x ON x.name IN (k.display_name_key, lower(k.external_id))
        WHERE g.tenant_id = app_tenant_id() AND g.user_id = p.who AND k.connection_id = acting.id ORDER BY x.level DESC, x.id LIMIT 1),
      acting.default_role_id, (SELECT r.id FROM roles r WHERE r.tenant_id = app_tenant_id() AND r.is_default AND r.key = 'member')) AS role_id
    FROM (SELECT DISTINCT unnest(people)) p (who)),
  changed AS (
    UPDATE user_roles m SET role_id = w.role_id, updated_at = at FROM wanted w, roles was, roles will
    WHERE m.tenant_id = app_tenant_id() AND m.user_id = w.who AND m.role_id <> w.role_id
      AND was.tenant_id = m.tenant_id AND was.id = m.role_id AND was.level < acting.level
      AND will.tenant_id = m.tenant_id AND will.id = w.role_id AND will.level < acting.level
    RETURNING m.user_id, m.role_id),
  logged AS (
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    SELECT make_uuid_v7(at), app_tenant_id(), 'member.role_changed', jsonb_build_object('user_id', user_id, 'role_id', role_id), app_user_id(),
      app_request_id(), at FROM changed)
  SELECT CASE WHEN count(*) > 50 THEN '[{"what": "permissions"}]'::jsonb
    ELSE coalesce(jsonb_agg(jsonb_build_object('what', 'user_permissions', 'of', user_id)), '[]') END INTO revocations FROM changed;
  RETURN scim_owe_gate(revocations, at);
END $$;

-- The account of an address, made if there is none, as the context's tenant's directory says. It speaks for the tenant's proved
-- domains and for no others, as a sign-on does. NULL for an address elsewhere, and for an account that is not to be joined.
CREATE FUNCTION scim_account(address text, given_name text, family_name text, new_id uuid, at timestamptz) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  account users;
BEGIN
  IF NOT EXISTS (SELECT FROM sso_domains d WHERE d.tenant_id = app_tenant_id() AND d.verified_at IS NOT NULL
      AND d.domain = split_part(address, '@', 2)) THEN
    RETURN NULL;
  END IF;
  -- The same lock as a first sign-on's: two who come at once make one account.
  PERFORM pg_advisory_xact_lock(hashtextextended(address, 17));
  SELECT u.* INTO account FROM users u WHERE u.email = address FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO users (id, email, email_verified_at, first_name, last_name, created_at, updated_at)
      VALUES (new_id, address, at, given_name, family_name, at, at) RETURNING * INTO account;
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      SELECT make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', kind, jsonb_build_object('user_id', new_id), new_id, app_request_id(), at
      FROM unnest(ARRAY['user.signed_up', 'user.email_verified']) kind;
  ELSIF account.status <> 'active' THEN
    RETURN NULL;
  ELSIF account.email_verified_at IS NULL THEN
    -- Somebody signed up with the address and never proved it: what they chose as a password must not open the account.
    UPDATE users u SET email_verified_at = at, password_hash = NULL, updated_at = at WHERE u.id = account.id;
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'user.email_verified', jsonb_build_object('user_id', account.id),
        account.id, app_request_id(), at);
  END IF;
  RETURN account.id;
END $$;
CALL give_to_lookup('scim_account(text, text, text, uuid, timestamptz)', 'zygo_app');

-- Names an account as the context's tenant's directory does, if the account's address is of a domain that the tenant has proved.
CREATE FUNCTION scim_name_account(who uuid, given_name text, family_name text, at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  new_version integer;
BEGIN
  UPDATE users u SET first_name = coalesce(given_name, u.first_name), last_name = coalesce(family_name, u.last_name), updated_at = at
    WHERE u.id = who AND (u.first_name, u.last_name) IS DISTINCT FROM (coalesce(given_name, u.first_name), coalesce(family_name, u.last_name))
      AND EXISTS (SELECT FROM user_roles m WHERE m.tenant_id = app_tenant_id() AND m.user_id = who)
      AND EXISTS (SELECT FROM sso_domains d WHERE d.tenant_id = app_tenant_id() AND d.verified_at IS NOT NULL AND d.domain = split_part(u.email, '@', 2))
    RETURNING u.version INTO new_version;
  IF FOUND THEN
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'user.updated', jsonb_build_object('user_id', who, 'version', new_version),
        who, app_request_id(), at);
  END IF;
END $$;
CALL give_to_lookup('scim_name_account(uuid, text, text, timestamptz)', 'zygo_app');

-- Makes somebody a member, or one again whom the directory had deleted. Outcomes: made; taken (the name, or the person, is a
-- member's); foreign (not an address of a proved domain); too_high (whoever it deleted is above the connection by now).
CREATE FUNCTION scim_create_user(connection uuid, new_name text, new_external_id text, address text, given_name text, family_name text,
  new_attributes jsonb, new_active boolean, room bigint, new_user_id uuid, new_membership_id uuid, new_record_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, user_id uuid, revocations jsonb) LANGUAGE plpgsql AS $$
DECLARE
  acting scim_connections;
  old record;
BEGIN
  revocations := '[]';
  SELECT c.* INTO acting FROM scim_connections c WHERE c.tenant_id = app_tenant_id() AND c.id = connection;
  outcome := 'taken';
  IF EXISTS (SELECT FROM scim_users s WHERE s.tenant_id = app_tenant_id() AND s.user_name_key = lower(new_name) AND s.deleted_at IS NULL)
      OR EXISTS (SELECT FROM users u JOIN user_roles m ON m.tenant_id = app_tenant_id() AND m.user_id = u.id WHERE u.email = lower(new_name)
        AND NOT EXISTS (SELECT FROM scim_users s WHERE s.tenant_id = m.tenant_id AND s.user_id = m.user_id)) THEN
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT u.id, s.deleted_at, r.level INTO old FROM users u JOIN user_roles m ON m.tenant_id = app_tenant_id() AND m.user_id = u.id
    JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id LEFT JOIN scim_users s ON s.tenant_id = m.tenant_id AND s.user_id = m.user_id
    WHERE u.email = address;
  IF FOUND AND old.deleted_at IS NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;
  IF FOUND THEN
    outcome := CASE WHEN old.level < acting.level OR acting.level = 100 THEN 'made' ELSE 'too_high' END;
    user_id := old.id;
  ELSE
    user_id := scim_account(address, given_name, family_name, new_user_id, at);
    outcome := CASE WHEN user_id IS NULL THEN 'foreign' ELSE 'made' END;
  END IF;
  IF outcome <> 'made' THEN
    RETURN NEXT;
    RETURN;
  END IF;
  IF old.id IS NULL THEN
    IF room <= (SELECT count(*) FROM user_roles m WHERE m.tenant_id = app_tenant_id()) THEN
      RAISE check_violation USING CONSTRAINT = 'members_full', MESSAGE = 'the plan has no room for another member';
    END IF;
    INSERT INTO user_roles (id, tenant_id, user_id, role_id, status, created_at, updated_at)
      SELECT new_membership_id, app_tenant_id(), scim_create_user.user_id, r.id, CASE WHEN new_active THEN 'active' ELSE 'suspended' END, at, at
      FROM roles r WHERE r.tenant_id = app_tenant_id() AND r.level < acting.level AND (r.id = acting.default_role_id OR r.is_default AND r.key = 'member')
      ORDER BY coalesce(r.id = acting.default_role_id, false) DESC LIMIT 1;
    PERFORM scim_log('member.provisioned', jsonb_build_object('user_id', m.user_id, 'role_id', m.role_id), at)
      FROM user_roles m WHERE m.tenant_id = app_tenant_id() AND m.id = new_membership_id;
  END IF;
  INSERT INTO scim_users (id, tenant_id, user_id, user_name, external_id, attributes, created_at, updated_at)
    VALUES (new_record_id, app_tenant_id(), scim_create_user.user_id, new_name, new_external_id, new_attributes, at, at)
    ON CONFLICT ON CONSTRAINT scim_users_tenant_id_user_id_key DO UPDATE SET user_name = excluded.user_name, external_id = excluded.external_id,
      attributes = excluded.attributes, deleted_at = NULL, updated_at = at;
  IF old.id IS NOT NULL THEN
    revocations := scim_set_active(acting.level, user_id, new_active, at);
  END IF;
  RETURN NEXT;
END $$;

-- Changes what the directory says of somebody, and whether they may sign in. Outcomes: made; missing; lost (another version than
-- expected); taken (another member has the name); too_high (not below the connection).
CREATE FUNCTION scim_replace_user(connection uuid, who uuid, versions bigint[], new_name text, new_external_id text, given_name text,
  family_name text, new_attributes jsonb, new_active boolean, new_record_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, revocations jsonb) LANGUAGE plpgsql AS $$
DECLARE
  acting constant smallint := (SELECT c.level FROM scim_connections c WHERE c.tenant_id = app_tenant_id() AND c.id = connection);
  old bigint;
  record_version integer;
BEGIN
  revocations := '[]';
  SELECT v.version INTO old FROM scim_user_resources v WHERE v.tenant_id = app_tenant_id() AND v.user_id = who;
  outcome := CASE WHEN NOT FOUND THEN 'missing' WHEN old <> ALL (versions) THEN 'lost'
    WHEN EXISTS (SELECT FROM scim_users s WHERE s.tenant_id = app_tenant_id() AND s.user_name_key = lower(new_name) AND s.deleted_at IS NULL AND s.user_id <> who)
      OR EXISTS (SELECT FROM users u JOIN user_roles m ON m.tenant_id = app_tenant_id() AND m.user_id = u.id WHERE u.email = lower(new_name) AND u.id <> who
        AND NOT EXISTS (SELECT FROM scim_users s WHERE s.tenant_id = m.tenant_id AND s.user_id = m.user_id)) THEN 'taken'
    ELSE 'made' END;
  IF outcome = 'made' AND new_active IS NOT NULL THEN
    revocations := scim_set_active(acting, who, new_active, at);
    outcome := CASE WHEN revocations IS NULL THEN 'too_high' ELSE 'made' END;
  END IF;
  IF outcome <> 'made' THEN
    RETURN NEXT;
    RETURN;
  END IF;
  -- Nor is an account above the connection named by it.
  PERFORM scim_name_account(who, given_name, family_name, at) FROM user_roles m JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
    WHERE m.tenant_id = app_tenant_id() AND m.user_id = who AND (r.level < acting OR acting = 100);
  INSERT INTO scim_users AS s (id, tenant_id, user_id, user_name, external_id, attributes, created_at, updated_at)
    VALUES (new_record_id, app_tenant_id(), who, new_name, new_external_id, new_attributes, at, at)
    ON CONFLICT ON CONSTRAINT scim_users_tenant_id_user_id_key DO UPDATE SET user_name = excluded.user_name, external_id = excluded.external_id,
      attributes = excluded.attributes, updated_at = at
      WHERE (s.user_name, s.external_id, s.attributes) IS DISTINCT FROM (excluded.user_name, excluded.external_id, excluded.attributes)
    RETURNING s.version INTO record_version;
  IF FOUND THEN
    PERFORM scim_log('scim_user.updated', jsonb_build_object('user_id', who, 'version', record_version), at);
  END IF;
  RETURN NEXT;
END $$;

-- The directory deletes somebody: they are suspended, and it does not see them any more. Outcomes as above.
CREATE FUNCTION scim_delete_user(connection uuid, who uuid, versions bigint[], new_record_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, revocations jsonb) LANGUAGE plpgsql AS $$
DECLARE
  acting constant smallint := (SELECT c.level FROM scim_connections c WHERE c.tenant_id = app_tenant_id() AND c.id = connection);
  old record;
BEGIN
  revocations := '[]';
  SELECT v.version, v.resource INTO old FROM scim_user_resources v WHERE v.tenant_id = app_tenant_id() AND v.user_id = who;
  outcome := CASE WHEN NOT FOUND THEN 'missing' WHEN old.version <> ALL (versions) THEN 'lost' ELSE 'made' END;
  IF outcome = 'made' AND NOT EXISTS (SELECT FROM user_roles m JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
      WHERE m.tenant_id = app_tenant_id() AND m.user_id = who AND (r.level < acting OR acting = 100)) THEN
    outcome := 'too_high';
  END IF;
  IF outcome = 'made' THEN
    revocations := scim_set_active(acting, who, false, at);
    INSERT INTO scim_users (id, tenant_id, user_id, user_name, attributes, deleted_at, created_at, updated_at)
      VALUES (new_record_id, app_tenant_id(), who, old.resource ->> 'userName', old.resource - '{id,userName,active,groups,meta,externalId}'::text[], at, at, at)
      ON CONFLICT ON CONSTRAINT scim_users_tenant_id_user_id_key DO UPDATE SET deleted_at = at, updated_at = at;
  END IF;
  RETURN NEXT;
END $$;

-- Puts people into a group and takes others out; whoever is no member that the directory sees cannot be put in. False then.
CREATE FUNCTION scim_change_members(target uuid, replacing boolean, added uuid[], removed uuid[], at timestamptz, OUT known boolean, OUT touched uuid[])
  LANGUAGE plpgsql AS $$
BEGIN
  known := NOT EXISTS (SELECT FROM unnest(added) a (who) WHERE NOT EXISTS (
    SELECT FROM user_roles m LEFT JOIN scim_users s ON s.tenant_id = m.tenant_id AND s.user_id = m.user_id
    WHERE m.tenant_id = app_tenant_id() AND m.user_id = a.who AND s.deleted_at IS NULL));
  IF NOT known THEN
    RETURN;
  END IF;
  WITH gone AS (
    DELETE FROM scim_group_members g WHERE g.tenant_id = app_tenant_id() AND g.group_id = target
      AND (replacing AND NOT g.user_id = ANY (added) OR g.user_id = ANY (removed)) RETURNING g.user_id),
  come AS (
    INSERT INTO scim_group_members (id, tenant_id, group_id, user_id, created_at)
    SELECT make_uuid_v7(at), app_tenant_id(), target, a.who, at FROM (SELECT DISTINCT unnest(added)) a (who)
    ON CONFLICT (tenant_id, group_id, user_id) DO NOTHING RETURNING user_id)
  SELECT coalesce(array_agg(user_id), '{}') INTO touched FROM (SELECT user_id FROM gone UNION ALL SELECT user_id FROM come) t;
  UPDATE scim_users s SET groups_changed_at = at, updated_at = at WHERE s.tenant_id = app_tenant_id() AND s.user_id = ANY (touched);
END $$;

-- Makes a group. Outcomes: made; taken (another group has the name); stranger (somebody in it is no member).
CREATE FUNCTION scim_create_group(connection uuid, new_id uuid, new_name text, new_external_id text, people uuid[], at timestamptz)
  RETURNS TABLE (outcome text, revocations jsonb) LANGUAGE plpgsql AS $$
DECLARE
  changed record;
BEGIN
  revocations := '[]';
  INSERT INTO scim_groups (id, tenant_id, connection_id, display_name, external_id, created_at, updated_at)
    VALUES (new_id, app_tenant_id(), connection, new_name, new_external_id, at, at) ON CONFLICT (tenant_id, display_name_key) DO NOTHING;
  outcome := CASE WHEN FOUND THEN 'made' ELSE 'taken' END;
  IF outcome = 'made' THEN
    changed := scim_change_members(new_id, false, people, '{}', at);
    IF NOT changed.known THEN
      DELETE FROM scim_groups g WHERE g.tenant_id = app_tenant_id() AND g.id = new_id;
      outcome := 'stranger';
    ELSE
      PERFORM scim_log('scim_group.created', jsonb_build_object('group_id', new_id), at);
      revocations := scim_settle_roles(connection, changed.touched, at);
    END IF;
  END IF;
  RETURN NEXT;
END $$;

-- Changes a group; NULL leaves. Outcomes: made; missing; lost; taken; stranger.
CREATE FUNCTION scim_change_group(connection uuid, target uuid, versions bigint[], new_name text, sets_external boolean, new_external_id text,
  replacing boolean, added uuid[], removed uuid[], at timestamptz)
  RETURNS TABLE (outcome text, revocations jsonb) LANGUAGE plpgsql AS $$
DECLARE
  old scim_groups;
  changed record;
  new_version integer;
BEGIN
  revocations := '[]';
  SELECT g.* INTO old FROM scim_groups g WHERE g.tenant_id = app_tenant_id() AND g.id = target;
  outcome := CASE WHEN NOT FOUND THEN 'missing' WHEN old.version <> ALL (versions) THEN 'lost'
    WHEN EXISTS (SELECT FROM scim_groups g WHERE g.tenant_id = app_tenant_id() AND g.display_name_key = lower(new_name) AND g.id <> target) THEN 'taken'
    ELSE 'made' END;
  IF outcome = 'made' THEN
    changed := scim_change_members(target, replacing, added, removed, at);
    outcome := CASE WHEN changed.known THEN 'made' ELSE 'stranger' END;
  END IF;
  IF outcome <> 'made' THEN
    RETURN NEXT;
    RETURN;
  END IF;
  UPDATE scim_groups g SET display_name = coalesce(new_name, g.display_name),
      external_id = CASE WHEN sets_external THEN new_external_id ELSE g.external_id END,
      members_changed_at = CASE WHEN changed.touched = '{}' THEN g.members_changed_at ELSE at END, updated_at = at
    WHERE g.tenant_id = app_tenant_id() AND g.id = target RETURNING g.version INTO new_version;
  IF new_version <> old.version THEN
    PERFORM scim_log('scim_group.updated', jsonb_build_object('group_id', target, 'version', new_version), at);
    -- Another name may be another role for everybody in it.
    revocations := scim_settle_roles(old.connection_id, changed.touched || CASE
      WHEN lower(new_name) <> old.display_name_key OR sets_external AND new_external_id IS DISTINCT FROM old.external_id
      THEN ARRAY(SELECT m.user_id FROM scim_group_members m WHERE m.tenant_id = app_tenant_id() AND m.group_id = target) ELSE '{}' END, at);
  END IF;
  RETURN NEXT;
END $$;

-- Removes a group; whoever was in it stays a member. Outcomes: made; missing; lost.
CREATE FUNCTION scim_delete_group(target uuid, versions bigint[], at timestamptz)
  RETURNS TABLE (outcome text, revocations jsonb) LANGUAGE plpgsql AS $$
DECLARE
  old scim_groups;
  changed record;
BEGIN
  revocations := '[]';
  SELECT g.* INTO old FROM scim_groups g WHERE g.tenant_id = app_tenant_id() AND g.id = target;
  outcome := CASE WHEN NOT FOUND THEN 'missing' WHEN old.version <> ALL (versions) THEN 'lost' ELSE 'made' END;
  IF outcome = 'made' THEN
    changed := scim_change_members(target, true, '{}', '{}', at);
    DELETE FROM scim_groups g WHERE g.tenant_id = app_tenant_id() AND g.id = target;
    PERFORM scim_log('scim_group.deleted', jsonb_build_object('group_id', target), at);
    revocations := scim_settle_roles(old.connection_id, changed.touched, at);
  END IF;
  RETURN NEXT;
END $$;

-- Everybody in the groups of a connection gets the role that it says now.
CREATE FUNCTION scim_settle_connection(connection uuid, at timestamptz) RETURNS jsonb LANGUAGE sql AS $$
  SELECT scim_settle_roles(connection, ARRAY(SELECT m.user_id FROM scim_group_members m JOIN scim_groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
    WHERE m.tenant_id = app_tenant_id() AND g.connection_id = connection), at)
$$;

GRANT EXECUTE ON FUNCTION scim_log(text, jsonb, timestamptz), scim_owe_gate(jsonb, timestamptz), scim_set_active(smallint, uuid, boolean, timestamptz),
  scim_settle_roles(uuid, uuid[], timestamptz), scim_settle_connection(uuid, timestamptz),
  scim_create_user(uuid, text, text, text, text, text, jsonb, boolean, bigint, uuid, uuid, uuid, timestamptz),
  scim_replace_user(uuid, uuid, bigint[], text, text, text, text, jsonb, boolean, uuid, timestamptz),
  scim_delete_user(uuid, uuid, bigint[], uuid, timestamptz), scim_change_members(uuid, boolean, uuid[], uuid[], timestamptz),
  scim_create_group(uuid, uuid, text, text, uuid[], timestamptz),
  scim_change_group(uuid, uuid, bigint[], text, boolean, text, boolean, uuid[], uuid[], timestamptz),
  scim_delete_group(uuid, bigint[], timestamptz) TO zygo_app;
