//! The audit trail: written by triggers, append-only, without secrets.

use serde_json::{Value, json};
use zygo_core::id::TenantId;
use zygo_store::{
    Actor, TenantScope,
    audit::{self, Operation, SecurityEvent, Violation},
    identity,
};

use crate::{
    fixture::{person, tenant},
    harness::{lookup, new_id, now, one_trip, with_db},
};

#[test]
fn a_change_of_data_is_on_record_with_actor_and_request_and_without_secrets() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let patch = identity::ProfilePatch { first_name: Some(Some("Augusta".to_owned())), ..Default::default() };
        identity::update_profile(&app, &lookup(), user, &patch, None).await.unwrap();
        let client = db.superuser().await;
        let rows = client
            .query("SELECT actor, action, request_id, before, after, resource_id FROM audit_logs WHERE resource_type = 'users' ORDER BY seq", &[])
            .await
            .unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].get::<_, &str>(0), rows[0].get::<_, &str>(1)), ("anonymous", "users.insert"));
        assert_eq!((rows[1].get::<_, &str>(0), rows[1].get::<_, &str>(1)), (format!("user:{user}").as_str(), "users.update"));
        assert_eq!((rows[1].get::<_, &str>(2), rows[1].get::<_, uuid::Uuid>(5)), ("req-test", user.uuid()));
        let (before, after): (Value, Value) = (rows[1].get(3), rows[1].get(4));
        assert_eq!((&before["first_name"], &after["first_name"]), (&json!("Ada"), &json!("Augusta")));
        for row in &rows {
            let text = format!("{:?}{:?}", row.get::<_, Option<Value>>(3), row.get::<_, Option<Value>>(4));
            assert!(!text.contains("argon2"), "{text}");
        }
    });
}

/// A column that looks like a secret is named among those that its table's audit trigger leaves out.
#[test]
fn no_audit_trigger_writes_a_secret() {
    with_db(async |db| {
        let sql = "SELECT format('%s.%s', c.relname, a.attname) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE t.tgname = 'audit' AND a.attnum > 0 AND a.attname ~ '(hash|secret|sealed|token|headers)' AND a.attname !~ '_(until|at)$'
              AND position(convert_to(a.attname, 'UTF8') || '\\000'::bytea IN t.tgargs) = 0";
        let client = db.superuser().await;
        let exposed: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert!(exposed.is_empty(), "{exposed:?}");
    });
}

/// Tables that are not audited by trigger, each with its reason.
const UNAUDITED: &[(&str, &str)] = &[
    ("admin_actions", "is the trail"),
    ("audit_logs", "is the trail"),
    ("audit_seals", "is the trail"),
    ("email_changes", "its steps are events"),
    ("email_verification_tokens", "one-time, its use is an event"),
    ("events", "is a log"),
    ("job_attempts", "is a log"),
    ("jobs", "is a log"),
    ("mfa_challenges", "in flight, the session that it ends in is on record"),
    ("mfa_state", "counts wrong answers, each a security event"),
    ("one_time_tokens", "their use is an event"),
    ("outbox", "in flight, jobs keep its record"),
    ("passkey_ceremonies", "which challenges were answered, for minutes"),
    ("password_reset_tokens", "one-time, its use is an event"),
    ("permissions", "changes by migration alone"),
    ("rls_violations", "is the trail"),
    ("security_events", "is the trail"),
    ("sessions", "user_activity and events keep its record"),
    ("sms_codes", "one-time, its use is an event"),
    ("user_activity", "is the trail"),
    ("user_preferences", "nobody's business but the user's"),
    ("webhook_deliveries", "is a log"),
];

#[test]
fn every_table_is_audited_or_excused() {
    with_db(async |db| {
        let sql = "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND c.relname <> '_sqlx_migrations' AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'audit') ORDER BY 1";
        let client = db.superuser().await;
        let unaudited: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(unaudited, UNAUDITED.iter().map(|(table, _)| (*table).to_owned()).collect::<Vec<_>>());
    });
}

const TRAIL: [&str; 6] = ["audit_logs", "user_activity", "security_events", "rls_violations", "admin_actions", "audit_seals"];

#[test]
fn the_trail_is_append_only_for_every_role() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "SELECT format('%s %s %s', r.rolname, c.relname, p) FROM pg_class c, pg_roles r, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) p
            WHERE r.rolname IN ('zygo_app', 'zygo_platform', 'zygo_lookup') AND c.relnamespace = 'public'::regnamespace
              AND c.relname ~ ('^(' || $1 || ')') AND c.relkind IN ('r', 'p') AND has_table_privilege(r.oid, c.oid, p)";
        let may: Vec<String> = client.query(sql, &[&TRAIL.join("|")]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert!(may.is_empty(), "{may:?}");
        for (role, table, verb) in [
            ("zygo_app", "audit_logs", "INSERT"),
            ("zygo_platform", "audit_logs", "INSERT"),
            ("zygo_app", "audit_seals", "INSERT"),
            ("zygo_app", "admin_actions", "SELECT"),
        ] {
            let may: bool = client.query_one("SELECT has_table_privilege($1, $2, $3)", &[&role, &table, &verb]).await.unwrap().get(0);
            assert!(!may, "{role} {verb} {table}");
        }
        for role in ["zygo_app", "zygo_platform"] {
            let connection = db.role(role).await;
            connection.batch_execute("SELECT set_config('app.platform_reason', 'test', false)").await.unwrap();
            for table in TRAIL {
                for sql in [format!("UPDATE {table} SET tenant_id = tenant_id"), format!("DELETE FROM {table}"), format!("TRUNCATE {table}")] {
                    let error = connection.batch_execute(&sql).await.expect_err(&sql);
                    assert_eq!(error.code().unwrap().code(), "42501", "{sql} as {role}");
                }
            }
        }
    });
}

/// The owner of the tables has the right to delete; forced row-level security leaves it nothing to delete.
#[test]
fn even_the_owner_of_the_tables_reaches_no_row() {
    with_db(async |db| {
        let app = db.app().await;
        tenant(&app, "acme").await;
        let owner = db.role("zygo_owner").await;
        for sql in ["DELETE FROM audit_logs", "UPDATE users SET email = 'x@example.com'"] {
            assert_eq!(owner.execute(sql, &[]).await.unwrap(), 0, "{sql}");
        }
    });
}

#[test]
fn partitions_are_made_ahead_and_once() {
    with_db(async |db| {
        let client = db.role("zygo_platform").await;
        let made: i32 = client.query_one("SELECT make_audit_partitions('2031-03-15', 2)", &[]).await.unwrap().get(0);
        assert_eq!(made, 10);
        let again: i32 = client.query_one("SELECT make_audit_partitions('2031-03-15', 2)", &[]).await.unwrap().get(0);
        assert_eq!(again, 0);
        let superuser = db.superuser().await;
        let sql = "INSERT INTO audit_logs (id, tenant_id, actor, action, resource_type, created_at)
            SELECT gen_random_uuid(), id, 'test', 'test', 'test', at FROM tenants, unnest(ARRAY['2031-04-30 23:59:59.999Z', '2031-05-01 00:00Z']::timestamptz[]) at
            RETURNING tableoid::regclass::text";
        let places: Vec<String> = superuser.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(places, ["audit_logs_2031_04", "audit_logs_default"]);
        let refused = db.role("zygo_app").await.query_one("SELECT make_audit_partitions('2031-03-15', 2)", &[]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501");
    });
}

#[test]
fn security_events_are_kept_with_and_without_a_person() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        for (tenant_id, user_id) in [(acme, Some(owner)), (acme, None), (TenantId::PLATFORM, Some(owner)), (TenantId::PLATFORM, None)] {
            let event = SecurityEvent {
                id: new_id(),
                tenant_id,
                user_id,
                kind: "token.tenant_mismatch".to_owned(),
                ip: None,
                details: json!({}),
                now: now(),
            };
            one_trip(&app, audit::record_security_event(&app, &lookup(), &event)).await.unwrap();
        }
        let count: i64 = db.superuser().await.query_one("SELECT count(*) FROM security_events", &[]).await.unwrap().get(0);
        assert_eq!(count, 4);
    });
}

#[test]
fn a_read_of_another_tenants_row_is_recorded_and_one_of_nothing_is_not() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let (_, globex) = tenant(&app, "globex").await;
        let scope = TenantScope::new(acme, Some(owner), "r", Actor::User(owner));
        let probe =
            async |table: &str, id: uuid::Uuid| one_trip(&app, audit::record_foreign_read(&app, &scope, table, id, new_id(), now())).await.unwrap();
        let client = db.superuser().await;
        let role_of = async |tenant: TenantId| -> uuid::Uuid {
            client.query_one("SELECT id FROM roles WHERE tenant_id = $1 LIMIT 1", &[&tenant.uuid()]).await.unwrap().get(0)
        };
        assert!(probe("tenants", globex.uuid()).await);
        assert!(probe("roles", role_of(globex).await).await);
        assert!(!probe("tenants", acme.uuid()).await);
        assert!(!probe("roles", role_of(acme).await).await);
        assert!(!probe("roles", new_id()).await);
        let violation = Violation { id: new_id(), operation: Operation::Update, table: "roles", row_id: None, now: now() };
        one_trip(&app, audit::record_rls_violation(&app, &scope, &violation)).await.unwrap();
        let rows = client
            .query(
                "SELECT table_name, operation FROM rls_violations v JOIN security_events e USING (id, tenant_id) WHERE tenant_id = $1 ORDER BY 1, 2",
                &[&acme.uuid()],
            )
            .await
            .unwrap();
        let kept: Vec<(&str, &str)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(kept, [("roles", "select"), ("roles", "update"), ("tenants", "select")]);
    });
}
