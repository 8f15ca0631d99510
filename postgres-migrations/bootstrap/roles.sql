-- The four roles of a cluster. Run once per cluster by a superuser (or a role with CREATEROLE), before any migration;
-- running it again changes nothing but the passwords. The tooling replaces :'owner_password', :'app_password' and
-- :'platform_password' by quoted literals, as psql does with -v.
--
--   zygo_owner     runs the migrations and owns every table
--   zygo_app       the Worker in a tenant's name; owns nothing, row-level security holds for it
--   zygo_platform  administration and platform jobs; policies of its own
--   zygo_lookup    nobody signs in as this: it owns the SECURITY DEFINER functions and may do just what these need

DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['zygo_owner', 'zygo_app', 'zygo_platform', 'zygo_lookup'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I', role_name);
    END IF;
  END LOOP;
END $$;

ALTER ROLE zygo_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE zygo_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE zygo_platform LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE zygo_lookup NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;

-- A migration hands functions over to zygo_lookup; it does not work with its rights otherwise.
GRANT zygo_lookup TO zygo_owner WITH INHERIT FALSE, SET TRUE;

-- A request that hangs in Postgres must not outlive the request itself.
ALTER ROLE zygo_app SET statement_timeout = '5s';
ALTER ROLE zygo_app SET lock_timeout = '2s';
ALTER ROLE zygo_app SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE zygo_platform SET statement_timeout = '30s';
ALTER ROLE zygo_platform SET lock_timeout = '5s';
ALTER ROLE zygo_platform SET idle_in_transaction_session_timeout = '30s';

ALTER ROLE zygo_owner PASSWORD :'owner_password';
ALTER ROLE zygo_app PASSWORD :'app_password';
ALTER ROLE zygo_platform PASSWORD :'platform_password';
