DROP POLICY app_select_members ON users;
DROP TABLE user_roles;
DROP TABLE roles;
