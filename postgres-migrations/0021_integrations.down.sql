DROP FUNCTION own_session_goes_on(uuid, timestamptz);
DROP TABLE integrations;
