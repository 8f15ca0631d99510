-- Fills one organisation: members $MEMBERS, rows of the audit trail $ROWS over the last $DAYS days. Past triggers, policies and
-- the API, as a superuser, because it is the reading that is measured.
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';

INSERT INTO users (id, email, email_verified_at, first_name, last_name, created_at)
SELECT gen_random_uuid(), 'person-' || n || '@large.example', now_ms(),
  (ARRAY['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Tony'])[1 + n % 8],
  'Surname' || substr(md5(n::text), 1, 8), now_ms()
FROM generate_series(1, $MEMBERS) n;

INSERT INTO user_roles (id, tenant_id, user_id, role_id, status, search, created_at)
SELECT gen_random_uuid(), '$TENANT', u.id, r.id, CASE WHEN hashtext(u.id::text) % 50 = 0 THEN 'suspended' ELSE 'active' END, searchable(u),
  now_ms() - (hashtext(u.email) & 16777215) * interval '1 second'
FROM users u JOIN roles r ON r.tenant_id = '$TENANT'
  AND r.key = (ARRAY['viewer', 'member', 'member', 'developer'])[1 + (hashtext(u.email) & 3)]
WHERE u.email LIKE 'person-%@large.example';

SELECT make_audit_partitions((now() - interval '$DAYS days')::date, 1 + ceil($DAYS / 28.0)::integer);
INSERT INTO audit_logs (id, tenant_id, actor, user_id, action, resource_type, resource_id, before, after, request_id, ip, created_at)
SELECT make_uuid_v7(at), '$TENANT', 'user:' || u.id, u.id, kind || '.' || deed, kind, md5((n % 500000)::text)::uuid,
  CASE WHEN deed <> 'insert' THEN jsonb_build_object('name', 'before ' || n, 'status', 'active') END,
  CASE WHEN deed <> 'delete' THEN jsonb_build_object('name', 'after ' || n, 'status', 'active', 'level', n % 90) END,
  md5(n::text), '203.0.113.' || n % 250, at
FROM generate_series(1, $ROWS) n
CROSS JOIN LATERAL (SELECT date_trunc('milliseconds', now() - n * interval '$DAYS days' / $ROWS) AS at,
  (ARRAY['user_roles', 'roles', 'invitations', 'tenant_settings', 'tenant_domains'])[1 + n % 5] AS kind,
  (ARRAY['update', 'update', 'insert', 'delete'])[1 + n % 4] AS deed) one
CROSS JOIN LATERAL (SELECT (ARRAY(SELECT id FROM users WHERE email LIKE 'person-%@large.example' ORDER BY email LIMIT 1000))[1 + n % 1000] AS id) u;

RESET session_replication_role;
VACUUM (ANALYZE) users;
VACUUM (ANALYZE) user_roles;
VACUUM (ANALYZE) audit_logs;
