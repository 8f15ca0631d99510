DROP TABLE password_reset_tokens;
DROP TABLE email_verification_tokens;
DROP TABLE user_preferences;
DROP VIEW user_profiles;
DROP TABLE users;
