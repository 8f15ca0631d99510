DROP TABLE tenant_features;
DROP TABLE tenant_settings;
DROP TABLE tenant_domains;
DROP TABLE tenants;
DROP FUNCTION move_own_directory_version();
DROP FUNCTION move_directory_version();
