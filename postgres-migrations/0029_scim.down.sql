DROP FUNCTION scim_settle_connection(uuid, timestamptz), scim_delete_group(uuid, bigint[], timestamptz),
  scim_change_group(uuid, uuid, bigint[], text, boolean, text, boolean, uuid[], uuid[], timestamptz),
  scim_create_group(uuid, uuid, text, text, uuid[], timestamptz), scim_change_members(uuid, boolean, uuid[], uuid[], timestamptz),
  scim_delete_user(uuid, uuid, bigint[], uuid, timestamptz),
  scim_replace_user(uuid, uuid, bigint[], text, text, text, text, jsonb, boolean, uuid, timestamptz),
  scim_create_user(uuid, text, text, text, text, text, jsonb, boolean, bigint, uuid, uuid, uuid, timestamptz),
  scim_settle_roles(uuid, uuid[], timestamptz), scim_set_active(smallint, uuid, boolean, timestamptz), scim_owe_gate(jsonb, timestamptz),
  scim_log(text, jsonb, timestamptz), require_scim_token(uuid, bytea, jsonb, timestamptz), scim_matches(jsonb, text);
DROP FUNCTION scim_name_account(uuid, text, text, timestamptz), scim_account(text, text, text, uuid, timestamptz);
DROP VIEW scim_group_resources, scim_user_resources;
DROP FUNCTION scim_time(timestamptz);
DROP TRIGGER directory ON user_roles;
DROP FUNCTION show_to_directory();
DROP TABLE scim_group_members, scim_groups, scim_users, scim_tokens, scim_connections;
