-- What people do to their own account: a new password, another address, signing in by mail, leaving for good.

-- A reset token counts for the address that it was mailed to.
ALTER TABLE password_reset_tokens ADD COLUMN email text NOT NULL;
CALL open_to_lookup('password_reset_tokens', 'SELECT');
CALL open_to_lookup('password_reset_tokens', 'UPDATE', 'consumed_at');

-- A change of address, from the wish to the change, and perhaps back again.
CREATE TABLE email_changes (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  old_email text NOT NULL,
  new_email text NOT NULL CHECK (new_email = lower(new_email)),
  confirmed_at timestamptz,
  reverted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE INDEX email_changes_user ON email_changes (user_id, created_at DESC);
CALL protect_table('email_changes', 'user_id = app_user_id()', 'user_id = app_user_id()');
GRANT SELECT, DELETE ON email_changes TO zygo_platform;
CALL open_to_lookup('email_changes', 'SELECT');
CALL open_to_lookup('email_changes', 'INSERT');
CALL open_to_lookup('email_changes', 'UPDATE', 'confirmed_at, reverted_at');

-- Somebody wants to be forgotten. The row outlives the person: it is the proof that it was done.
CREATE TABLE deletion_requests (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL,
  due_at timestamptz NOT NULL,
  cancelled_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now_ms()
);
CREATE INDEX deletion_requests_user ON deletion_requests (user_id);
CREATE UNIQUE INDEX deletion_requests_open ON deletion_requests (user_id) WHERE cancelled_at IS NULL AND completed_at IS NULL;
CREATE INDEX deletion_requests_due ON deletion_requests (due_at) WHERE cancelled_at IS NULL AND completed_at IS NULL;
CALL protect_table('deletion_requests', 'user_id = app_user_id()', 'user_id = app_user_id()');
GRANT SELECT ON deletion_requests TO zygo_app;
GRANT SELECT, UPDATE (completed_at) ON deletion_requests TO zygo_platform;
CALL open_to_lookup('deletion_requests', 'SELECT');
CALL open_to_lookup('deletion_requests', 'INSERT');
CALL open_to_lookup('deletion_requests', 'UPDATE', 'cancelled_at');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON deletion_requests FOR EACH ROW EXECUTE FUNCTION audit_change();

-- Who proves that an address is theirs gets it from an account that never did; no other account can be removed so.
GRANT DELETE ON users TO zygo_lookup;
CREATE POLICY lookup_delete ON users FOR DELETE TO zygo_lookup USING (email_verified_at IS NULL);

-- Writes an event of a person's own account.
CREATE FUNCTION log_account_event(event_id uuid, event_type text, who uuid, at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at)
  VALUES (event_id, '00000000-0000-0000-0000-000000000000', event_type, jsonb_build_object('user_id', who), who, app_request_id(), at)
$$;
CALL give_to_lookup('log_account_event(uuid, text, uuid, timestamptz)', 'zygo_lookup');

-- Every mailed token that opens the account, or moves it, is void; so is a sign-in that waits for its second factor.
CREATE FUNCTION void_open_doors(who uuid, at timestamptz) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE password_reset_tokens t SET consumed_at = at WHERE t.user_id = who AND t.consumed_at IS NULL;
  UPDATE one_time_tokens t SET consumed_at = at
    WHERE t.user_id = who AND t.consumed_at IS NULL AND t.purpose IN ('magic_link', 'confirm_email');
  UPDATE mfa_challenges c SET consumed_at = at WHERE c.user_id = who AND c.consumed_at IS NULL;
$$;
CALL give_to_lookup('void_open_doors(uuid, timestamptz)', 'zygo_lookup');

-- Gives somebody an address that they have proved to be theirs. False if another account proved it before.
CREATE FUNCTION take_address(who uuid, address text, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM users u WHERE u.email = address AND u.email_verified_at IS NULL AND u.id <> who;
  UPDATE users u SET email = address, email_verified_at = at, updated_at = at WHERE u.id = who;
  RETURN true;
EXCEPTION WHEN unique_violation OR foreign_key_violation THEN
  RETURN false;
END $$;
CALL give_to_lookup('take_address(uuid, text, timestamptz)', 'zygo_lookup');

-- Owes a mail that opens an account, if the address has one; which mail, the caller says.
CREATE FUNCTION request_account_mail(address text, job text, outbox_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := (SELECT u.id FROM users u WHERE u.email = address AND u.status = 'active');
BEGIN
  IF who IS NULL OR job NOT IN ('mail.reset_password', 'mail.magic_link') THEN
    RETURN false;
  END IF;
  PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail', jsonb_build_object('kind', job, 'user_id', who), at);
  RETURN true;
END $$;
CALL give_to_lookup('request_account_mail(text, text, uuid, timestamptz)', 'zygo_app');

-- What a new password must not be, for whoever holds a good reset token. Uses nothing up.
CREATE FUNCTION peek_reset(hash bytea, at timestamptz) RETURNS TABLE (outcome text, email text, first_name text, last_name text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN t.consumed_at IS NOT NULL OR u.email <> t.email OR u.status <> 'active' THEN 'consumed'
      WHEN t.expires_at <= at THEN 'expired' ELSE 'good' END,
    u.email, u.first_name, u.last_name
  FROM password_reset_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = hash
$$;
CALL give_to_lookup('peek_reset(bytea, timestamptz)', 'zygo_app');

-- Sets a new password by a mailed token, which proves the address too. Everything that was open is closed: sessions,
-- trusted devices, other mailed tokens, the lock after failures. Rows as of end_sessions_by_token.
CREATE FUNCTION reset_password(hash bytea, new_password_hash text, event_id uuid, notice_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, user_id uuid, session_id uuid, tenant_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  token password_reset_tokens;
BEGIN
  SELECT t.* INTO token FROM password_reset_tokens t WHERE t.token_hash = hash FOR UPDATE;
  outcome := CASE WHEN NOT FOUND THEN 'unknown' WHEN token.consumed_at IS NOT NULL THEN 'consumed'
    WHEN token.expires_at <= at THEN 'expired' ELSE 'good' END;
  IF outcome = 'good' THEN
    UPDATE users u SET password_hash = new_password_hash, email_verified_at = coalesce(u.email_verified_at, at),
        failed_sign_ins = 0, locked_until = NULL
      WHERE u.id = token.user_id AND u.email = token.email AND u.status = 'active';
    outcome := CASE WHEN FOUND THEN 'good' ELSE 'consumed' END;
  END IF;
  IF outcome <> 'good' THEN
    RETURN NEXT;
    RETURN;
  END IF;
  PERFORM void_open_doors(token.user_id, at);
  DELETE FROM trusted_devices d WHERE d.user_id = token.user_id;
  PERFORM log_account_event(event_id, 'user.password_changed', token.user_id, at);
  PERFORM add_notice(notice_id, token.user_id, '{"what": "password_changed"}', at);
  RETURN QUERY SELECT 'good', token.user_id, e.id, e.tenant_id
    FROM (SELECT) one LEFT JOIN end_sessions_of(token.user_id, NULL, NULL, 'password_changed', at) e ON true;
END $$;
CALL give_to_lookup('reset_password(bytea, text, uuid, uuid, timestamptz)', 'zygo_app');

-- The secret of the context's user, for whoever must prove that they know it.
CREATE FUNCTION own_secret() RETURNS TABLE (password_hash text, locked_until timestamptz)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT u.password_hash, u.locked_until FROM users u WHERE u.id = app_user_id()
$$;
CALL give_to_lookup('own_secret()', 'zygo_app');

-- Sets the context's user's password, if the old one is still what was verified, and ends the other sessions. Rows as above.
CREATE FUNCTION change_password(old_password_hash text, new_password_hash text, kept_id uuid, event_id uuid, notice_id uuid,
  at timestamptz) RETURNS TABLE (outcome text, user_id uuid, session_id uuid, tenant_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := app_user_id();
BEGIN
  UPDATE users u SET password_hash = new_password_hash, failed_sign_ins = 0
    WHERE u.id = who AND u.password_hash = old_password_hash AND u.status = 'active';
  IF NOT FOUND THEN
    outcome := 'consumed';
    RETURN NEXT;
    RETURN;
  END IF;
  PERFORM void_open_doors(who, at);
  PERFORM log_account_event(event_id, 'user.password_changed', who, at);
  PERFORM add_notice(notice_id, who, '{"what": "password_changed"}', at);
  RETURN QUERY SELECT 'good', who, e.id, e.tenant_id
    FROM (SELECT) one LEFT JOIN end_sessions_of(who, NULL, kept_id, 'password_changed', at) e ON true;
END $$;
CALL give_to_lookup('change_password(text, text, uuid, uuid, uuid, timestamptz)', 'zygo_app');

-- The context's user wants another address. One mail is owed either way: to prove it, or to tell who proved it before.
CREATE FUNCTION request_email_change(change_id uuid, address text, outbox_id uuid, at timestamptz) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  holder constant uuid := (SELECT u.id FROM users u WHERE u.email = address AND u.email_verified_at IS NOT NULL);
BEGIN
  IF holder IS NULL THEN
    INSERT INTO email_changes (id, user_id, old_email, new_email, created_at)
      SELECT change_id, u.id, u.email, address, at FROM users u WHERE u.id = app_user_id();
  END IF;
  PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail', CASE
    WHEN holder IS NULL THEN jsonb_build_object('kind', 'mail.confirm_email', 'user_id', app_user_id(), 'change_id', change_id)
    ELSE jsonb_build_object('kind', 'mail.account_exists', 'user_id', holder) END, at);
  RETURN holder IS NULL;
END $$;
CALL give_to_lookup('request_email_change(uuid, text, uuid, timestamptz)', 'zygo_app');

-- The new address is proved: it becomes the account's, and the old one is told, and may take it back.
CREATE FUNCTION confirm_email_change(hash bytea, event_id uuid, outbox_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, profile user_profiles)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  used record;
  change email_changes;
BEGIN
  used := use_token('confirm_email', hash, at);
  outcome := used.outcome;
  IF outcome = 'good' THEN
    SELECT c.* INTO change FROM email_changes c JOIN users u ON u.id = c.user_id
      WHERE c.id = (used.token).subject_id AND c.confirmed_at IS NULL AND u.email = c.old_email AND u.status = 'active'
      FOR NO KEY UPDATE;
    outcome := CASE WHEN NOT FOUND THEN 'consumed'
      WHEN NOT take_address(change.user_id, change.new_email, at) THEN 'taken' ELSE 'good' END;
  END IF;
  IF outcome = 'good' THEN
    UPDATE email_changes c SET confirmed_at = at WHERE c.id = change.id;
    PERFORM void_open_doors(change.user_id, at);
    PERFORM log_account_event(event_id, 'user.email_changed', change.user_id, at);
    PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
      jsonb_build_object('kind', 'mail.email_changed', 'user_id', change.user_id, 'change_id', change.id), at);
    SELECT p.* INTO profile FROM user_profiles p WHERE p.id = change.user_id;
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('confirm_email_change(bytea, uuid, uuid, timestamptz)', 'zygo_app');

-- The old address takes the account back from whoever changed it: the address is what it was, later changes are void, so is
-- a wish to delete the account; sessions end, devices are forgotten. The password is gone, since a stranger may know it; the
-- mail that sets a new one is owed. Rows as above.
CREATE FUNCTION revert_email_change(hash bytea, event_id uuid, outbox_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, user_id uuid, session_id uuid, tenant_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  used record;
  change email_changes;
BEGIN
  used := use_token('revert_email', hash, at);
  outcome := used.outcome;
  IF outcome = 'good' THEN
    SELECT c.* INTO change FROM email_changes c JOIN users u ON u.id = c.user_id
      WHERE c.id = (used.token).subject_id AND c.confirmed_at IS NOT NULL AND c.reverted_at IS NULL AND u.status <> 'suspended'
      FOR NO KEY UPDATE;
    outcome := CASE WHEN NOT FOUND THEN 'consumed'
      WHEN NOT take_address(change.user_id, change.old_email, at) THEN 'taken' ELSE 'good' END;
  END IF;
  IF outcome <> 'good' THEN
    RETURN NEXT;
    RETURN;
  END IF;
  UPDATE deletion_requests r SET cancelled_at = at
    WHERE r.user_id = change.user_id AND r.created_at >= change.confirmed_at AND r.cancelled_at IS NULL AND r.completed_at IS NULL;
  UPDATE users u SET password_hash = NULL, failed_sign_ins = 0, locked_until = NULL,
      status = CASE WHEN FOUND THEN 'active' ELSE u.status END WHERE u.id = change.user_id;
  UPDATE email_changes c SET reverted_at = at
    WHERE c.user_id = change.user_id AND c.confirmed_at >= change.confirmed_at AND c.reverted_at IS NULL;
  PERFORM void_open_doors(change.user_id, at);
  DELETE FROM trusted_devices d WHERE d.user_id = change.user_id;
  PERFORM log_account_event(event_id, 'user.email_changed', change.user_id, at);
  PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
    jsonb_build_object('kind', 'mail.reset_password', 'user_id', change.user_id), at);
  RETURN QUERY SELECT 'good', change.user_id, e.id, e.tenant_id
    FROM (SELECT) one LEFT JOIN end_sessions_of(change.user_id, NULL, NULL, 'address_reverted', at) e ON true;
END $$;
CALL give_to_lookup('revert_email_change(bytea, uuid, uuid, timestamptz)', 'zygo_app');

-- Signs in by mail, which proves the address. Who sets a password on an address before its owner does so loses it here. A
-- person who is no member of the tenant signed in to keeps the token for elsewhere.
CREATE FUNCTION redeem_magic_link(hash bytea, tenant uuid, event_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, profile user_profiles, membership memberships)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  used record;
  person users;
BEGIN
  used := use_token('magic_link', hash, at);
  outcome := used.outcome;
  IF outcome = 'good' THEN
    SELECT u.* INTO person FROM users u WHERE u.id = (used.token).user_id AND u.email = (used.token).email FOR NO KEY UPDATE;
    outcome := CASE WHEN FOUND THEN 'good' ELSE 'consumed' END;
  END IF;
  IF outcome = 'good' THEN
    SELECT m.* INTO membership FROM memberships m WHERE m.member_id = person.id AND m.tenant_id = tenant;
    IF NOT FOUND AND tenant <> '00000000-0000-0000-0000-000000000000' THEN
      UPDATE one_time_tokens t SET consumed_at = NULL WHERE t.id = (used.token).id;
      outcome := 'stranger';
    END IF;
  END IF;
  IF outcome = 'good' THEN
    IF person.email_verified_at IS NULL THEN
      UPDATE users u SET email_verified_at = at, password_hash = NULL, updated_at = at WHERE u.id = person.id;
      PERFORM log_account_event(event_id, 'user.email_verified', person.id, at);
    END IF;
    SELECT p.* INTO profile FROM user_profiles p WHERE p.id = person.id;
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('redeem_magic_link(bytea, uuid, uuid, timestamptz)', 'zygo_app');

-- The organisations that would be without an owner if somebody left. Whoever takes an owner away locks the tenant first.
CREATE FUNCTION solely_owned(who uuid) RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT m.tenant_id FROM user_roles m
  JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id AND r.is_default AND r.key = 'owner'
  JOIN tenants t ON t.id = m.tenant_id AND t.status IN ('active', 'suspended')
  WHERE m.user_id = who AND NOT EXISTS (
    SELECT FROM user_roles o JOIN users u ON u.id = o.user_id
    WHERE o.tenant_id = m.tenant_id AND o.role_id = m.role_id AND o.user_id <> who AND o.status = 'active' AND u.status = 'active')
$$;
CALL give_to_lookup('solely_owned(uuid)', 'zygo_lookup', 'zygo_platform');

-- The context's user wants to be forgotten. From now on nobody signs in; at the due time the account is erased, unless the
-- mailed token cancels it. Rows as above; the outcome may be last_owner, or lost where the version is not as expected.
CREATE FUNCTION request_deletion(request_id uuid, due timestamptz, versions bigint[], event_id uuid, outbox_id uuid, at timestamptz)
  RETURNS TABLE (outcome text, user_id uuid, session_id uuid, tenant_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  who constant uuid := app_user_id();
BEGIN
  -- Of two owners who leave at once, the second one sees that the first has left.
  PERFORM FROM tenants t WHERE t.id IN (SELECT m.tenant_id FROM user_roles m WHERE m.user_id = who) ORDER BY t.id FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM solely_owned(who)) THEN
    outcome := 'last_owner';
    RETURN NEXT;
    RETURN;
  END IF;
  UPDATE users u SET status = 'deleting', updated_at = at
    WHERE u.id = who AND u.status = 'active' AND (versions IS NULL OR u.version = ANY (versions));
  IF NOT FOUND THEN
    outcome := 'lost';
    RETURN NEXT;
    RETURN;
  END IF;
  INSERT INTO deletion_requests (id, user_id, due_at, created_at) VALUES (request_id, who, due, at);
  PERFORM void_open_doors(who, at);
  PERFORM log_account_event(event_id, 'user.deletion_requested', who, at);
  PERFORM add_outbox(outbox_id, '00000000-0000-0000-0000-000000000000', 'mail',
    jsonb_build_object('kind', 'mail.deletion_requested', 'user_id', who, 'request_id', request_id), at);
  RETURN QUERY SELECT 'good', who, e.id, e.tenant_id
    FROM (SELECT) one LEFT JOIN end_sessions_of(who, NULL, NULL, 'account_deleted', at) e ON true;
END $$;
CALL give_to_lookup('request_deletion(uuid, timestamptz, bigint[], uuid, uuid, timestamptz)', 'zygo_app');

-- The person changed their mind.
CREATE FUNCTION cancel_deletion(hash bytea, event_id uuid, at timestamptz) RETURNS TABLE (outcome text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  used record;
  who uuid;
BEGIN
  used := use_token('cancel_deletion', hash, at);
  outcome := used.outcome;
  IF outcome = 'good' THEN
    UPDATE deletion_requests r SET cancelled_at = at
      WHERE r.id = (used.token).subject_id AND r.cancelled_at IS NULL AND r.completed_at IS NULL RETURNING r.user_id INTO who;
    UPDATE users u SET status = 'active', updated_at = at WHERE u.id = who AND u.status = 'deleting';
    outcome := CASE WHEN FOUND THEN 'good' ELSE 'consumed' END;
  END IF;
  IF outcome = 'good' THEN
    PERFORM log_account_event(event_id, 'user.deletion_cancelled', who, at);
  END IF;
  RETURN NEXT;
END $$;
CALL give_to_lookup('cancel_deletion(bytea, uuid, timestamptz)', 'zygo_app');
