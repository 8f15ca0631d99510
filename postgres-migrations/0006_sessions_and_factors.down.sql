DROP TABLE invitations;
DROP TABLE sso_connections;
DROP TABLE trusted_devices;
DROP TABLE oauth_accounts;
DROP TABLE passkeys;
DROP TABLE mfa_backup_codes;
DROP TABLE mfa_tokens;
DROP TABLE sessions;
