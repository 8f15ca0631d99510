DROP FUNCTION verify_phone(bytea[], uuid, timestamptz);
DROP POLICY lookup_update ON sms_codes;
REVOKE UPDATE (answers) ON sms_codes FROM zygo_lookup;
REVOKE EXECUTE ON FUNCTION take_sms_code(text, bytea[], timestamptz) FROM zygo_lookup;
DROP TRIGGER half_sign_ins ON users;
DROP FUNCTION void_half_sign_ins();
