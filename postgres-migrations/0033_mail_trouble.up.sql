-- What carriers report of mails: where they bounce, or are complained of, no more are sent than must be.

-- By a keyed hash, which the application makes: nobody reads an address here. Anybody's, so also of people without an account.
CREATE TABLE mail_suppressions (
  address_hash bytea PRIMARY KEY CHECK (length(address_hash) = 32),
  -- Deferred ones are counted and get their mail.
  state text NOT NULL CHECK (state IN ('deferred', 'bounced', 'complained')),
  -- Reports since it is in this state.
  reports integer NOT NULL DEFAULT 1,
  since timestamptz NOT NULL,
  reported_at timestamptz NOT NULL
);
CALL protect_table('mail_suppressions', 'false', 'false');
GRANT SELECT, DELETE ON mail_suppressions TO zygo_platform;
CALL open_to_lookup('mail_suppressions', 'SELECT');
CALL open_to_lookup('mail_suppressions', 'INSERT');
CALL open_to_lookup('mail_suppressions', 'UPDATE');
GRANT DELETE ON mail_suppressions TO zygo_lookup;
CREATE POLICY lookup_delete ON mail_suppressions FOR DELETE TO zygo_lookup USING (true);

-- Which reports have been heard: one that comes again, or is played back, changes nothing.
CREATE TABLE mail_reports (
  id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 160),
  reported_at timestamptz NOT NULL
);
CREATE INDEX mail_reports_age ON mail_reports (reported_at);
CALL protect_table('mail_reports', 'false', 'false');
GRANT SELECT, DELETE ON mail_reports TO zygo_platform;
CALL open_to_lookup('mail_reports', 'SELECT');
CALL open_to_lookup('mail_reports', 'INSERT');

-- The same for whom it concerns, so that they see it, and prove their address again.
ALTER TABLE users
  ADD COLUMN mail_state text CHECK (mail_state IN ('bounced', 'complained')),
  ADD COLUMN mail_state_since timestamptz,
  ADD CHECK ((mail_state IS NULL) = (mail_state_since IS NULL));
GRANT SELECT (mail_state, mail_state_since) ON users TO zygo_app, zygo_platform;
GRANT UPDATE (mail_state, mail_state_since) ON users TO zygo_platform;

-- A report of what became of a mail. `hashes` are the address's under each key, the newest first. False if it was heard before.
CREATE FUNCTION report_mail(report text, address text, hashes bytea[], fate text, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  kept text;
BEGIN
  INSERT INTO mail_reports (id, reported_at) VALUES (report, at) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- Whoever proved the address since begins anew.
  DELETE FROM mail_suppressions s USING users u WHERE s.address_hash = ANY (hashes) AND u.email = address AND u.email_verified_at > s.reported_at;
  -- What stands under a key before comes under the newest.
  UPDATE mail_suppressions s SET address_hash = hashes[1] WHERE s.address_hash = ANY (hashes[2:])
    AND NOT EXISTS (SELECT FROM mail_suppressions n WHERE n.address_hash = hashes[1]);
  IF fate = 'delivered' THEN
    -- Mail arrives there again; a complaint is about what arrives.
    DELETE FROM mail_suppressions s WHERE s.address_hash = ANY (hashes) AND s.state <> 'complained';
  ELSE
    INSERT INTO mail_suppressions AS s (address_hash, state, since, reported_at) VALUES (hashes[1], fate, at, at)
    ON CONFLICT (address_hash) DO UPDATE SET (state, reports, since, reported_at) = (
      SELECT next.state, CASE WHEN next.state = s.state THEN s.reports + 1 ELSE 1 END,
        CASE WHEN next.state = s.state THEN s.since ELSE at END, at
      FROM (SELECT CASE
        WHEN 'bounced' IN (s.state, fate) THEN 'bounced'
        WHEN 'complained' IN (s.state, fate) THEN 'complained'
        -- Where ten in a row do not arrive, none does.
        WHEN s.reports >= 9 THEN 'bounced' ELSE 'deferred' END AS state) next);
  END IF;
  kept := (SELECT nullif(s.state, 'deferred') FROM mail_suppressions s WHERE s.address_hash = hashes[1]);
  UPDATE users u SET mail_state = kept, mail_state_since = CASE WHEN kept IS NOT NULL THEN at END
    WHERE u.email = address AND u.mail_state IS DISTINCT FROM kept;
  RETURN true;
END $$;
CALL give_to_lookup('report_mail(text, text, bytea[], text, timestamptz)', 'zygo_app', 'zygo_platform');

-- Whoever proves an address ends its trouble, in whatever way they prove it: what was reported before counts no more.
CREATE FUNCTION end_mail_trouble() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.mail_state := NULL;
  NEW.mail_state_since := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER mail_trouble BEFORE UPDATE OF email, email_verified_at ON users FOR EACH ROW
  WHEN (OLD.mail_state IS NOT NULL AND NEW.email_verified_at IS NOT NULL
    AND (NEW.email, NEW.email_verified_at) IS DISTINCT FROM (OLD.email, OLD.email_verified_at))
  EXECUTE FUNCTION end_mail_trouble();

-- The mail that verifies an address is owed where that is not proved, and where it is in trouble.
DROP FUNCTION request_verification(text, uuid, timestamptz);
CREATE FUNCTION request_verification(address text, outbox_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := (SELECT u.id FROM users u
    WHERE u.email = address AND (u.email_verified_at IS NULL OR u.mail_state IS NOT NULL) AND u.status = 'active');
BEGIN
  IF who IS NULL THEN
    RETURN false;
  END IF;
  PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
    jsonb_build_object('kind', 'mail.verify_email', 'user_id', who), at);
  RETURN true;
END $$;
CALL give_to_lookup('request_verification(text, uuid, timestamptz)', 'zygo_app');

DROP FUNCTION verify_email(bytea, uuid, timestamptz);
-- Redeems a verification token. A token counts for the address it was made for; the first one that is redeemed uses up
-- the others. Without a row the token is unknown; the profile comes only with the outcome verified.
CREATE FUNCTION verify_email(hash bytea, event_id uuid, at timestamptz) RETURNS TABLE (outcome text, profile user_profiles)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  token email_verification_tokens;
BEGIN
  SELECT t.* INTO token FROM email_verification_tokens t WHERE t.token_hash = hash FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  outcome := CASE WHEN token.consumed_at IS NOT NULL THEN 'consumed' WHEN token.expires_at <= at THEN 'expired' ELSE 'verified' END;
  IF outcome = 'verified' THEN
    UPDATE users u SET email_verified_at = at, updated_at = at
      WHERE u.id = token.user_id AND u.email = token.email AND (u.email_verified_at IS NULL OR u.mail_state IS NOT NULL);
    -- The address was changed, or verified otherwise, since the mail was sent.
    outcome := CASE WHEN FOUND THEN 'verified' ELSE 'consumed' END;
    UPDATE email_verification_tokens t SET consumed_at = at WHERE t.user_id = token.user_id AND t.consumed_at IS NULL;
  END IF;
  IF outcome = 'verified' THEN
    INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
      VALUES (event_id, '00000000-0000-0000-0000-000000000000', 'user.email_verified',
        jsonb_build_object('user_id', token.user_id), token.user_id, app_request_id(), at);
    SELECT p.* INTO profile FROM user_profiles p WHERE p.id = token.user_id;
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('verify_email(bytea, uuid, timestamptz)', 'zygo_app');
