-- How odd a sign-in is: what is kept of each, block lists, and the history that every way to sign in asks for.

ALTER TABLE sessions
  -- SHA-256 of the cookie that tells one browser from another; NULL for a program that keeps none.
  ADD COLUMN device_hash bytea CHECK (length(device_hash) = 32),
  -- Family of the user agent; NULL where the session began without a sign-in, as by switching tenants.
  ADD COLUMN agent_family text CHECK (length(agent_family) <= 64),
  -- Number of the network (autonomous system).
  ADD COLUMN network bigint,
  -- To a tenth of a degree.
  ADD COLUMN latitude double precision CHECK (latitude BETWEEN -90 AND 90),
  ADD COLUMN longitude double precision CHECK (longitude BETWEEN -180 AND 180);

-- Addresses and networks that nobody signs in or up from; the platform's own settings hold everywhere.
ALTER TABLE tenant_settings ADD COLUMN ip_block_list inet[] NOT NULL DEFAULT '{}';

CREATE INDEX security_events_failures_user ON security_events (user_id, created_at DESC) WHERE kind = 'sign_in.failed';
CREATE INDEX security_events_failures_address ON security_events (ip, created_at DESC) WHERE kind = 'sign_in.failed';
GRANT SELECT (kind, user_id, ip, created_at) ON security_events TO zygo_lookup;

-- Whether an address stands on the tenant's or the platform's block list.
CREATE FUNCTION is_blocked(client text, home uuid) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT client IS NOT NULL AND EXISTS (SELECT FROM tenant_settings s, unnest(s.ip_block_list) AS blocked
    WHERE s.tenant_id IN (home, '00000000-0000-0000-0000-000000000000') AND client::inet <<= blocked)
$$;
CALL give_to_lookup('is_blocked(text, uuid)', 'zygo_lookup');

-- Ends a transaction that an address on a block list begins with.
CREATE FUNCTION refuse_blocked(client text, home uuid) RETURNS boolean
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF is_blocked(client, home) THEN
    RAISE unique_violation USING MESSAGE = 'the address is blocked', CONSTRAINT = 'blocked_address';
  END IF;
  RETURN true;
END $$;
CALL give_to_lookup('refuse_blocked(text, uuid)', 'zygo_app');

-- What a sign-in is compared with: the person's latest ones, failures within the hour on the account and from the address (no more
-- are counted than matter), and whether the address is blocked. Asked beside whatever they sign in with.
CREATE FUNCTION sign_in_history(who uuid, home uuid, client text, at timestamptz) RETURNS jsonb
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT jsonb_build_object(
    'sign_ins', (SELECT coalesce(jsonb_agg(jsonb_build_object('at', floor(extract(epoch FROM s.created_at) * 1000)::bigint,
        'country', s.country, 'network', s.network, 'latitude', s.latitude, 'longitude', s.longitude,
        'device', encode(s.device_hash, 'hex'), 'family', s.agent_family) ORDER BY s.created_at DESC), '[]')
      FROM (SELECT * FROM sessions l WHERE l.user_id = who AND l.agent_family IS NOT NULL ORDER BY l.created_at DESC LIMIT 20) s),
    'account_failures', (SELECT count(*) FROM (SELECT FROM security_events e
      WHERE e.kind = 'sign_in.failed' AND e.user_id = who AND e.created_at > at - interval '1 hour' LIMIT 100) f),
    'address_failures', (SELECT count(*) FROM (SELECT FROM security_events e
      WHERE e.kind = 'sign_in.failed' AND e.ip = client AND e.created_at > at - interval '1 hour' LIMIT 100) f),
    'blocked', is_blocked(client, home))
$$;
CALL give_to_lookup('sign_in_history(uuid, uuid, text, timestamptz)', 'zygo_app');

ALTER TABLE mfa_challenges
  -- What was odd about the sign-in.
  ADD COLUMN reasons text[] NOT NULL DEFAULT '{}',
  -- Of a code that is mailed to somebody without a second factor; made when the mail is sent.
  ADD COLUMN mail_code_hash bytea CHECK (length(mail_code_hash) = 32);
GRANT UPDATE (mail_code_hash) ON mfa_challenges TO zygo_platform;
GRANT UPDATE (reasons) ON mfa_challenges TO zygo_lookup;

-- What was odd about the sign-in that a new challenge of the context's user is for, and whether a code is to be mailed.
CREATE FUNCTION note_challenge(challenge uuid, odd text[], outbox_id uuid, at timestamptz) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE mfa_challenges c SET reasons = odd WHERE c.id = challenge AND c.user_id = app_user_id();
  IF outbox_id IS NOT NULL THEN
    PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
      jsonb_build_object('kind', 'mail.sign_in_code', 'user_id', app_user_id(), 'challenge_id', challenge), at);
  END IF;
END $$;
CALL give_to_lookup('note_challenge(uuid, text[], uuid, timestamptz)', 'zygo_app');

-- What was noted of a challenge, and what is kept of the code that was mailed for it.
CREATE FUNCTION challenge_notes(hash bytea, home uuid) RETURNS TABLE (reasons text[], mail_code_hash bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.reasons, c.mail_code_hash FROM mfa_challenges c WHERE c.token_hash = hash AND c.tenant_id = home
$$;
CALL give_to_lookup('challenge_notes(bytea, uuid)', 'zygo_app');
