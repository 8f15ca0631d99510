//! The outbox: nothing is lost, nothing runs twice at once.

use zygo_core::{events::job::Job, id::OutboxId};
use zygo_store::{
    identity,
    outbox::{self, Outcome},
    upkeep,
};

use crate::{
    fixture::newcomer,
    harness::{TestDb, lookup, new_id, now, one_trip, platform, with_db},
};

async fn owed(db: &TestDb) -> OutboxId {
    let new = newcomer("ada@example.com");
    identity::sign_up(&db.app().await, &lookup(), &new).await.unwrap();
    new.outbox_id
}

#[test]
fn a_row_is_claimed_once_and_settled_once() {
    with_db(async |db| {
        let id = owed(db).await;
        let jobs = db.platform().await;
        let begun = one_trip(&jobs, outbox::begin(&jobs, &platform(), id, now())).await.unwrap().expect("it is fresh");
        assert_eq!((begun.attempts, begun.kind.as_str()), (1, "mail.verify_email"));
        assert!(matches!(Job::decode(&begun.kind, &begun.payload), Some(Job::MailVerifyEmail { .. })));
        assert!(outbox::begin(&jobs, &platform(), id, now().plus_seconds(119)).await.unwrap().is_none(), "another run holds it");
        one_trip(&jobs, outbox::settle(&jobs, &platform(), id, &Outcome::Done, 12, now())).await.unwrap();
        assert!(outbox::begin(&jobs, &platform(), id, now().plus_seconds(999)).await.unwrap().is_none(), "it is settled");
        outbox::settle(&jobs, &platform(), id, &Outcome::Dead { error: "late".into() }, 0, now()).await.unwrap();
        let client = db.superuser().await;
        let row = client
            .query_one("SELECT j.status, j.attempts, (SELECT count(*) FROM job_attempts), o.outcome FROM jobs j JOIN outbox o USING (id)", &[])
            .await
            .unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1), row.get::<_, i64>(2), row.get::<_, &str>(3)), ("done", 1, 1, "done"));
    });
}

#[test]
fn a_run_that_died_is_taken_over_after_two_minutes() {
    with_db(async |db| {
        let id = owed(db).await;
        let jobs = db.platform().await;
        outbox::begin(&jobs, &platform(), id, now()).await.unwrap().unwrap();
        let later = now().plus_seconds(120);
        assert!(outbox::due(&jobs, &platform(), 10, later.plus_seconds(-1)).await.unwrap().is_empty());
        assert_eq!(outbox::due(&jobs, &platform(), 10, later).await.unwrap().len(), 1);
        assert_eq!(outbox::begin(&jobs, &platform(), id, later).await.unwrap().unwrap().attempts, 2);
    });
}

#[test]
fn the_sweep_waits_half_a_minute_and_leases_what_it_takes() {
    with_db(async |db| {
        let id = owed(db).await;
        let jobs = db.platform().await;
        assert!(outbox::due(&jobs, &platform(), 10, now().plus_seconds(29)).await.unwrap().is_empty());
        let due = one_trip(&jobs, outbox::due(&jobs, &platform(), 10, now().plus_seconds(30))).await.unwrap();
        assert_eq!((due.len(), due[0].id, due[0].kind.as_str()), (1, id, "mail.verify_email"));
        assert!(outbox::due(&jobs, &platform(), 10, now().plus_seconds(149)).await.unwrap().is_empty());
        assert_eq!(outbox::due(&jobs, &platform(), 10, now().plus_seconds(150)).await.unwrap().len(), 1);
    });
}

#[test]
fn overlapping_sweeps_take_different_rows() {
    with_db(async |db| {
        let app = db.app().await;
        for n in 0..40 {
            identity::sign_up(&app, &lookup(), &newcomer(&format!("p{n}@example.com"))).await.unwrap();
        }
        let (one, two) = (db.platform().await, db.platform().await);
        let (scope, then) = (platform(), now().plus_seconds(60));
        let (first, second) = tokio::join!(outbox::due(&one, &scope, 30, then), outbox::due(&two, &scope, 30, then));
        let mut ids: Vec<OutboxId> = first.unwrap().into_iter().chain(second.unwrap()).map(|row| row.id).collect();
        let taken = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), taken, "no row twice");
        assert!(taken >= 30);
    });
}

#[test]
fn a_retry_can_begin_before_the_sweep_would_look() {
    with_db(async |db| {
        let id = owed(db).await;
        let jobs = db.platform().await;
        outbox::begin(&jobs, &platform(), id, now()).await.unwrap().unwrap();
        let retry = Outcome::Retry { at: now().plus_seconds(300), error: "away".into() };
        outbox::settle(&jobs, &platform(), id, &retry, 3, now()).await.unwrap();
        assert!(outbox::due(&jobs, &platform(), 10, now().plus_seconds(299)).await.unwrap().is_empty());
        let second = outbox::begin(&jobs, &platform(), id, now().plus_seconds(5)).await.unwrap().unwrap();
        assert_eq!(second.attempts, 2);
        outbox::settle(&jobs, &platform(), id, &Outcome::Dead { error: "gone".into() }, 3, now()).await.unwrap();
        let counts = one_trip(&jobs, outbox::counts(&jobs, &platform())).await.unwrap();
        assert_eq!(counts, [("fresh".to_owned(), 0), ("begun".to_owned(), 0), ("dead".to_owned(), 1)]);
        let client = db.superuser().await;
        let rows = client.query("SELECT attempt, outcome, error FROM job_attempts ORDER BY attempt", &[]).await.unwrap();
        let kept: Vec<(i32, &str, &str)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        assert_eq!(kept, [(1, "retry", "away"), (2, "dead", "gone")]);
    });
}

#[test]
fn what_rests_is_let_rest_by_whoever_came_too_early() {
    with_db(async |db| {
        let id = owed(db).await;
        let jobs = db.platform().await;
        let begin = async |seconds| one_trip(&jobs, outbox::begin_if_due(&jobs, &platform(), id, now().plus_seconds(seconds))).await.unwrap();
        assert_eq!(begin(0).await.unwrap().attempts, 1, "it has not been tried");
        let retry = Outcome::Retry { at: now().plus_seconds(300), error: "away".into() };
        outbox::settle(&jobs, &platform(), id, &retry, 3, now()).await.unwrap();
        assert!(begin(299).await.is_none());
        assert_eq!(begin(300).await.unwrap().attempts, 2);
        assert!(begin(301).await.is_none(), "another run holds it");
    });
}

#[test]
fn what_is_settled_without_having_begun_is_on_record() {
    with_db(async |db| {
        let id = owed(db).await;
        let jobs = db.platform().await;
        outbox::settle(&jobs, &platform(), id, &Outcome::Dead { error: "unknown".into() }, 0, now()).await.unwrap();
        let status: String = db.superuser().await.query_one("SELECT status FROM jobs", &[]).await.unwrap().get(0);
        assert_eq!(status, "dead");
    });
}

#[test]
fn upkeep_removes_what_is_old_and_keeps_what_is_not() {
    with_db(async |db| {
        let id = owed(db).await;
        let jobs = db.platform().await;
        outbox::begin(&jobs, &platform(), id, now()).await.unwrap().unwrap();
        outbox::settle(&jobs, &platform(), id, &Outcome::Done, 3, now()).await.unwrap();
        assert_eq!(one_trip(&jobs, upkeep::remove_expired(&jobs, &platform(), now())).await.unwrap(), 0);
        assert_eq!(one_trip(&jobs, upkeep::partitions(&jobs, &platform(), now())).await.unwrap(), 0, "this month and the next three are there");
        let later = now().plus_seconds(31 * 86_400);
        assert!(upkeep::partitions(&jobs, &platform(), later).await.unwrap() >= 7, "five partitions, a row, a job");
        let left: i64 =
            db.superuser().await.query_one("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM job_attempts)", &[]).await.unwrap().get(0);
        assert_eq!(left, 0);
    });
}

#[test]
fn runs_by_the_clock_are_on_record_and_go_after_a_month() {
    with_db(async |db| {
        let jobs = db.platform().await;
        for error in [None, Some("away")] {
            one_trip(&jobs, outbox::record_run(&jobs, &platform(), new_id(), "cron.outbox", error, now(), now().plus_millis(12))).await.unwrap();
        }
        let client = db.superuser().await;
        let rows = client
            .query("SELECT j.status, a.outcome, a.error, a.duration_ms FROM jobs j JOIN job_attempts a ON a.job_id = j.id ORDER BY j.id", &[])
            .await
            .unwrap();
        let kept: Vec<(&str, &str, Option<&str>, i32)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
        assert_eq!(kept, [("done", "done", None, 12), ("dead", "dead", Some("away"), 12)]);
        upkeep::partitions(&jobs, &platform(), now().plus_seconds(31 * 86_400)).await.unwrap();
        assert_eq!(client.query_one("SELECT count(*) FROM jobs", &[]).await.unwrap().get::<_, i64>(0), 0);
    });
}
