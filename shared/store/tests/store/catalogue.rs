//! What holds for every table and function, found in the catalogue.

use tokio_postgres::Client;

use crate::harness::with_db;

/// Tables that are the same for everybody and not secret.
const GLOBAL: [&str; 2] = ["feature_flags", "permissions"];

async fn names(client: &Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn none(client: &Client, what: &str, sql: &str) {
    let found = names(client, sql).await;
    assert!(found.is_empty(), "{what}: {found:#?}");
}

/// The project's own tables, without the migration library's.
const TABLES: &str = "pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> '_sqlx_migrations'";

#[test]
fn every_table_has_row_level_security_enabled_and_forced() {
    with_db(async |db| {
        let client = db.superuser().await;
        assert!(names(&client, &format!("SELECT relname::text FROM {TABLES}")).await.len() > 40);
        none(&client, "not protected", &format!("SELECT relname::text FROM {TABLES} AND NOT (relrowsecurity AND relforcerowsecurity)")).await;
    });
}

#[test]
fn every_table_has_a_policy_per_command_and_role() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = format!(
            "SELECT format('%s %s %s', c.relname, r, cmd) FROM unnest(ARRAY['zygo_app', 'zygo_platform']) r, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) cmd, {TABLES}
             AND NOT c.relispartition AND c.relname <> 'permissions' AND NOT EXISTS (
               SELECT FROM pg_policies p WHERE p.tablename = c.relname AND p.cmd = cmd AND p.permissive = 'PERMISSIVE' AND p.roles = ARRAY[r::name])"
        );
        none(&client, "no policy", &sql).await;
    });
}

#[test]
fn every_tenant_tables_policy_names_the_tenant() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT format('%s %s', tablename, policyname) FROM pg_policies p
            WHERE 'zygo_app' = ANY (p.roles) AND p.permissive = 'PERMISSIVE'
              AND tablename IN (SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                WHERE c.relnamespace = 'public'::regnamespace)
              AND NOT (coalesce(qual, with_check) LIKE '%tenant_id = app_tenant_id()%' AND coalesce(with_check, qual) LIKE '%tenant_id = app_tenant_id()%')";
        none(&client, "not by tenant", sql).await;
        let open = "SELECT format('%s %s', tablename, policyname) FROM pg_policies p
            WHERE (qual = 'true' OR with_check = 'true') AND p.roles <> ARRAY['zygo_lookup'::name]";
        let found = names(&client, open).await;
        assert_eq!(found.len(), GLOBAL.len(), "{found:?}");
        for policy in &found {
            assert!(GLOBAL.iter().any(|table| policy.starts_with(table)) && policy.ends_with("_select"), "{policy}");
        }
    });
}

#[test]
fn nobody_is_granted_a_partition() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT format('%s %s', c.relname, r.rolname) FROM pg_class c, pg_roles r
            WHERE c.relispartition AND c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND r.rolname IN ('zygo_app', 'zygo_platform', 'zygo_lookup')
              AND has_any_column_privilege(r.oid, c.oid, 'SELECT,INSERT,UPDATE')";
        none(&client, "granted", sql).await;
    });
}

#[test]
fn every_row_of_a_tenant_says_so() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT (a.attnotnull AND a.atttypid = 'uuid'::regtype)";
        none(&client, "tenant_id may be missing", sql).await;
        let keyed = "SELECT attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT EXISTS (
              SELECT FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid = 'tenants'::regclass)";
        none(&client, "tenant_id leads nowhere", keyed).await;
    });
}

#[test]
fn every_foreign_key_carries_the_tenant() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT format('%s %s', f.conrelid::regclass, f.conname) FROM pg_constraint f
            JOIN pg_attribute mine ON mine.attrelid = f.conrelid AND mine.attname = 'tenant_id'
            JOIN pg_attribute theirs ON theirs.attrelid = f.confrelid AND theirs.attname = 'tenant_id'
            WHERE f.contype = 'f' AND NOT EXISTS (SELECT FROM unnest(f.conkey, f.confkey) k (a, b) WHERE k.a = mine.attnum AND k.b = theirs.attnum)";
        none(&client, "crosses tenants", sql).await;
    });
}

#[test]
fn every_foreign_key_and_policy_column_is_indexed() {
    with_db(async |db| {
        let client = db.superuser().await;
        let foreign = "SELECT format('%s %s', f.conrelid::regclass, f.conname) FROM pg_constraint f
            WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND NOT EXISTS (
              SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indpred IS NULL
                AND (SELECT array_agg(k ORDER BY k) FROM unnest((i.indkey::int2[])[0:cardinality(f.conkey) - 1]) k) = (SELECT array_agg(k ORDER BY k) FROM unnest(f.conkey) k))";
        none(&client, "foreign key without index", foreign).await;
        let policy = "SELECT format('%s.%s', c.relname, a.attname) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND (
                a.attname = 'tenant_id' OR a.attname = 'user_id' AND NOT EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id'))
              AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indpred IS NULL AND i.indkey[0] = a.attnum)";
        none(&client, "policy column without index", policy).await;
    });
}

#[test]
fn rows_that_a_client_edits_have_a_version_that_moves() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'updated_at'
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'jobs' AND NOT (
              EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'touch')
              AND EXISTS (SELECT FROM pg_attribute v WHERE v.attrelid = c.oid AND v.attname = 'version' AND v.attnotnull))";
        none(&client, "no version", sql).await;
    });
}

#[test]
fn roles_have_no_way_around_the_policies() {
    with_db(async |db| {
        let client = db.superuser().await;
        none(&client, "too mighty", "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'zygo\\_%' AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)").await;
        none(&client, "can sign in", "SELECT rolname::text FROM pg_roles WHERE rolname = 'zygo_lookup' AND rolcanlogin").await;
        let members = "SELECT format('%s in %s', m.member::regrole, m.roleid::regrole) FROM pg_auth_members m
            WHERE m.member::regrole::text IN ('zygo_app', 'zygo_platform', 'zygo_lookup')";
        none(&client, "is a member", members).await;
        none(
            &client,
            "owns",
            "SELECT c.relname::text FROM pg_class c WHERE c.relowner IN ('zygo_app'::regrole, 'zygo_platform'::regrole, 'zygo_lookup'::regrole)",
        )
        .await;
        let create = "SELECT r.rolname::text FROM pg_roles r WHERE r.rolname IN ('zygo_app', 'zygo_platform', 'zygo_lookup') AND has_schema_privilege(r.oid, 'public', 'CREATE')";
        none(&client, "can create", create).await;
    });
}

#[test]
fn functions_are_nobodys_unless_granted_and_pinned_where_they_lend_rights() {
    with_db(async |db| {
        let client = db.superuser().await;
        let public = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) g WHERE g.grantee = 0))";
        none(&client, "executable by everybody", public).await;
        let loose = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
            AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, public, pg_temp']";
        none(&client, "search_path not pinned", loose).await;
        // Making partitions needs the tables' owner; it takes a date and a number and is the platform's alone.
        let owners = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
            AND proowner <> 'zygo_lookup'::regrole AND proname <> 'make_audit_partitions'";
        none(&client, "lends another's rights", owners).await;
    });
}

#[test]
fn what_lends_rights_is_called_by_the_worker_only_where_it_must() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef AND has_function_privilege('zygo_app', oid, 'EXECUTE') ORDER BY 1";
        let expected = [
            "accept_invitation",
            "add_passkey",
            "answer_mfa_challenge",
            "answer_own_mfa",
            "begin_mfa_challenge",
            "cancel_deletion",
            "cancel_tenant_deletion",
            "challenge_notes",
            "challenge_passkeys",
            "change_password",
            "claim_slug",
            "confirm_email_change",
            "create_tenant",
            "discover_connection",
            "end_own_sessions",
            "end_sessions_by_token",
            "exists_elsewhere",
            "find_connection",
            "find_credentials",
            "find_passkey",
            "find_tenant",
            "link_identity",
            "list_members",
            "look_at_invitation",
            "look_at_mfa_challenge",
            "mfa_standing",
            "note_challenge",
            "owe_notice",
            "own_memberships",
            "own_secret",
            "own_session_goes_on",
            "own_sessions",
            "peek_reset",
            "plan_limit",
            "redeem_magic_link",
            "redeem_mfa_answer",
            "refuse_blocked",
            "refuse_mail_domain",
            "remove_passkey",
            "report_mail",
            "request_account_mail",
            "request_deletion",
            "request_email_change",
            "request_verification",
            "require_permission",
            "reset_password",
            "revert_email_change",
            "schedule_tenant_deletion",
            "scim_account",
            "scim_name_account",
            "sign_in_by_identity",
            "sign_in_failed",
            "sign_in_history",
            "sign_in_succeeded",
            "sign_on",
            "sign_up",
            "sign_up_by_invitation",
            "strengthen_password",
            "tenant_facts",
            "touch_own_session",
            "unlink_identity",
            "verify_email",
            "verify_phone",
        ];
        assert_eq!(names(&client, sql).await, expected);
    });
}

#[test]
fn views_read_with_the_rights_of_whoever_asks() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
            AND NOT coalesce(reloptions, '{}') @> ARRAY['security_invoker=true']";
        none(&client, "reads with its owner's rights", sql).await;
    });
}

#[test]
fn nobody_but_the_functions_reads_a_password_hash() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT r.rolname::text FROM pg_roles r WHERE r.rolname IN ('zygo_app', 'zygo_platform') AND has_column_privilege(r.oid, 'users', 'password_hash', 'SELECT, UPDATE, INSERT')";
        none(&client, "reads it", sql).await;
    });
}

#[test]
fn the_table_of_permissions_is_the_catalogue() {
    with_db(async |db| {
        let client = db.superuser().await;
        let rows = client.query("SELECT index, key, critical, mfa_required FROM permissions ORDER BY index", &[]).await.unwrap();
        let stored: Vec<(i16, &str, bool, bool)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
        let catalogue: Vec<_> =
            zygo_core::access::Permission::ALL.iter().map(|p| (i16::from(p.index()), p.key(), p.is_critical(), p.needs_mfa())).collect();
        assert_eq!(stored, catalogue);
    });
}
