-- Jobs as the platform's administrators see them and run them again.

-- Runs since it was owed or last asked for again: the policy of its kind counts these.
ALTER TABLE outbox ADD COLUMN tries integer NOT NULL DEFAULT 0;

DROP INDEX outbox_dead;
CREATE INDEX outbox_dead ON outbox (settled_at DESC, id DESC) WHERE outcome = 'dead';
-- What is done is found by kind or queue; what is not, by its state, however much is done.
DROP INDEX jobs_status;
CREATE INDEX jobs_status ON jobs (status, created_at DESC, id DESC) WHERE status <> 'done';
CREATE INDEX jobs_kind ON jobs (kind, created_at DESC, id DESC);
CREATE INDEX jobs_queue ON jobs (queue, created_at DESC, id DESC);

-- Whether somebody may do now, for the platform, what the transaction is about to do; an error ends it where they may not. Whoever
-- disables them at the same moment waits for this transaction, or this one for them.
CREATE FUNCTION require_administrator(person uuid, session uuid, admin_roles text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM sessions s WHERE s.id = session AND s.tenant_id = '00000000-0000-0000-0000-000000000000' AND s.user_id = person
      AND s.ended_at IS NULL) THEN
    RAISE check_violation USING CONSTRAINT = 'session_ended', MESSAGE = 'this session has ended';
  END IF;
  PERFORM FROM admin_users a WHERE a.user_id = person AND a.disabled_at IS NULL AND a.role = ANY (admin_roles) FOR SHARE;
  IF NOT FOUND OR NOT EXISTS (SELECT FROM users u WHERE u.id = person AND u.status = 'active') THEN
    RAISE check_violation USING CONSTRAINT = 'permission_denied', COLUMN = '', MESSAGE = 'this person does not administer the platform';
  END IF;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION require_administrator(uuid, uuid, text[]) TO zygo_platform;
