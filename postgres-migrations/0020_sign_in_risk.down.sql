DROP FUNCTION challenge_notes(bytea, uuid), note_challenge(uuid, text[], uuid, timestamptz);
REVOKE UPDATE (reasons) ON mfa_challenges FROM zygo_lookup;
REVOKE UPDATE (mail_code_hash) ON mfa_challenges FROM zygo_platform;
ALTER TABLE mfa_challenges DROP COLUMN reasons, DROP COLUMN mail_code_hash;
DROP FUNCTION sign_in_history(uuid, uuid, text, timestamptz), refuse_blocked(text, uuid), is_blocked(text, uuid);
REVOKE SELECT (kind, user_id, ip, created_at) ON security_events FROM zygo_lookup;
DROP INDEX security_events_failures_user, security_events_failures_address;
ALTER TABLE tenant_settings DROP COLUMN ip_block_list;
ALTER TABLE sessions DROP COLUMN device_hash, DROP COLUMN agent_family, DROP COLUMN network, DROP COLUMN latitude, DROP COLUMN longitude;
