-- What every later migration builds on: the request's context, and one way to protect a table.

-- No function is executable by everybody unless a migration says so.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO zygo_app, zygo_platform, zygo_lookup;

-- The context is transaction-local. Unset and empty both read as NULL, so that no context matches no row.
CREATE FUNCTION app_tenant_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.tenant_id', true), '')::uuid $$;
CREATE FUNCTION app_user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
CREATE FUNCTION app_request_id() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.request_id', true), '') $$;
CREATE FUNCTION app_actor() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.actor', true), '') $$;
-- Why the platform's connection is used; its policies match nothing while no reason is given.
CREATE FUNCTION app_platform_reason() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.platform_reason', true), '') $$;

-- The transaction's start with the precision the API shows, so that a cursor's time equals the row's.
CREATE FUNCTION now_ms() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT date_trunc('milliseconds', now()) $$;

-- A version 7 UUID (RFC 9562) for rows that a function or trigger writes; the application makes its own.
CREATE FUNCTION make_uuid_v7(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$;

-- BEFORE UPDATE: moves updated_at (to the caller's time if one was given) and version, if anything changed at all.
CREATE FUNCTION touch_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  given timestamptz := NEW.updated_at;
BEGIN
  NEW.updated_at := OLD.updated_at;
  NEW.version := OLD.version;
  IF NEW IS NOT DISTINCT FROM OLD THEN
    RETURN NEW;
  END IF;
  NEW.updated_at := CASE WHEN given IS DISTINCT FROM OLD.updated_at THEN given ELSE now_ms() END;
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;

-- Migration helper: row-level security, enabled and forced, with a policy per command for zygo_app and zygo_platform.
-- `visible` is what zygo_app may see and remove, `writable` what it may write. Grants stay with the table's migration.
CREATE PROCEDURE protect_table(target regclass, visible text, writable text) LANGUAGE plpgsql AS $$
DECLARE
  platform constant text := 'app_platform_reason() IS NOT NULL';
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY app_select ON %s FOR SELECT TO zygo_app USING (%s)', target, visible);
  EXECUTE format('CREATE POLICY app_insert ON %s FOR INSERT TO zygo_app WITH CHECK (%s)', target, writable);
  EXECUTE format('CREATE POLICY app_update ON %s FOR UPDATE TO zygo_app USING (%s) WITH CHECK (%s)', target, visible, writable);
  EXECUTE format('CREATE POLICY app_delete ON %s FOR DELETE TO zygo_app USING (%s)', target, visible);
  EXECUTE format('CREATE POLICY platform_select ON %s FOR SELECT TO zygo_platform USING (%s)', target, platform);
  EXECUTE format('CREATE POLICY platform_insert ON %s FOR INSERT TO zygo_platform WITH CHECK (%s)', target, platform);
  EXECUTE format('CREATE POLICY platform_update ON %s FOR UPDATE TO zygo_platform USING (%s) WITH CHECK (%s)', target, platform, platform);
  EXECUTE format('CREATE POLICY platform_delete ON %s FOR DELETE TO zygo_platform USING (%s)', target, platform);
END $$;

-- Migration helper: a table whose rows belong to a tenant.
CREATE PROCEDURE protect_tenant_table(target regclass) LANGUAGE plpgsql AS $$
BEGIN
  CALL protect_table(target, 'tenant_id = app_tenant_id()', 'tenant_id = app_tenant_id()');
END $$;

-- Migration helper: a tenant's table that in tenant zero, where everybody signs in, shows each user only their own rows.
CREATE PROCEDURE protect_personal_table(target regclass) LANGUAGE plpgsql AS $$
DECLARE
  own constant text := 'tenant_id = app_tenant_id() AND (tenant_id <> ''00000000-0000-0000-0000-000000000000'' OR user_id = app_user_id())';
BEGIN
  CALL protect_table(target, own, own);
END $$;

-- Migration helper: what a SECURITY DEFINER function needs, granted to its owner with a policy per command.
-- `columns` narrows the grant, NULL means all of them.
CREATE PROCEDURE open_to_lookup(target regclass, command text, columns text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
  policy constant text := CASE command
    WHEN 'SELECT' THEN 'USING (true)' WHEN 'INSERT' THEN 'WITH CHECK (true)' ELSE 'USING (true) WITH CHECK (true)' END;
BEGIN
  EXECUTE format('GRANT %s %s ON %s TO zygo_lookup', command, coalesce('(' || columns || ')', ''), target);
  EXECUTE format('CREATE POLICY %I ON %s FOR %s TO zygo_lookup %s', 'lookup_' || lower(command), target, command, policy);
END $$;

-- Migration helper: hands a function to zygo_lookup and lets the named roles call it, nobody else.
CREATE PROCEDURE give_to_lookup(target regprocedure, VARIADIC callers text[]) LANGUAGE plpgsql AS $$
DECLARE
  caller text;
  migrator constant name := current_user;
BEGIN
  -- The new owner must be able to create in the schema at this moment, and only then.
  GRANT CREATE ON SCHEMA public TO zygo_lookup;
  EXECUTE format('ALTER FUNCTION %s OWNER TO zygo_lookup', target);
  REVOKE CREATE ON SCHEMA public FROM zygo_lookup;
  SET LOCAL ROLE zygo_lookup;
  FOREACH caller IN ARRAY callers LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', target, caller);
  END LOOP;
  EXECUTE format('SET LOCAL ROLE %I', migrator);
END $$;

GRANT EXECUTE ON FUNCTION app_tenant_id(), app_user_id(), app_request_id(), app_actor(), app_platform_reason(), now_ms(),
  make_uuid_v7(timestamptz) TO zygo_app, zygo_platform, zygo_lookup;
