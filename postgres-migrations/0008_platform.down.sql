DROP TABLE feature_flags;
DROP TABLE admin_users;
