//! Events on their way out: fanned out in their transaction, taken in turns, settled together.

use zygo_core::{
    events::{event, webhook::filter::EventFilter},
    id::{TenantId, UserId, WebhookId},
    tenancy::plan::Feature,
};
use zygo_store::{
    Actor, Db, TenantScope,
    events::{self, Claimed, NewEndpoint, Outcome, Settled},
};

use crate::{
    fixture::tenant,
    harness::{TestDb, new_id, now, one_trip, platform, with_db},
};

fn described(filters: &[&str]) -> NewEndpoint {
    NewEndpoint {
        id: new_id(),
        url: "https://example.com/hook".to_owned(),
        description: None,
        filters: filters.iter().map(|filter| (*filter).to_owned()).collect(),
        headers_sealed: None,
        header_names: Vec::new(),
        rate_per_second: None,
        ordered: false,
        secret_sealed: b"sealed".to_vec(),
        public_key: None,
        enabled: true,
    }
}

fn scope(tenant: TenantId, user: UserId) -> TenantScope {
    TenantScope::new(tenant, Some(user), "req-test", Actor::User(user))
}

async fn endpoint(db: &Db, scope: &TenantScope, new: &NewEndpoint) -> WebhookId {
    events::create_endpoint(db, scope, new, &Feature::Webhooks.by_plan(), 500, now()).await.unwrap().expect("the plan has room");
    new.id
}

async fn happen(db: &TestDb, tenant: TenantId, count: i64) {
    let insert = "INSERT INTO events (id, tenant_id, type, data, occurred_at) SELECT make_uuid_v7($3), $1, 'tenant.updated', \
                  jsonb_build_object('tenant_id', $1::uuid, 'version', n), $3 - ($2 - n) * interval '1 millisecond' FROM generate_series(1, $2::bigint) n";
    let at: jiff::Timestamp = now().into();
    db.superuser().await.execute(insert, &[&tenant.uuid(), &count, &at]).await.unwrap();
}

fn arrived(claimed: &Claimed, outcome: Outcome) -> Settled {
    Settled { id: claimed.id, outcome, error: None, status: Some(200), head: Some("ok".to_owned()), latency_ms: 7, attempted_at: now() }
}

#[test]
fn the_databases_rule_of_filters_is_the_domains() {
    with_db(async |db| {
        let client = db.superuser().await;
        let filters = ["*", "user.*", "user.inv*", "user.invited", "tenant.updated", "t*"];
        for filter in filters {
            let parsed = EventFilter::parse(filter).unwrap();
            for name in event::NAMES {
                let wants: bool = client.query_one("SELECT wants_event(ARRAY['nobody', $1], $2)", &[&filter, name]).await.unwrap().get(0);
                assert_eq!(wants, parsed.wants(name), "{filter} {name}");
            }
        }
    });
}

#[test]
fn an_event_is_owed_to_each_endpoint_that_wants_it_and_whoever_commits_knows() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, id) = tenant(&app, "acme").await;
        let scope = scope(id, owner);
        let wants = endpoint(&app, &scope, &described(&["webhook.*"])).await;
        let _other = endpoint(&app, &scope, &described(&["user.*"])).await;
        drop(app.take_owed());
        let change = events::Change { description: Some(Some("x".to_owned())), ..Default::default() };
        one_trip(&app, events::update_endpoint(&app, &scope, wants, &change, now())).await.unwrap();
        assert_eq!(app.take_owed().endpoints, [wants], "who is owed comes back with the commit");
        assert!(app.take_owed().is_empty());
        events::endpoint(&app, &scope, wants).await.unwrap();
        assert!(app.take_owed().is_empty(), "a read owes nothing");
    });
}

#[test]
fn a_turn_settles_and_claims_in_one_round_trip() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let (owner, id) = tenant(&app, "acme").await;
        let hook = endpoint(&app, &scope(id, owner), &described(&["tenant.updated"])).await;
        happen(db, id, 5).await;
        let (_, first) = one_trip(&jobs, events::turn(&jobs, &platform(), hook, &[], 3, now())).await.unwrap().unwrap();
        assert_eq!(first.len(), 3);
        let later = now().plus_seconds(60);
        let settled =
            [arrived(&first[0], Outcome::Delivered), arrived(&first[1], Outcome::Failing(later)), arrived(&first[2], Outcome::Postponed(later))];
        let (target, rest) = one_trip(&jobs, events::turn(&jobs, &platform(), hook, &settled, 10, now())).await.unwrap().unwrap();
        assert_eq!(rest.len(), 2, "what is settled is not claimed again");
        assert!(!rest.iter().any(|one| first.iter().any(|other| other.id == one.id)));
        assert_eq!(target.tenant_id, id);
        let client = db.superuser().await;
        let counts = "SELECT (SELECT count(*) FROM webhook_attempts), (SELECT count(*) FROM webhook_deliveries WHERE status = 'delivered'),
            (SELECT count(*) FROM webhook_deliveries WHERE status = 'failing' AND attempts = 1), (SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND attempts = 0)";
        let row = client.query_one(counts, &[]).await.unwrap();
        let counts: Vec<i64> = (0..4).map(|n| row.get(n)).collect();
        assert_eq!(counts, [2, 1, 1, 3], "what was put off is no attempt");
        // Settled twice, as by somebody whose answer got lost: once.
        events::turn(&jobs, &platform(), hook, &settled[..1], 0, now()).await.unwrap();
        let attempts: i64 = client.query_one("SELECT count(*) FROM webhook_attempts", &[]).await.unwrap().get(0);
        assert_eq!(attempts, 2);
    });
}

#[test]
fn whoever_dies_is_followed_after_two_minutes() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let (owner, id) = tenant(&app, "acme").await;
        let hook = endpoint(&app, &scope(id, owner), &described(&["tenant.updated"])).await;
        happen(db, id, 2).await;
        let turn = async |at| events::turn(&jobs, &platform(), hook, &[], 10, at).await.unwrap().unwrap();
        assert_eq!(turn(now()).await.1.len(), 2);
        let (target, claimed) = turn(now().plus_seconds(119)).await;
        assert!(claimed.is_empty());
        assert_eq!(target.next_at.map(|at| at.since(now())), Some(120_000));
        assert_eq!(events::lagging(&jobs, &platform(), now().plus_seconds(119), 10).await.unwrap(), []);
        assert_eq!(events::lagging(&jobs, &platform(), now().plus_seconds(120), 10).await.unwrap(), [hook]);
        assert_eq!(turn(now().plus_seconds(120)).await.1.len(), 2);
    });
}

#[test]
fn two_who_claim_at_once_get_different_ones() {
    with_db(async |db| {
        let (app, one, two) = (db.app().await, db.platform().await, db.platform().await);
        let (owner, id) = tenant(&app, "acme").await;
        let hook = endpoint(&app, &scope(id, owner), &described(&["tenant.updated"])).await;
        happen(db, id, 40).await;
        let scope = platform();
        let (a, b) = tokio::join!(events::turn(&one, &scope, hook, &[], 30, now()), events::turn(&two, &scope, hook, &[], 30, now()));
        let mut ids: Vec<_> = [a, b].into_iter().flat_map(|turn| turn.unwrap().unwrap().1).map(|claimed| claimed.id).collect();
        let taken = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), taken >= 30), (taken, true));
    });
}

#[test]
fn in_order_the_first_that_is_open_comes_first() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let (owner, id) = tenant(&app, "acme").await;
        let hook = endpoint(&app, &scope(id, owner), &NewEndpoint { ordered: true, ..described(&["tenant.updated"]) }).await;
        happen(db, id, 5).await;
        let turn = async |settled: &[Settled], at| events::turn(&jobs, &platform(), hook, settled, 3, at).await.unwrap().unwrap();
        let (_, first) = turn(&[], now()).await;
        let versions: Vec<_> = first.iter().map(|one| one.data["version"].as_i64().unwrap()).collect();
        assert_eq!(versions, [1, 2, 3]);
        let later = now().plus_seconds(60);
        let settled =
            [arrived(&first[0], Outcome::Delivered), arrived(&first[1], Outcome::Failing(later)), arrived(&first[2], Outcome::Postponed(now()))];
        let (target, none) = turn(&settled, now()).await;
        assert!(none.is_empty(), "nothing overtakes what failed");
        assert_eq!(target.next_at, Some(later));
        let (_, rest) = turn(&[], later).await;
        let versions: Vec<_> = rest.iter().map(|one| one.data["version"].as_i64().unwrap()).collect();
        assert_eq!(versions, [2, 3, 4]);
    });
}

#[test]
fn an_endpoint_that_is_off_takes_no_turn_and_is_owed_nothing_new() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let (owner, id) = tenant(&app, "acme").await;
        let hook = endpoint(&app, &scope(id, owner), &described(&["tenant.updated"])).await;
        happen(db, id, 2).await;
        assert_eq!(events::disable(&jobs, &platform(), hook, "gone", now()).await.unwrap(), 1);
        assert_eq!(events::disable(&jobs, &platform(), hook, "gone", now()).await.unwrap(), 0, "once");
        happen(db, id, 2).await;
        assert!(events::turn(&jobs, &platform(), hook, &[], 10, now()).await.unwrap().is_none());
        assert_eq!(events::lagging(&jobs, &platform(), now().plus_seconds(999), 10).await.unwrap(), []);
        let change = events::Change { enabled: Some(true), ..Default::default() };
        events::update_endpoint(&app, &scope(id, owner), hook, &change, now()).await.unwrap();
        assert_eq!(events::turn(&jobs, &platform(), hook, &[], 10, now()).await.unwrap().unwrap().1.len(), 2, "what was held back, and no more");
        let told: i64 = db.superuser().await.query_one("SELECT count(*) FROM outbox WHERE kind = 'mail.security_notice'", &[]).await.unwrap().get(0);
        assert_eq!(told, 1);
    });
}

#[test]
fn what_is_old_goes_a_part_at_a_time() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let (owner, id) = tenant(&app, "acme").await;
        let hook = endpoint(&app, &scope(id, owner), &described(&["tenant.updated"])).await;
        happen(db, id, 5).await;
        let (_, claimed) = events::turn(&jobs, &platform(), hook, &[], 10, now()).await.unwrap().unwrap();
        let settled: Vec<_> = claimed.iter().map(|one| arrived(one, Outcome::Delivered)).collect();
        events::turn(&jobs, &platform(), hook, &settled, 0, now()).await.unwrap();
        assert_eq!(events::expire(&jobs, &platform(), now().plus_seconds(-60), 3).await.unwrap(), 0, "today's stay");
        let mut removed = Vec::new();
        while removed.last() != Some(&0) && removed.len() < 20 {
            removed.push(events::expire(&jobs, &platform(), now().plus_seconds(1), 3).await.unwrap());
        }
        assert!(removed.iter().all(|count| *count <= 3), "{removed:?}");
        let left = "SELECT (SELECT count(*) FROM webhook_deliveries) + (SELECT count(*) FROM webhook_attempts) + (SELECT count(*) FROM events)";
        assert_eq!(db.superuser().await.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    });
}

/// Whether each of a statement's scans is by one of the indices that hold what is open alone.
async fn plan(db: &TestDb, sql: &str) -> String {
    let rows = db.superuser().await.query(&format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {sql}"), &[]).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

/// Pages that a plan touched.
fn pages(plan: &str) -> u64 {
    let line = plan.lines().find(|line| line.contains("Buffers:")).unwrap_or_default();
    line.split(['=', ' ']).filter_map(|word| word.parse::<u64>().ok()).sum()
}

#[test]
fn sweeps_stay_flat_however_much_is_settled() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, id) = tenant(&app, "acme").await;
        endpoint(&app, &scope(id, owner), &described(&["webhook.created"])).await;
        let client = db.superuser().await;
        // A million settled rows each, past the triggers, as they would lie there after a month.
        client.batch_execute("SET session_replication_role = replica").await.unwrap();
        let fill = "INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at, settled_at, outcome)
              SELECT gen_random_uuid(), t.id, 'directory.sync', 'jobs', '{}', now(), now() - n * interval '1 second', now(), 'done' FROM tenants t, generate_series(1, $1::bigint) n WHERE t.slug = 'acme'";
        client.execute(fill, &[&1_000_000_i64]).await.unwrap();
        let fill = "INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, event_id, status, next_attempt_at, created_at)
              SELECT gen_random_uuid(), w.tenant_id, w.id, gen_random_uuid(), 'delivered', NULL, now() FROM webhooks w, generate_series(1, $1::bigint) n";
        client.execute(fill, &[&1_000_000_i64]).await.unwrap();
        client.batch_execute("ANALYZE outbox; ANALYZE webhook_deliveries").await.unwrap();
        let due = plan(
            db,
            "SELECT id FROM outbox WHERE settled_at IS NULL AND available_at <= now() ORDER BY available_at LIMIT 200 FOR UPDATE SKIP LOCKED",
        )
        .await;
        assert!(due.contains("outbox_due") && pages(&due) < 100, "{due}");
        let lagging = zygo_store::statements().into_iter().find(|statement| statement.name == "events.lagging").unwrap();
        let lagging = plan(db, &lagging.sql.replace("$1", "now()").replace("$2", "200")).await;
        assert!(!lagging.contains("Seq Scan on webhook_deliveries") && pages(&lagging) < 100, "{lagging}");
        println!("the sweep of the outbox beside a million settled rows:\n{due}\n\nthat of deliveries:\n{lagging}");
    });
}
