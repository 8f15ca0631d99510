DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
DROP TABLE job_attempts;
DROP TABLE jobs;
DROP TABLE outbox;
DROP TABLE events;
