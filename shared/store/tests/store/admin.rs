//! What the platform's administrators see and do, checked where it is done.

use zygo_core::{
    id::{OutboxId, SessionId, UserId},
    mail::report::Fate,
};
use zygo_store::{
    Db, PlatformScope, SESSION_ENDED, StoreError,
    admin::{
        jobs::{self, Again, Filter},
        suppressions,
    },
    events::{self, Reported},
    identity,
    outbox::{self, Outcome},
};

use crate::{
    fixture::newcomer,
    harness::{TestDb, lookup, new_id, now, one_trip, platform, with_db},
};

const LOOK: &[&str] = &["support", "operator", "owner"];
const ACT: &[&str] = &["operator", "owner"];

struct Administrator {
    user: UserId,
    session: SessionId,
}

impl Administrator {
    async fn new(db: &TestDb, email: &str, role: &str) -> Self {
        let new = newcomer(email);
        identity::sign_up(&db.app().await, &lookup(), &new).await.unwrap();
        let (client, session) = (db.superuser().await, new_id::<SessionId>());
        client
            .execute("INSERT INTO admin_users (id, user_id, role) VALUES ($1, $2, $3)", &[&new_id::<uuid::Uuid>(), &new.user_id.uuid(), &role])
            .await
            .unwrap();
        let begin = "INSERT INTO sessions (id, tenant_id, user_id, amr, created_at, last_seen_at, expires_at) \
                     VALUES ($1, '00000000-0000-0000-0000-000000000000', $2, '{pwd}', now(), now(), now() + interval '1 day')";
        client.execute(begin, &[&session.uuid(), &new.user_id.uuid()]).await.unwrap();
        Self { user: new.user_id, session }
    }

    fn scope(&self, roles: &'static [&'static str]) -> PlatformScope {
        PlatformScope::new("test of administration", "req-admin").administered(self.user, self.session, roles, "192.0.2.1")
    }
}

async fn owed(db: &TestDb, email: &str) -> OutboxId {
    let new = newcomer(email);
    identity::sign_up(&db.app().await, &lookup(), &new).await.unwrap();
    new.outbox_id
}

async fn die(db: &Db, id: OutboxId) {
    outbox::begin(db, &platform(), id, now()).await.unwrap().unwrap();
    outbox::settle(db, &platform(), id, &Outcome::Dead { error: "gone".into() }, 7, now()).await.unwrap();
}

const END: (zygo_core::time::Timestamp, uuid::Uuid) = (zygo_core::time::Timestamp::from_millis(4_000_000_000_000), uuid::Uuid::max());

#[test]
fn only_administrators_in_the_right_role_get_anything() {
    with_db(async |db| {
        let (jobs_db, client) = (db.platform().await, db.superuser().await);
        let support = Administrator::new(db, "support@example.com", "support").await;
        let owner = Administrator::new(db, "owner@example.com", "owner").await;
        let list = async |scope: PlatformScope| jobs::list(&jobs_db, &scope, Filter::default(), END, 10).await.map(|rows| rows.len());
        assert_eq!(one_trip(&jobs_db, list(support.scope(LOOK))).await, Ok(2));
        assert_eq!(list(owner.scope(ACT)).await, Ok(2));
        assert_eq!(list(support.scope(ACT)).await, Err(StoreError::Denied { permission: None }));
        let stranger = Administrator { user: owner.user, session: support.session };
        assert_eq!(list(stranger.scope(LOOK)).await, Err(StoreError::Refused { constraint: SESSION_ENDED.into() }), "another's session");
        let denied = Err(StoreError::Denied { permission: None });
        for (change, outcome) in [
            ("UPDATE admin_users SET disabled_at = now() WHERE user_id = $1", &denied),
            ("UPDATE admin_users SET disabled_at = NULL WHERE user_id = $1", &Ok(2)),
            ("UPDATE users SET status = 'suspended' WHERE id = $1", &denied),
        ] {
            client.execute(change, &[&owner.user.uuid()]).await.unwrap();
            assert_eq!(&list(owner.scope(LOOK)).await, outcome, "{change}");
        }
        client.execute("UPDATE users SET status = 'active' WHERE id = $1", &[&owner.user.uuid()]).await.unwrap();
        client.execute("UPDATE sessions SET ended_at = now() WHERE id = $1", &[&owner.session.uuid()]).await.unwrap();
        assert_eq!(list(owner.scope(LOOK)).await, Err(StoreError::Refused { constraint: SESSION_ENDED.into() }));
    });
}

#[test]
fn a_dead_job_is_run_again_once_with_all_its_patience() {
    with_db(async |db| {
        let (jobs_db, client) = (db.platform().await, db.superuser().await);
        let owner = Administrator::new(db, "owner@example.com", "owner").await;
        let id = owed(db, "ada@example.com").await;
        die(&jobs_db, id).await;
        let dead = jobs::dead(&jobs_db, &owner.scope(LOOK), Filter::default(), END, 10).await.unwrap();
        assert_eq!((dead.len(), dead[0].id, dead[0].state.as_str(), dead[0].runs[0].duration_ms), (1, id, "dead", 7));
        assert_eq!(dead[0].runs[0].error.as_deref(), Some("gone"));
        let Again::Owed(queued, job) = one_trip(&jobs_db, jobs::requeue(&jobs_db, &owner.scope(ACT), id, now())).await.unwrap() else {
            panic!("not owed")
        };
        assert_eq!((queued.id, job.state.as_str(), job.attempts, job.finished_at), (id, "retrying", 1, None));
        assert!(matches!(jobs::requeue(&jobs_db, &owner.scope(ACT), id, now()).await.unwrap(), Again::Not(_)), "once");
        let begun = outbox::begin(&jobs_db, &platform(), id, now()).await.unwrap().unwrap();
        assert_eq!((begun.attempts, begun.tries), (2, 1));
        assert!(matches!(jobs::retry(&jobs_db, &owner.scope(ACT), id, now()).await.unwrap(), Again::Not(_)), "it is running");
        outbox::settle(&jobs_db, &platform(), id, &Outcome::Done, 3, now()).await.unwrap();
        assert!(
            matches!(jobs::retry(&jobs_db, &owner.scope(ACT), id, now()).await.unwrap(), Again::Not(job) if job.state == "done" && job.runs.len() == 2)
        );
        assert_eq!(jobs::retry(&jobs_db, &owner.scope(ACT), new_id(), now()).await.unwrap(), Again::Unknown);
        let noted = client.query("SELECT reason, admin_user_id, details ->> 'job_id', request_id FROM admin_actions", &[]).await.unwrap();
        assert_eq!(noted.len(), 1, "refusals change nothing");
        assert_eq!(
            (noted[0].get::<_, &str>(0), noted[0].get::<_, uuid::Uuid>(1), noted[0].get::<_, String>(2), noted[0].get::<_, &str>(3)),
            ("dead job requeued", owner.user.uuid(), id.to_string(), "req-admin")
        );
    });
}

#[test]
fn a_waiting_job_can_be_hurried_and_is_listed_once() {
    with_db(async |db| {
        let jobs_db = db.platform().await;
        let owner = Administrator::new(db, "owner@example.com", "owner").await;
        let id = owed(db, "ada@example.com").await;
        let of = async |state| {
            let filter = Filter { state: Some(state), ..Filter::default() };
            jobs::list(&jobs_db, &owner.scope(LOOK), filter, END, 10).await.unwrap().iter().filter(|job| job.id == id).count()
        };
        assert_eq!((of("waiting").await, of("running").await), (1, 0));
        assert!(matches!(jobs::retry(&jobs_db, &owner.scope(ACT), id, now()).await.unwrap(), Again::Owed(_, job) if job.state == "waiting"));
        outbox::begin(&jobs_db, &platform(), id, now()).await.unwrap().unwrap();
        assert_eq!((of("waiting").await, of("running").await), (0, 1));
        // Whoever holds it has two minutes; then it may be run again.
        assert!(matches!(jobs::retry(&jobs_db, &owner.scope(ACT), id, now()).await.unwrap(), Again::Not(_)));
        assert!(matches!(jobs::retry(&jobs_db, &owner.scope(ACT), id, now().plus_seconds(120)).await.unwrap(), Again::Owed(..)));
    });
}

#[test]
fn sweeps_and_lists_step_into_their_indexes_however_much_is_settled() {
    with_db(async |db| {
        let client = db.superuser().await;
        let settled = "INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at, settled_at, outcome) \
                       SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'mail.x', 'mail', '{}', now(), now(), now(), \
                         CASE WHEN n % 100 = 0 THEN 'dead' ELSE 'done' END FROM generate_series(1, 20000) n";
        client.execute(settled, &[]).await.unwrap();
        client
            .execute(
                "INSERT INTO jobs (id, tenant_id, kind, queue, status, created_at, updated_at, finished_at) \
             SELECT id, tenant_id, kind, queue, outcome, created_at, created_at, settled_at FROM outbox",
                &[],
            )
            .await
            .unwrap();
        client.batch_execute("ANALYZE outbox; ANALYZE jobs").await.unwrap();
        for (index, sql) in [
            (
                "outbox_due",
                "SELECT id FROM outbox WHERE settled_at IS NULL AND available_at <= now() ORDER BY available_at LIMIT 200 FOR UPDATE SKIP LOCKED",
            ),
            (
                "outbox_dead",
                "SELECT id FROM outbox WHERE outcome = 'dead' AND (settled_at, id) < (now(), gen_random_uuid()) ORDER BY settled_at DESC, id DESC LIMIT 20",
            ),
            ("jobs_status", "SELECT id FROM jobs WHERE status = 'dead' ORDER BY created_at DESC, id DESC LIMIT 20"),
            ("jobs_kind", "SELECT id FROM jobs WHERE kind = 'mail.rare' ORDER BY created_at DESC, id DESC LIMIT 20"),
            ("jobs_queue", "SELECT id FROM jobs WHERE queue = 'webhooks' ORDER BY created_at DESC, id DESC LIMIT 20"),
        ] {
            let plan = client.query(&format!("EXPLAIN {sql}"), &[]).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            assert!(plan.iter().any(|line| line.contains(&format!("using {index} "))), "{index}: {plan:#?}");
        }
    });
}

#[test]
fn what_was_reported_of_an_address_is_found_and_forgotten() {
    const ADDRESS: &str = "ada@example.com";
    const HASHES: [[u8; 32]; 2] = [[1; 32], [2; 32]];
    with_db(async |db| {
        let (app, mail, client) = (db.app().await, db.platform().await, db.superuser().await);
        let (support, operator) =
            (Administrator::new(db, "support@example.com", "support").await, Administrator::new(db, "ops@example.com", "operator").await);
        let look = async || one_trip(&mail, suppressions::look(&mail, &support.scope(LOOK), ADDRESS, &HASHES)).await.unwrap();
        let lift = async |by: &Administrator| one_trip(&mail, suppressions::lift(&mail, &by.scope(ACT), ADDRESS, &HASHES, now())).await;
        assert_eq!(look().await, None);
        assert!(!lift(&operator).await.unwrap());
        // Also what was kept under an older key, and of somebody who has no account.
        let report = async |id: &str, hashes: &[[u8; 32]], fate| {
            events::report_mail(&app, &lookup(), &[Reported { id, address: ADDRESS, hashes, fate }], now()).await.unwrap();
        };
        report("one", &HASHES[1..], Fate::Complained).await;
        let found = look().await.unwrap();
        assert_eq!((found.state.as_str(), found.reports, found.since), ("complained", 1, now()));
        assert!(matches!(lift(&support).await, Err(StoreError::Denied { .. })), "whoever only supports");
        assert!(lift(&operator).await.unwrap() && look().await.is_none());

        let user = crate::fixture::person(&app, ADDRESS).await;
        report("two", &HASHES, Fate::Bounced).await;
        let state =
            async || client.query_one("SELECT mail_state FROM users WHERE id = $1", &[&user.uuid()]).await.unwrap().get::<_, Option<String>>(0);
        assert_eq!(state().await.as_deref(), Some("bounced"));
        assert!(lift(&operator).await.unwrap());
        assert_eq!(state().await, None, "its owner is told");
        // What its owner has proved since counts no more.
        report("three", &HASHES, Fate::Bounced).await;
        client.execute("UPDATE users SET email_verified_at = now() + interval '1 second' WHERE id = $1", &[&user.uuid()]).await.unwrap();
        assert_eq!(look().await, None);
        let noted = "SELECT count(*) FROM admin_actions WHERE reason = 'mail suppression lifted' AND admin_user_id = $1 AND details::text !~ '@'";
        assert_eq!(client.query_one(noted, &[&operator.user.uuid()]).await.unwrap().get::<_, i64>(0), 2);
    });
}
