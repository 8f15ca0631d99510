-- People. A user is global; what joins one to a tenant is a membership (user_roles).

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  email_verified_at timestamptz,
  -- A PHC string; NULL for somebody who only signs in through others.
  password_hash text,
  first_name text CHECK (length(first_name) <= 100),
  last_name text CHECK (length(last_name) <= 100),
  avatar_url text CHECK (length(avatar_url) <= 2048),
  locale text NOT NULL DEFAULT 'en' CHECK (length(locale) BETWEEN 2 AND 35),
  timezone text NOT NULL DEFAULT 'UTC' CHECK (length(timezone) BETWEEN 1 AND 64),
  phone text CHECK (length(phone) <= 20),
  phone_verified_at timestamptz,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleting')),
  -- Sign-in state: failures in a row, and until when the account is locked because of them.
  failed_sign_ins integer NOT NULL DEFAULT 0,
  locked_until timestamptz,
  last_sign_in_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms()
);

-- Sign-in state does not move the version that the profile's ETag is made of.
CREATE TRIGGER touch BEFORE UPDATE OF email, email_verified_at, first_name, last_name, avatar_url, locale, timezone, phone,
  phone_verified_at, status ON users FOR EACH ROW EXECUTE FUNCTION touch_row();

-- Fellow members are added to what is visible where memberships are made; only the own row is writable.
CALL protect_table('users', 'id = app_user_id()', 'id = app_user_id()');

-- No one but the look-up functions reads a password hash, and sign-in state is theirs to write.
GRANT SELECT (id, email, email_verified_at, first_name, last_name, avatar_url, locale, timezone, phone, phone_verified_at,
  status, last_sign_in_at, version, created_at, updated_at) ON users TO zygo_app, zygo_platform;
GRANT UPDATE (first_name, last_name, avatar_url, locale, timezone, updated_at) ON users TO zygo_app;
GRANT SELECT (locked_until), UPDATE (status, updated_at) ON users TO zygo_platform;
GRANT DELETE ON users TO zygo_platform;
CALL open_to_lookup('users', 'SELECT');
CALL open_to_lookup('users', 'INSERT');
CALL open_to_lookup('users', 'UPDATE');

-- A person as they see themselves: no secret, no sign-in state. It reads with the rights of whoever asks.
CREATE VIEW user_profiles WITH (security_invoker = true) AS
  SELECT id, email, email_verified_at IS NOT NULL AS email_verified, first_name, last_name, avatar_url, locale, timezone,
    version, created_at, status <> 'active' AS user_suspended
  FROM users;
GRANT SELECT ON user_profiles TO zygo_app, zygo_platform, zygo_lookup;

CREATE TABLE user_preferences (
  user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  theme text NOT NULL DEFAULT 'system' CHECK (theme IN ('system', 'light', 'dark')),
  notifications jsonb NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now_ms(),
  updated_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE TRIGGER touch BEFORE UPDATE ON user_preferences FOR EACH ROW EXECUTE FUNCTION touch_row();
CALL protect_table('user_preferences', 'user_id = app_user_id()', 'user_id = app_user_id()');
GRANT SELECT, INSERT, UPDATE ON user_preferences TO zygo_app;
GRANT SELECT, DELETE ON user_preferences TO zygo_platform;

-- One-time tokens: 256 random bits, kept as a SHA-256 hash, used once, bound to their purpose and address.
CREATE TABLE email_verification_tokens (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  email text NOT NULL,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE INDEX email_verification_tokens_user ON email_verification_tokens (user_id);
CREATE INDEX email_verification_tokens_expiry ON email_verification_tokens (expires_at);

CREATE TABLE password_reset_tokens (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE INDEX password_reset_tokens_user ON password_reset_tokens (user_id);
CREATE INDEX password_reset_tokens_expiry ON password_reset_tokens (expires_at);

-- Redeemed before anybody is known, so only the look-up functions and the mail job touch them.
CALL protect_table('email_verification_tokens', 'user_id = app_user_id()', 'user_id = app_user_id()');
CALL protect_table('password_reset_tokens', 'user_id = app_user_id()', 'user_id = app_user_id()');
GRANT SELECT, INSERT, DELETE ON email_verification_tokens, password_reset_tokens TO zygo_platform;
CALL open_to_lookup('email_verification_tokens', 'SELECT');
CALL open_to_lookup('email_verification_tokens', 'UPDATE', 'consumed_at');
