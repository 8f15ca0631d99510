//! Security notices, the one-time tokens in them, and sessions that end for good.

use zygo_core::{
    events::{event, job::Job},
    id::{TenantId, UserId},
    identity::{
        notice::{Factor, Notice},
        one_time::{OneTimeToken, Purpose},
    },
};
use zygo_store::{
    Db, StoreError,
    identity::{self, Life, NewNotice, NewToken, Redeemed, Which},
};

use crate::{
    fixture::{person, session, tenant},
    harness::{TestDb, lookup, new_id, now, one_trip, platform, with_db},
};

/// The jobs in the outbox, of one kind.
async fn jobs(db: &TestDb, kind: &str) -> Vec<Job> {
    let rows = db.superuser().await.query("SELECT kind, payload FROM outbox WHERE kind = $1 ORDER BY id", &[&kind]).await.unwrap();
    rows.iter().map(|row| Job::decode(row.get(0), &row.get(1)).expect("a job that this program knows")).collect()
}

async fn token(db: &Db, user_id: UserId, purpose: Purpose, random: u8) -> OneTimeToken {
    let token = OneTimeToken::from_random(purpose, [random; 32]);
    let new = NewToken { id: new_id(), user_id, token: &token, subject_id: None, now: now() };
    assert!(one_trip(db, identity::begin_token(db, &platform(), &new)).await.unwrap().is_some());
    token
}

#[test]
fn a_notice_is_owed_to_the_scopes_person() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, "ada@example.com").await;
        let notice = NewNotice { outbox_id: new_id(), notice: Notice::FactorAdded { factor: Factor::Totp }, now: now() };
        let queued = one_trip(&app, identity::owe_notice(&app, &lookup(), user_id, &notice)).await.unwrap();
        assert_eq!((queued.id, queued.kind.as_str()), (notice.outbox_id, "mail.security_notice"));
        assert_eq!(jobs(db, "mail.security_notice").await, [Job::MailSecurityNotice { user_id, notice: notice.notice }]);
    });
}

#[test]
fn a_tokens_mail_knows_its_person_and_perhaps_the_session() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let (user_id, acme) = tenant(&app, "acme").await;
        let other = person(&app, "eve@example.com").await;
        let record = session(acme, user_id);
        identity::record_session(&app, &lookup(), &record).await.unwrap();
        let begin = async |user_id: UserId, session| {
            let new = NewToken {
                id: new_id(),
                user_id,
                token: &OneTimeToken::from_random(Purpose::EndSessions, [rand_byte(); 32]),
                subject_id: None,
                now: now(),
            };
            one_trip(&mail, identity::begin_token_of_session(&mail, &platform(), &new, session)).await.unwrap()
        };
        let (profile, country) = begin(user_id, Some(record.id)).await.expect("the person is there");
        assert_eq!((profile.email.as_str(), country.as_deref()), ("owner@acme.example", Some("DE")));
        assert_eq!(begin(user_id, None).await.unwrap().1, None);
        assert_eq!(begin(other, Some(record.id)).await.unwrap().1, None, "another's session");
        assert!(begin(new_id(), None).await.is_none());
    });
}

/// A byte that no other call gives.
fn rand_byte() -> u8 {
    use std::sync::atomic::{AtomicU8, Ordering};
    static SERIAL: AtomicU8 = AtomicU8::new(10);
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn the_link_of_a_notice_ends_every_session_once() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let (user_id, acme) = tenant(&app, "acme").await;
        let other = person(&app, "eve@example.com").await;
        let records = [session(acme, user_id), session(TenantId::PLATFORM, user_id), session(TenantId::PLATFORM, other)];
        for record in &records {
            identity::record_session(&app, &lookup(), record).await.unwrap();
        }
        let client = db.superuser().await;
        for owner in [user_id, other] {
            let sql = "INSERT INTO trusted_devices (id, user_id, token_hash, expires_at) VALUES (gen_random_uuid(), $1, sha256($2), now() + interval '1 day')";
            client.execute(sql, &[&owner.uuid(), &owner.uuid().as_bytes().as_slice()]).await.unwrap();
        }
        let wrong = token(&mail, user_id, Purpose::MagicLink, 1).await;
        let old = token(&mail, user_id, Purpose::EndSessions, 2).await;
        let good = token(&mail, user_id, Purpose::EndSessions, 3).await;
        let end = async |token: &OneTimeToken, at| one_trip(&app, identity::end_sessions_by_token(&app, &lookup(), &token.hash(), at)).await.unwrap();
        let later = now().plus_seconds(7 * 86_400);
        assert!(matches!(end(&wrong, now()).await, Redeemed::Unknown));
        assert!(matches!(end(&OneTimeToken::from_random(Purpose::EndSessions, [9; 32]), now()).await, Redeemed::Unknown));
        assert!(matches!(end(&old, later).await, Redeemed::Expired));
        let Redeemed::Good(ended) = end(&good, now()).await else { panic!("it is good") };
        assert_eq!((ended.user_id, ended.sessions.len()), (user_id, 2));
        assert!(matches!(end(&good, now()).await, Redeemed::Consumed));
        let Redeemed::Good(again) = end(&old, now()).await else { panic!("another one is good") };
        assert_eq!((again.user_id, again.sessions.len()), (user_id, 0), "nothing was left to end");
        assert_eq!(identity::list_sessions(&app, &lookup(), other, now()).await.unwrap().len(), 1);
        let devices: i64 = client.query_one("SELECT count(*) FROM trusted_devices WHERE user_id = $1", &[&user_id.uuid()]).await.unwrap().get(0);
        let others: i64 = client.query_one("SELECT count(*) FROM trusted_devices", &[]).await.unwrap().get(0);
        assert_eq!((devices, others), (0, 1));
        let rows = client.query("SELECT data FROM events WHERE type = 'session.revoked'", &[]).await.unwrap();
        assert!(rows.len() == 2 && rows.iter().all(|row| event::fits("session.revoked", &row.get(0))));
        let ending = jobs(db, "sessions.end").await;
        assert_eq!(ending, [Job::SessionsEnd { user_id, ended_at: now() }], "one job, for what had ended");
        let mut on_record = one_trip(&mail, identity::ended_sessions(&mail, &platform(), user_id, now())).await.unwrap();
        on_record.sort_by_key(|session| session.id);
        let mut told = ended.sessions;
        told.sort_by_key(|session| session.id);
        assert_eq!(on_record, told);
    });
}

#[test]
fn no_session_begins_that_was_asked_for_before_all_were_ended() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, "ada@example.com").await;
        let early = session(TenantId::PLATFORM, user_id);
        identity::end_sessions(&app, &lookup(), user_id, Which::All, "signed_out", now()).await.unwrap();
        let refused = identity::record_session(&app, &lookup(), &early).await.unwrap_err();
        assert!(matches!(refused, StoreError::Retry(_)), "{refused:?}");
        let mut late = session(TenantId::PLATFORM, user_id);
        late.now = now().plus_millis(1);
        identity::record_session(&app, &lookup(), &late).await.unwrap();
        identity::end_sessions(&app, &lookup(), user_id, Which::One(late.id), "signed_out", now().plus_millis(9)).await.unwrap();
        let mut next = session(TenantId::PLATFORM, user_id);
        next.now = now().plus_millis(2);
        identity::record_session(&app, &lookup(), &next).await.expect("ending one session voids no other");
        let context = async |seen| identity::session_context(&app, &lookup(), user_id, TenantId::PLATFORM, seen, now()).await.unwrap().unwrap();
        assert!([context(Some(next.id)).await.life, context(None).await.life] == [Life::Lives; 2]);
        assert_eq!(context(Some(late.id)).await.life, Life::Ended);
    });
}

/// Sign-ins and a reset at the same moment: whoever comes later sees the other, so none survives that began before.
#[test]
fn sessions_that_begin_while_all_are_ended_do_not_survive() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, "ada@example.com").await;
        let mut racers = Vec::new();
        for n in 0..20 {
            let connection = db.app().await;
            racers.push(tokio::spawn(async move {
                if n == 10 {
                    identity::end_sessions(&connection, &lookup(), user_id, Which::All, "signed_out", now()).await.map(drop)
                } else {
                    identity::record_session(&connection, &lookup(), &session(TenantId::PLATFORM, user_id)).await
                }
            }));
        }
        for racer in racers {
            let outcome = racer.await.unwrap();
            assert!(matches!(outcome, Ok(()) | Err(StoreError::Retry(_))), "{outcome:?}");
        }
        assert!(identity::list_sessions(&app, &lookup(), user_id, now()).await.unwrap().is_empty());
    });
}
