DROP FUNCTION remove_passkey(uuid, boolean, uuid, timestamptz),
  add_passkey(bytea, timestamptz, uuid, bytea, text, bytea, smallint, bigint, boolean, boolean, text[], text, uuid, timestamptz),
  ways_in(uuid), challenge_passkeys(bytea, uuid, text, timestamptz), find_passkey(bytea, timestamptz, bytea, text, uuid), use_passkey_challenge(bytea, timestamptz);
DROP POLICY lookup_select ON oauth_accounts;
REVOKE ALL (user_id) ON oauth_accounts FROM zygo_lookup;
DROP POLICY stand_in_delete ON mfa_backup_codes;
REVOKE DELETE ON mfa_backup_codes FROM zygo_lookup;
DROP POLICY ceremony_insert ON passkeys;
DROP POLICY ceremony_delete ON passkeys;
REVOKE ALL ON passkeys FROM zygo_lookup;
-- What the second factors' migration granted.
GRANT SELECT (user_id) ON passkeys TO zygo_lookup;
DROP TABLE passkey_ceremonies;
ALTER TABLE passkeys DROP CONSTRAINT passkeys_credential_id_check, DROP CONSTRAINT passkeys_sign_count_check,
  DROP COLUMN rp_id, DROP COLUMN algorithm, DROP COLUMN backup_eligible;
