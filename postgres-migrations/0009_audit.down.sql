DROP FUNCTION make_audit_partitions(date, integer);
DROP TABLE audit_seals;
DROP TABLE admin_actions;
DROP TABLE rls_violations;
DROP TABLE security_events;
DROP TABLE user_activity;
DROP TABLE audit_logs;
