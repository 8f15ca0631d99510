DROP TRIGGER streams ON events;
DROP FUNCTION owe_streams();
DROP TABLE streams;
DROP INDEX events_transaction;
ALTER TABLE events DROP COLUMN transaction;
