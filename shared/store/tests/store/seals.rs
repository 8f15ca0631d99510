//! Seals over the audit trail: made over what is final, and no tampering fits them. And rows go when, and only when, they may.

use tokio_postgres::Client;
use zygo_core::{
    audit::chain::{Entry, Fault, Seal, Stretch, Verifier},
    id::TenantId,
};
use zygo_store::{Db, audit};

use crate::{
    fixture::tenant,
    harness::{TestDb, new_id, now, one_trip, platform, with_db},
};

/// Seals until there was something to seal: a transaction in any database of the server keeps marks from being final.
async fn seal_all(db: &TestDb, store: &Db) -> usize {
    for _ in 0..1000 {
        match seal_once(db, store).await {
            0 => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            made => return made,
        }
    }
    panic!("nothing became final");
}

/// What the hourly run and its jobs do; answers how many seals were made.
async fn seal_once(db: &TestDb, store: &Db) -> usize {
    one_trip(store, audit::mark(store, &platform())).await.unwrap();
    let owed = one_trip(store, audit::owe_seals(store, &platform(), now())).await.unwrap();
    let client = db.superuser().await;
    let mut made = 0;
    for job in &owed {
        let through: i64 =
            client.query_one("SELECT (payload ->> 'through')::bigint FROM outbox WHERE id = $1", &[&job.id.uuid()]).await.unwrap().get(0);
        loop {
            let (last, rows) = one_trip(store, audit::unsealed(store, &platform(), job.tenant_id, through, 4)).await.unwrap();
            if rows.is_empty() {
                break;
            }
            let seal = stretch(job.tenant_id, &rows).seal(last.as_ref(), 0, now());
            assert!(one_trip(store, audit::add_seal(store, &platform(), &seal, new_id())).await.unwrap().is_some());
            made += 1;
        }
    }
    made
}

fn stretch(tenant_id: TenantId, rows: &[Entry]) -> Stretch {
    let mut stretch = Stretch::new(tenant_id);
    rows.iter().for_each(|row| stretch.push(row));
    stretch
}

async fn chain(store: &Db, tenant_id: TenantId) -> Vec<Seal> {
    let mut seals = Vec::new();
    while let Some(seal) = audit::seal(store, &platform(), tenant_id, i64::try_from(seals.len()).unwrap() + 1).await.unwrap() {
        seals.push(seal);
    }
    seals
}

/// Reads the rows as the sealing read them, whatever is sealed by now.
async fn rows(client: &Client, tenant_id: TenantId, first: i64, last: i64) -> Vec<Entry> {
    let sql = "SELECT seq, id, actor, user_id, action, resource_type, resource_id, before::text, after::text, request_id, ip, created_at
        FROM audit_logs WHERE tenant_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq";
    let rows = client.query(sql, &[&tenant_id.uuid(), &first, &last]).await.unwrap();
    rows.iter()
        .map(|row| Entry {
            seq: row.get(0),
            id: row.get(1),
            actor: row.get(2),
            user_id: row.get(3),
            action: row.get(4),
            resource_type: row.get(5),
            resource_id: row.get(6),
            before: row.get(7),
            after: row.get(8),
            request_id: row.get(9),
            ip: row.get(10),
            at_micros: row.get::<_, jiff::Timestamp>(11).as_microsecond(),
        })
        .collect()
}

async fn faults(db: &TestDb, store: &Db, tenant_id: TenantId) -> Vec<(i64, Fault)> {
    let client = db.superuser().await;
    let seals = chain(store, tenant_id).await;
    let mut verifier = Verifier::new(seals.last().map_or(0, |seal| seal.expired_through));
    for (place, seal) in seals.iter().enumerate() {
        let rows = rows(&client, tenant_id, seal.first_seq, seal.last_seq).await;
        let is_last = seals[place + 1..].iter().all(|later| later.row_count == 0);
        verifier.check(seal, stretch(tenant_id, &rows), is_last);
    }
    verifier.faults
}

async fn add_rows(client: &Client, tenant_id: TenantId, count: i32) {
    let sql = "INSERT INTO audit_logs (id, tenant_id, actor, action, resource_type, after) \
               SELECT gen_random_uuid(), $1, 'test', 'things.insert', 'things', jsonb_build_object('n', n) FROM generate_series(1, $2) n";
    client.execute(sql, &[&tenant_id.uuid(), &count]).await.unwrap();
}

async fn rows_of(client: &Client, tenant_id: TenantId) -> i64 {
    client.query_one("SELECT count(*) FROM audit_logs WHERE tenant_id = $1", &[&tenant_id.uuid()]).await.unwrap().get(0)
}

/// A tenant whose trail is sealed: at least three seals, the last of them over less than it could hold.
async fn sealed(db: &TestDb) -> (Db, Client, TenantId) {
    let (_, acme) = tenant(&db.app().await, "acme").await;
    let (store, client) = (db.platform().await, db.superuser().await);
    add_rows(&client, acme, 7).await;
    // At least three of this tenant, whichever marks became final when.
    while chain(&store, acme).await.iter().map(|seal| seal.row_count).sum::<i64>() < rows_of(&client, acme).await {
        seal_all(db, &store).await;
    }
    assert!(chain(&store, acme).await.len() >= 3);
    assert_eq!(faults(db, &store, acme).await, []);
    (store, client, acme)
}

#[test]
fn the_chain_grows_and_what_was_not_touched_fits() {
    with_db(async |db| {
        let (store, client, acme) = sealed(db).await;
        let before = chain(&store, acme).await;
        assert_eq!(seal_once(db, &store).await, 0, "nothing new, nothing sealed");
        add_rows(&client, acme, 2).await;
        assert_eq!(seal_all(db, &store).await, 1);
        let after = chain(&store, acme).await;
        assert_eq!(after[..before.len()], before);
        let (one, two) = (&after[before.len() - 1], &after[before.len()]);
        assert_eq!((two.number, two.first_seq, two.row_count, two.previous_hash), (one.number + 1, one.last_seq + 1, 2, Some(one.hash)));
        assert_eq!(faults(db, &store, acme).await, []);
        let unsealed: i64 = client
            .query_one("SELECT count(*) FROM audit_logs a WHERE seq > (SELECT coalesce(max(last_seq), 0) FROM audit_seals s WHERE s.tenant_id = a.tenant_id)", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(unsealed, 0, "the platform's own trail is sealed too");
        let owed: i64 = client.query_one("SELECT count(*) FROM outbox WHERE kind = 'audit.archive'", &[]).await.unwrap().get(0);
        let seals: i64 = client.query_one("SELECT count(*) FROM audit_seals", &[]).await.unwrap().get(0);
        assert_eq!(owed, seals, "each seal owes its copy");
    });
}

#[test]
fn an_edited_row_shows() {
    with_db(async |db| {
        let (store, client, acme) = sealed(db).await;
        let edit = "UPDATE audit_logs SET actor = 'user:somebody' WHERE seq = (SELECT min(seq) FROM audit_logs WHERE tenant_id = $1)";
        assert_eq!(client.execute(edit, &[&acme.uuid()]).await.unwrap(), 1);
        assert_eq!(faults(db, &store, acme).await, [(1, Fault::Edited)]);
    });
}

#[test]
fn a_deleted_row_shows() {
    with_db(async |db| {
        let (store, client, acme) = sealed(db).await;
        let delete = "DELETE FROM audit_logs WHERE seq = (SELECT first_seq FROM audit_seals WHERE tenant_id = $1 AND number = 2)
            OR seq = (SELECT min(seq) FROM audit_logs WHERE tenant_id = $1)";
        let gone = client.execute(delete, &[&acme.uuid()]).await.unwrap();
        let found = faults(db, &store, acme).await;
        assert!(gone >= 1 && found.iter().all(|(_, fault)| *fault == Fault::Deleted { missing: 1 }) && !found.is_empty(), "{found:?}");
    });
}

#[test]
fn reordered_rows_show() {
    with_db(async |db| {
        let (store, client, acme) = sealed(db).await;
        client.batch_execute("ALTER TABLE audit_logs ALTER COLUMN seq DROP IDENTITY").await.unwrap();
        let swap = "WITH two AS (SELECT seq, row_number() OVER (ORDER BY seq) AS n FROM audit_logs WHERE tenant_id = $1 ORDER BY seq LIMIT 2)
            UPDATE audit_logs a SET seq = (SELECT other.seq FROM two other WHERE other.seq <> a.seq) FROM two WHERE a.seq = two.seq";
        assert_eq!(client.execute(swap, &[&acme.uuid()]).await.unwrap(), 2);
        assert_eq!(faults(db, &store, acme).await, [(1, Fault::Reordered)]);
    });
}

#[test]
fn a_cut_off_end_shows_with_and_without_its_seal() {
    with_db(async |db| {
        let (store, client, acme) = sealed(db).await;
        let copies = chain(&store, acme).await;
        let last = copies.last().unwrap();
        let cut = "DELETE FROM audit_logs WHERE tenant_id = $1 AND seq >= $2";
        assert!(client.execute(cut, &[&acme.uuid(), &last.last_seq]).await.unwrap() >= 1);
        let found = faults(db, &store, acme).await;
        assert!(matches!(found[..], [(number, Fault::CutOff { .. })] if number == last.number), "{found:?}");
        // With the seal, only the copy can tell.
        client.execute(cut, &[&acme.uuid(), &last.first_seq]).await.unwrap();
        client.execute("DELETE FROM audit_seals WHERE tenant_id = $1 AND number = $2", &[&acme.uuid(), &last.number]).await.unwrap();
        assert_eq!(faults(db, &store, acme).await, []);
        let mut verifier = Verifier::new(0);
        let left = chain(&store, acme).await;
        for seal in &left {
            verifier.check(seal, stretch(acme, &rows(&client, acme, seal.first_seq, seal.last_seq).await), false);
        }
        for copy in &copies {
            verifier.check_copy(copy, left.iter().find(|seal| seal.number == copy.number));
        }
        assert_eq!(verifier.faults, [(last.number, Fault::CutOff { after: last.number - 1 })]);
    });
}

/// A transaction that took its place before, and commits after, the marks were looked at.
#[test]
fn what_is_not_over_yet_is_not_passed_by() {
    with_db(async |db| {
        let (store, client, acme) = sealed(db).await;
        let slow = db.superuser().await;
        slow.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
        add_rows(&slow, acme, 1).await;
        add_rows(&client, acme, 1).await;
        for _ in 0..5 {
            assert_eq!(seal_once(db, &store).await, 0, "somebody below is still writing");
        }
        slow.batch_execute("COMMIT").await.unwrap();
        assert_eq!(seal_all(db, &store).await, 1);
        assert_eq!(chain(&store, acme).await.last().unwrap().row_count, 2, "both, in their order");
        assert_eq!(faults(db, &store, acme).await, []);
    });
}

#[test]
fn a_chain_does_not_fork() {
    with_db(async |db| {
        let (store, client, acme) = sealed(db).await;
        add_rows(&client, acme, 3).await;
        let (last, rows) = audit::unsealed(&store, &platform(), acme, i64::MAX, 10).await.unwrap();
        let mut stores = Vec::new();
        for _ in 0..20 {
            stores.push(db.platform().await);
        }
        let adds = stores.iter().enumerate().map(async |(n, store)| {
            let seal = stretch(acme, &rows[..1 + n % 3]).seal(last.as_ref(), 0, now());
            audit::add_seal(store, &platform(), &seal, new_id()).await.unwrap().is_some()
        });
        let won = futures::future::join_all(adds).await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1);
        assert_eq!(faults(db, &store, acme).await, []);
    });
}

#[test]
fn rows_go_when_their_seal_says_so_and_not_within_thirty_days() {
    with_db(async |db| {
        let (_, acme) = tenant(&db.app().await, "acme").await;
        let (store, client) = (db.platform().await, db.superuser().await);
        client.batch_execute("SELECT make_audit_partitions((current_date - 100), 4)").await.unwrap();
        let old = "INSERT INTO audit_logs (id, tenant_id, actor, action, resource_type, created_at)
            SELECT gen_random_uuid(), $1, 'test', 'old', 'old', now() - interval '40 days' FROM generate_series(1, 5)";
        client.execute(old, &[&acme.uuid()]).await.unwrap();
        for (table, column, value) in [("user_activity", "action", "x"), ("security_events", "kind", "x"), ("rls_violations", "operation", "select")]
        {
            let more = if table == "rls_violations" { ", table_name" } else { "" };
            let values = if table == "rls_violations" { ", 'x'" } else { "" };
            let sql = format!(
                "INSERT INTO {table} (id, tenant_id, user_id, {column}{more}, created_at)
                 SELECT gen_random_uuid(), $1, gen_random_uuid(), '{value}'{values}, now() - d * interval '1 day' FROM unnest(ARRAY[40, 40, 3]) d"
            );
            client.execute(&sql, &[&acme.uuid()]).await.unwrap();
        }
        let before = now().plus_seconds(-31 * 86_400);
        let left = async |table: &str| -> i64 {
            client
                .query_one(&format!("SELECT count(*) FROM {table} WHERE tenant_id = $1 AND created_at < now() - interval '20 days'"), &[&acme.uuid()])
                .await
                .unwrap()
                .get(0)
        };
        // No seal has declared the changes gone; the rest need none.
        assert_eq!(one_trip(&store, audit::expire(&store, &platform(), acme, before, 1)).await.unwrap(), 1);
        assert_eq!((left("audit_logs").await, left("user_activity").await), (5, 1));
        assert_eq!(one_trip(&store, audit::expire(&store, &platform(), acme, before, 100)).await.unwrap(), 1);
        assert_eq!((left("user_activity").await, left("security_events").await, left("rls_violations").await), (0, 0, 0));
        while chain(&store, acme).await.iter().map(|seal| seal.row_count).sum::<i64>() < rows_of(&client, acme).await {
            seal_all(db, &store).await;
        }
        // The seals are younger than the rows: as if they had been made when the rows were.
        let (through, last) = one_trip(&store, audit::expirable(&store, &platform(), acme, now().plus_seconds(60))).await.unwrap();
        let last = last.unwrap();
        assert_eq!(through, last.last_seq);
        let declared = Stretch::new(acme).seal(Some(&last), through, now());
        audit::add_seal(&store, &platform(), &declared, new_id()).await.unwrap();
        assert_eq!(one_trip(&store, audit::expire(&store, &platform(), acme, before, 100)).await.unwrap(), 5);
        assert_eq!(left("audit_logs").await, 0);
        assert_eq!(faults(db, &store, acme).await, [], "what expired may be gone");
        // Whatever it is told, nothing younger goes.
        let all: i64 = client.query_one("SELECT count(*) FROM audit_logs", &[]).await.unwrap().get(0);
        assert_eq!(one_trip(&store, audit::expire(&store, &platform(), acme, now().plus_seconds(86_400), 1000)).await.unwrap(), 0);
        assert_eq!(client.query_one("SELECT count(*) FROM audit_logs", &[]).await.unwrap().get::<_, i64>(0), all);
        let refused = db.role("zygo_app").await.query_one("SELECT expire_trail($1, now(), 1)", &[&acme.uuid()]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501");
    });
}

#[test]
fn removal_is_owed_by_plan_and_by_arrangement() {
    with_db(async |db| {
        let (app, store, client) = (db.app().await, db.platform().await, db.superuser().await);
        client.batch_execute("SELECT make_audit_partitions((current_date - 100), 4)").await.unwrap();
        let mut tenants = Vec::new();
        for (slug, plan, own) in [("free", "free", None), ("paid", "pro", None), ("brief", "pro", Some("35")), ("young", "free", None)] {
            let (_, id) = tenant(&app, slug).await;
            client.execute("UPDATE tenants SET plan = $2 WHERE id = $1", &[&id.uuid(), &plan]).await.unwrap();
            if let Some(days) = own {
                let sql = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (gen_random_uuid(), $1, 'audit_retention_days', $2::text::jsonb)";
                client.execute(sql, &[&id.uuid(), &days]).await.unwrap();
            }
            if slug != "young" {
                let old = "INSERT INTO user_activity (id, tenant_id, user_id, action, created_at) VALUES (gen_random_uuid(), $1, $1, 'x', now() - interval '40 days')";
                client.execute(old, &[&id.uuid()]).await.unwrap();
            }
            tenants.push(id);
        }
        let mut owed = Vec::new();
        let mut after = TenantId::PLATFORM;
        while let Some(row) = one_trip(&store, audit::owe_expiry(&store, &platform(), after, 1, now())).await.unwrap().pop() {
            after = row.tenant_id;
            owed.push(row.tenant_id);
        }
        let mut expected = vec![tenants[0], tenants[2]];
        expected.sort();
        assert_eq!(owed, expected);
        let (plan, own) = one_trip(&store, audit::kept(&store, &platform(), tenants[2], now())).await.unwrap().unwrap();
        assert_eq!((plan.as_str(), own), ("pro", Some(serde_json::json!(35))));
        audit::record_admin_action(&store, &platform(), tenants[0], "audit retention", &serde_json::json!({ "n": 1 }), now()).await.unwrap();
        let kept: i64 = client.query_one("SELECT count(*) FROM admin_actions WHERE reason = 'audit retention'", &[]).await.unwrap().get(0);
        assert_eq!(kept, 1);
    });
}
