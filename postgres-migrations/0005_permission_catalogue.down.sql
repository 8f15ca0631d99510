DROP FUNCTION own_memberships();
DROP VIEW memberships;
DROP TABLE role_permissions;
DROP TABLE permissions;
