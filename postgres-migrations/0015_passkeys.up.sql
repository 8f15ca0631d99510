-- Passkeys at work: what WebAuthn says of a credential, ceremonies that are answered once, and ways in that are not lost.

ALTER TABLE passkeys
  -- The domain that it was made for; it is good for no other.
  ADD COLUMN rp_id text NOT NULL CHECK (length(rp_id) BETWEEN 1 AND 253),
  -- Number in IANA's COSE registry: ES256 or EdDSA.
  ADD COLUMN algorithm smallint NOT NULL CHECK (algorithm IN (-7, -8)),
  -- Whether it may leave its device, which never changes; backed_up says whether it has.
  ADD COLUMN backup_eligible boolean NOT NULL,
  ADD CHECK (length(credential_id) BETWEEN 1 AND 1023),
  ADD CHECK (sign_count BETWEEN 0 AND 4294967295);

-- Challenges that were answered, by their SHA-256, for as long as they live. Those that never are leave nothing behind.
CREATE TABLE passkey_ceremonies (
  digest bytea PRIMARY KEY CHECK (length(digest) = 32),
  expires_at timestamptz NOT NULL
);
CREATE INDEX passkey_ceremonies_expiry ON passkey_ceremonies (expires_at);
CALL protect_table('passkey_ceremonies', 'false', 'false');
GRANT SELECT, DELETE ON passkey_ceremonies TO zygo_platform;
CALL open_to_lookup('passkey_ceremonies', 'INSERT');

-- The table is read by a policy of its own since the second factors; what follows needs more columns, and writes.
GRANT SELECT, INSERT, DELETE ON passkeys TO zygo_lookup;
CREATE POLICY ceremony_insert ON passkeys FOR INSERT TO zygo_lookup WITH CHECK (true);
CREATE POLICY ceremony_delete ON passkeys FOR DELETE TO zygo_lookup USING (true);
-- With the last second factor go its stand-ins, whoever removes it.
GRANT DELETE ON mfa_backup_codes TO zygo_lookup;
CREATE POLICY stand_in_delete ON mfa_backup_codes FOR DELETE TO zygo_lookup USING (true);
CALL open_to_lookup('oauth_accounts', 'SELECT', 'user_id');

-- Uses a challenge up. Of several answers at once one finds it fresh.
CREATE FUNCTION use_passkey_challenge(hash bytea, until timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO passkey_ceremonies (digest, expires_at) VALUES (hash, until) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;
CALL give_to_lookup('use_passkey_challenge(bytea, timestamptz)', 'zygo_lookup');

-- An answer to a challenge: uses it up, whatever comes of it, and gives the credential and whose it is, with the membership in the
-- tenant signed in to. `passkey_id` is NULL where there is no such credential under that domain.
CREATE FUNCTION find_passkey(hash bytea, until timestamptz, credential bytea, rp text, home uuid) RETURNS TABLE (
  fresh boolean, passkey_id uuid, passkey_user uuid, public_key bytea, algorithm smallint, sign_count bigint, backup_eligible boolean,
  profile user_profiles, membership memberships
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  fresh := use_passkey_challenge(hash, until);
  IF NOT fresh THEN
    RETURN NEXT;
    RETURN;
  END IF;
  RETURN QUERY SELECT true, k.id, k.user_id, k.public_key, k.algorithm, k.sign_count, k.backup_eligible, p, m
    FROM (SELECT) one
    LEFT JOIN passkeys k ON k.credential_id = credential AND k.rp_id = rp
    LEFT JOIN user_profiles p ON p.id = k.user_id
    LEFT JOIN memberships m ON m.member_id = k.user_id AND m.tenant_id = home;
END $$;
CALL give_to_lookup('find_passkey(bytea, timestamptz, bytea, text, uuid)', 'zygo_app');

-- The credentials under a domain that a sign-in's challenge may be answered with; one row without a credential where there is none, no
-- row where there is no such challenge.
CREATE FUNCTION challenge_passkeys(hash bytea, home uuid, rp text, at timestamptz) RETURNS TABLE (
  outcome text, challenge_until timestamptz, challenge_user uuid, credential_id bytea, transports text[])
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT l.outcome, c.expires_at, l.user_id, k.credential_id, k.transports
  FROM look_at_mfa_challenge(hash, home, at) l
  JOIN mfa_challenges c ON c.id = l.challenge_id
  LEFT JOIN passkeys k ON k.user_id = l.user_id AND k.rp_id = rp
  ORDER BY k.created_at, k.id
$$;
CALL give_to_lookup('challenge_passkeys(bytea, uuid, text, timestamptz)', 'zygo_app');

-- In how many ways somebody can sign in by themselves: a password, each passkey, each account elsewhere. A mail to the address is a
-- way to a new password and not counted, nor is an organisation's own sign-on, which the organisation may end.
CREATE FUNCTION ways_in(who uuid) RETURNS bigint
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT (SELECT count(u.password_hash) FROM users u WHERE u.id = who) + (SELECT count(*) FROM passkeys k WHERE k.user_id = who)
    + (SELECT count(*) FROM oauth_accounts o WHERE o.user_id = who)
$$;
CALL give_to_lookup('ways_in(uuid)', 'zygo_lookup');

-- A new credential of the context's user: added, replayed (the challenge was answered), known (somebody has it), or full (they have
-- twenty). Whoever adds and removes ways in takes turns by the person's row.
CREATE FUNCTION add_passkey(hash bytea, until timestamptz, new_id uuid, credential bytea, rp text, key bytea, cose smallint,
  counter bigint, eligible boolean, backed boolean, reached_by text[], called text, outbox_id uuid, at timestamptz) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := app_user_id();
BEGIN
  IF NOT use_passkey_challenge(hash, until) THEN
    RETURN 'replayed';
  END IF;
  PERFORM FROM users u WHERE u.id = who FOR NO KEY UPDATE;
  IF (SELECT count(*) FROM passkeys k WHERE k.user_id = who) >= 20 THEN
    RETURN 'full';
  END IF;
  INSERT INTO passkeys (id, user_id, credential_id, rp_id, public_key, algorithm, sign_count, backup_eligible, backed_up, transports, name,
      created_at)
    VALUES (new_id, who, credential, rp, key, cose, counter, eligible, backed, reached_by, called, at) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN 'known';
  END IF;
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'passkey.added',
      jsonb_build_object('passkey_id', new_id, 'user_id', who), who, app_request_id(), at);
  PERFORM add_notice(outbox_id, who, '{"what": "factor_added", "factor": "passkey"}', at);
  RETURN 'added';
END $$;
CALL give_to_lookup('add_passkey(bytea, timestamptz, uuid, bytea, text, bytea, smallint, bigint, boolean, boolean, text[], text, uuid, timestamptz)',
  'zygo_app');

-- Removes a credential of the context's user: removed, stale (it takes a fresh second factor), last (it is their only way in), or none.
CREATE FUNCTION remove_passkey(which uuid, fresh boolean, outbox_id uuid, at timestamptz) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := app_user_id();
BEGIN
  PERFORM FROM users u WHERE u.id = who FOR NO KEY UPDATE;
  IF NOT EXISTS (SELECT FROM passkeys k WHERE k.id = which AND k.user_id = who) THEN
    RETURN 'none';
  END IF;
  IF NOT fresh THEN
    RETURN 'stale';
  END IF;
  IF ways_in(who) <= 1 THEN
    RETURN 'last';
  END IF;
  DELETE FROM passkeys k WHERE k.id = which AND k.user_id = who;
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
    VALUES (make_uuid_v7(at), '00000000-0000-0000-0000-000000000000', 'passkey.removed',
      jsonb_build_object('passkey_id', which, 'user_id', who), who, app_request_id(), at);
  PERFORM add_notice(outbox_id, who, '{"what": "factor_removed", "factor": "passkey"}', at);
  RETURN 'removed';
END $$;
CALL give_to_lookup('remove_passkey(uuid, boolean, uuid, timestamptz)', 'zygo_app');
