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
    ("audit_marks", "of the sealing job"),
    ("audit_seals", "is the trail"),
    ("email_changes", "its steps are events"),
    ("email_verification_tokens", "one-time, its use is an event"),
    ("events", "is a log"),
    ("job_attempts", "is a log"),
    ("jobs", "is a log"),
    ("mail_reports", "which reports were heard, for days"),
    ("mail_suppressions", "hashes of addresses, each from a report; users has whom it concerns"),
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
    ("streams", "who is connected, for minutes"),
    ("user_activity", "is the trail"),
    ("user_preferences", "nobody's business but the user's"),
    ("webhook_attempts", "is a log"),
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
        // What plans keep no longer goes by one function, which nobody but the platform's job may call.
        let expiring = ["audit_logs", "user_activity", "security_events", "rls_violations"].map(|table| format!("zygo_lookup {table} DELETE"));
        assert!(may.iter().all(|right| expiring.contains(right)) && may.len() == expiring.len(), "{may:?}");
        let deleting =
            "SELECT p.proname::text FROM pg_proc p WHERE p.proowner = 'zygo_lookup'::regrole AND p.prosrc ~ ('DELETE FROM (%I|' || $1 || ')')";
        let deleting: Vec<String> = client.query(deleting, &[&TRAIL.join("|")]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(deleting, ["expire_trail"]);
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
        let probe = async |table: &str, id: uuid::Uuid| {
            one_trip(&app, audit::record_foreign_read(&app, &scope, table, id, "GET /test", new_id(), now())).await.unwrap()
        };
        let client = db.superuser().await;
        let role_of = async |tenant: TenantId| -> uuid::Uuid {
            client.query_one("SELECT id FROM roles WHERE tenant_id = $1 LIMIT 1", &[&tenant.uuid()]).await.unwrap().get(0)
        };
        assert!(probe("tenants", globex.uuid()).await);
        assert!(probe("roles", role_of(globex).await).await);
        assert!(!probe("tenants", acme.uuid()).await);
        assert!(!probe("roles", role_of(acme).await).await);
        assert!(!probe("roles", new_id()).await);
        let violation = Violation {
            id: new_id(),
            operation: Operation::Update,
            table: "roles".to_owned(),
            row_id: None,
            route: "PATCH /test".to_owned(),
            now: now(),
        };
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

/// What an audit row may say although its name or type looks like a secret, each with its reason.
const NO_SECRET: &[(&str, &str)] = &[
    ("passkeys.credential_id", "a public identifier, the authenticator shows it to anybody"),
    ("passkeys.public_key", "public"),
    ("tenant_settings.password_min_length", "a rule"),
    ("webhooks.previous_secret_until", "a time"),
    ("webhooks.secret_shown_at", "a time"),
];

/// Every column of every table that a trigger audits: written with a row, changed and removed, and looked for in the trail.
#[test]
fn nothing_that_looks_like_a_secret_is_in_the_trail() {
    with_db(async |db| {
        let client = db.superuser().await;
        let all = crate::rows::tables(&client).await;
        let party = crate::rows::party(&client, &all).await;
        let audited = "SELECT c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'audit' ORDER BY 1";
        let names: Vec<String> = client.query(audited, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert!(names.len() > 20, "{names:?}");
        let mut exposed = std::collections::BTreeSet::new();
        for name in &names {
            let table = &all[name];
            let row = crate::rows::values(&client, &all, table, party).await;
            // These are there: the party's own, and the membership that other rows came with.
            if !matches!(name.as_str(), "tenants" | "users" | "user_roles") {
                crate::rows::insert(&client, name, &row).await.unwrap_or_else(|error| panic!("a row of {name}: {error:?}"));
            }
            let trail = "SELECT before, after FROM audit_logs WHERE resource_type = $1";
            let rows = client.query(trail, &[&name]).await.unwrap();
            assert!(!rows.is_empty(), "{name} leaves no trail");
            let shown: Vec<String> = rows
                .iter()
                .flat_map(|row| [row.get::<_, Option<Value>>(0), row.get(1)])
                .flatten()
                .flat_map(|row| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>())
                .collect();
            for column in &table.columns {
                let looks = column.kind.starts_with("bytea")
                    || ["hash", "secret", "sealed", "token", "password", "headers", "private"].iter().any(|word| column.name.contains(word));
                if looks && shown.contains(&column.name) {
                    exposed.insert(format!("{name}.{}", column.name));
                }
            }
        }
        let excused: std::collections::BTreeSet<String> = NO_SECRET.iter().map(|(column, _)| (*column).to_owned()).collect();
        assert_eq!(exposed, excused);
    });
}

#[test]
fn the_address_and_the_request_are_on_record() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let patch = identity::ProfilePatch { first_name: Some(Some("Augusta".to_owned())), ..Default::default() };
        let scope = lookup().from_address("2001:db8::7");
        one_trip(&app, identity::update_profile(&app, &scope, user, &patch, None)).await.unwrap();
        let long = lookup().from_address(&"x".repeat(200));
        let patch = identity::ProfilePatch { first_name: Some(Some("Ada".to_owned())), ..Default::default() };
        one_trip(&app, identity::update_profile(&app, &long, user, &patch, None)).await.unwrap();
        let client = db.superuser().await;
        let sql = "SELECT ip FROM audit_logs WHERE action = 'users.update' ORDER BY seq";
        let kept: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(kept, ["2001:db8::7".to_owned(), "x".repeat(45)]);
    });
}

#[test]
fn how_grave_an_event_is_follows_from_its_kind() {
    with_db(async |db| {
        let client = db.superuser().await;
        let sql = "INSERT INTO security_events (id, tenant_id, kind, severity) SELECT gen_random_uuid(), id, $1, coalesce($2, 'warning') FROM tenants RETURNING severity";
        for (kind, given, expected) in [
            ("rls.violation", None, "critical"),
            ("session.refresh_token_reused", None, "critical"),
            ("sign_in.failed", None, "info"),
            ("sign_in.failed", Some("critical"), "critical"),
            ("something.else", None, "warning"),
        ] {
            let severity: String = client.query_one(sql, &[&kind, &given]).await.unwrap().get(0);
            assert_eq!(severity, expected, "{kind}");
        }
    });
}

/// The plan of each way to ask, on a table that is large enough for the planner to mind: the index of the filter, in the list's
/// order, and never the table from end to end.
#[test]
fn no_way_to_ask_reads_the_whole_trail() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        tenant(&app, "globex").await;
        let client = db.superuser().await;
        let fill = "INSERT INTO audit_logs (id, tenant_id, actor, user_id, action, resource_type, resource_id, created_at)
            SELECT gen_random_uuid(), t.id, 'user:' || n % 50, $1, 'roles.' || n % 5, 'roles' || n % 5, gen_random_uuid(), now() - n * interval '3 seconds'
            FROM tenants t, generate_series(1, 20000) n";
        client.execute(fill, &[&owner.uuid()]).await.unwrap();
        let fill = "INSERT INTO security_events (id, tenant_id, kind, user_id, created_at)
            SELECT gen_random_uuid(), t.id, 'kind.' || n % 9, $1, now() - n * interval '3 seconds' FROM tenants t, generate_series(1, 20000) n";
        client.execute(fill, &[&owner.uuid()]).await.unwrap();
        let fill = "INSERT INTO user_activity (id, tenant_id, user_id, action, created_at)
            SELECT gen_random_uuid(), t.id, $1, 'signed_in', now() - n * interval '3 seconds' FROM tenants t, generate_series(1, 20000) n";
        client.execute(fill, &[&owner.uuid()]).await.unwrap();
        client.batch_execute("ANALYZE audit_logs, security_events, user_activity").await.unwrap();
        let worker = db.role("zygo_app").await;
        worker
            .batch_execute(&format!("SELECT set_config('app.tenant_id', '{acme}', false), set_config('app.user_id', '{owner}', false)"))
            .await
            .unwrap();
        let ways = [
            ("audit.changes", "NULL, NULL, NULL, NULL, '1970-01-01', '9000-01-01'", "_list"),
            ("audit.changes", "'user:7', NULL, NULL, NULL, '1970-01-01', '9000-01-01'", "_actor"),
            ("audit.changes", "NULL, 'roles.1', NULL, NULL, '1970-01-01', '9000-01-01'", "_action"),
            ("audit.changes", "NULL, NULL, 'roles1', NULL, '1970-01-01', '9000-01-01'", "_type"),
            ("audit.changes", "NULL, NULL, NULL, gen_random_uuid(), '1970-01-01', '9000-01-01'", "_resource"),
            ("audit.changes", "'nobody', 'nothing', NULL, NULL, now() - interval '1 hour', now()", "_"),
            ("audit.events", "NULL, NULL, NULL, '1970-01-01', '9000-01-01'", "_list"),
            ("audit.events", "'kind.3', NULL, NULL, '1970-01-01', '9000-01-01'", "_kind"),
            ("audit.events", "NULL, 'critical', NULL, '1970-01-01', '9000-01-01'", "_severity"),
            ("audit.events", "NULL, NULL, gen_random_uuid(), '1970-01-01', '9000-01-01'", "_user"),
        ];
        let ways = ways.map(|(name, arguments, index)| (name, format!("{arguments}, '9000-01-01', gen_random_uuid(), 21"), index));
        let activity = ("audit.activity", format!("'{owner}', '9000-01-01', gen_random_uuid(), 21"), "_list");
        for (name, arguments, index) in ways.into_iter().chain([activity]) {
            let statement = zygo_store::statements().into_iter().find(|statement| statement.name == name).unwrap();
            let types: Vec<&str> = statement.params.iter().map(tokio_postgres::types::Type::name).collect();
            worker.batch_execute(&format!("PREPARE way ({}) AS {}", types.join(", "), statement.sql)).await.unwrap();
            let plan = worker.query(&format!("EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) EXECUTE way ({arguments})"), &[]).await.unwrap();
            worker.batch_execute("DEALLOCATE way").await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            let plan = plan.join("\n");
            // An empty partition costs nothing, however it is read; nor does what was never looked at.
            let whole =
                plan.lines().filter(|line| line.contains("Seq Scan")).find(|line| !line.contains("rows=0.00") && !line.contains("never executed"));
            assert!(whole.is_none(), "{name} ({arguments}):\n{plan}");
            let removed = plan.lines().filter_map(|line| line.trim().strip_prefix("Rows Removed by Filter: ")?.parse::<u64>().ok()).max();
            assert!(removed.unwrap_or(0) < 2_000, "{name} ({arguments}):\n{plan}");
            assert!(plan.lines().any(|line| line.contains("Index") && line.contains("using")), "{name} {index}:\n{plan}");
        }
    });
}

#[test]
fn a_refusal_says_what_was_refused() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        db.superuser().await.batch_execute("REVOKE UPDATE (first_name) ON users FROM zygo_app").await.unwrap();
        let patch = identity::ProfilePatch { first_name: Some(Some("Augusta".to_owned())), ..Default::default() };
        let Err(zygo_store::StoreError::Forbidden { table, operation, .. }) = identity::update_profile(&app, &lookup(), user, &patch, None).await
        else {
            panic!("it went through")
        };
        assert_eq!((table.as_str(), operation), ("users", Operation::Update));
    });
}
