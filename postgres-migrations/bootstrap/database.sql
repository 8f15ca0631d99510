-- Hands a fresh database to the roles. Run once per database by a superuser, after roles.sql and before the migrations;
-- running it again changes nothing. The tooling replaces :"database" by the quoted name, as psql does with -v.

ALTER DATABASE :"database" OWNER TO zygo_owner;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO zygo_app, zygo_platform;
