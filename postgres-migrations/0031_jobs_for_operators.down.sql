DROP FUNCTION require_administrator(uuid, uuid, text[]);
DROP INDEX jobs_queue;
DROP INDEX jobs_kind;
DROP INDEX jobs_status;
CREATE INDEX jobs_status ON jobs (status, updated_at);
DROP INDEX outbox_dead;
CREATE INDEX outbox_dead ON outbox (settled_at DESC) WHERE outcome = 'dead';
ALTER TABLE outbox DROP COLUMN tries;
