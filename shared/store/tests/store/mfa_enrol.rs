//! Setting second factors up and taking them off.

use uuid::Uuid;
use zygo_core::{events::event, id::UserId, identity::mfa::Factor};
use zygo_store::{
    Db,
    identity::{
        self,
        mfa::{self, CodeSet, Confirmation, NewFactor, Started},
    },
};

use crate::{
    fixture::person,
    harness::{lookup, new_id, now, one_trip, with_db},
};

async fn start(db: &Db, user_id: UserId, factor: Factor, fresh: bool) -> Started {
    let new = NewFactor { id: new_id(), user_id, factor, sealed: "zs1.sealed", fresh, now: now() };
    one_trip(db, mfa::start_factor(db, &lookup(), &new)).await.unwrap()
}

fn codes(mark: u8) -> CodeSet {
    CodeSet { ids: (0..10).map(|_| new_id()).collect(), hashes: (0..10).map(|n| [mark + n; 32]).collect() }
}

async fn confirm(db: &Db, user_id: UserId, factor: Factor, mark: u8, replace_codes: bool) -> mfa::Confirmed {
    let pending = one_trip(db, mfa::pending_factor(db, &lookup(), user_id, factor)).await.unwrap().unwrap();
    assert_eq!(pending.sealed, b"zs1.sealed");
    let codes = codes(mark);
    let confirmation = Confirmation { user_id, id: pending.id, step: Some(7), fresh: true, codes: &codes, replace_codes, now: now() };
    one_trip(db, mfa::confirm_factor(db, &lookup(), &confirmation)).await.unwrap()
}

async fn factors(db: &Db, user: UserId) -> Vec<Factor> {
    identity::me(db, &lookup(), user).await.unwrap().unwrap().mfa_factors
}

#[test]
fn a_factor_counts_once_it_is_confirmed() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        assert!(mfa::pending_factor(&app, &lookup(), user, Factor::Totp).await.unwrap().is_none());
        let Started::Kept { email } = start(&app, user, Factor::Totp, false).await else { panic!("the first needs nothing") };
        assert_eq!(email, "ada@example.com");
        let first = mfa::pending_factor(&app, &lookup(), user, Factor::Totp).await.unwrap().unwrap();
        assert!(matches!(start(&app, user, Factor::Totp, false).await, Started::Kept { .. }), "it is not confirmed, so another replaces it");
        assert!(factors(&app, user).await.is_empty());
        let stale = Confirmation { user_id: user, id: first.id, step: Some(7), fresh: true, codes: &codes(50), replace_codes: true, now: now() };
        assert!(!mfa::confirm_factor(&app, &lookup(), &stale).await.unwrap().confirmed, "the one that was replaced");
        let confirmed = confirm(&app, user, Factor::Totp, 1, true).await;
        assert!(confirmed.confirmed && confirmed.coded);
        assert_eq!(factors(&app, user).await, [Factor::Totp, Factor::BackupCode]);
        let again = confirm(&app, user, Factor::Totp, 20, true).await;
        assert!(!again.confirmed && !again.coded);
        assert!(matches!(start(&app, user, Factor::Totp, true).await, Started::Taken));
        assert!(matches!(start(&app, user, Factor::Sms, false).await, Started::NotFresh));
        assert!(matches!(start(&app, user, Factor::Sms, true).await, Started::Kept { .. }));
        // With codes there already, a further factor brings none unless it is to replace them.
        let sms = confirm(&app, user, Factor::Sms, 40, false).await;
        assert!(sms.confirmed && !sms.coded);
        let events = db.superuser().await.query("SELECT data FROM events WHERE type = 'user.factor_added'", &[]).await.unwrap();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|row| event::fits("user.factor_added", &row.get(0))));
    });
}

#[test]
fn a_pending_factor_is_not_confirmed_past_another_that_was_set_up_meanwhile() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        start(&app, user, Factor::Totp, false).await;
        let pending = mfa::pending_factor(&app, &lookup(), user, Factor::Totp).await.unwrap().unwrap();
        let passkey = "INSERT INTO passkeys (id, user_id, credential_id, rp_id, algorithm, backup_eligible, public_key, name) VALUES (gen_random_uuid(), $1, 'c', 'zygo.tech', -7, false, 'key', 'a key')";
        db.superuser().await.execute(passkey, &[&user.uuid()]).await.unwrap();
        let unproved = Confirmation { user_id: user, id: pending.id, step: Some(7), fresh: false, codes: &codes(1), replace_codes: true, now: now() };
        assert!(!mfa::confirm_factor(&app, &lookup(), &unproved).await.unwrap().confirmed);
        assert!(mfa::confirm_factor(&app, &lookup(), &Confirmation { fresh: true, ..unproved }).await.unwrap().confirmed);
    });
}

#[test]
fn with_the_last_factor_goes_what_stands_in_for_it() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        for factor in [Factor::Totp, Factor::Sms] {
            start(&app, user, factor, true).await;
            confirm(&app, user, factor, if factor == Factor::Totp { 1 } else { 40 }, false).await;
        }
        let client = db.superuser().await;
        let trust = "INSERT INTO trusted_devices (id, user_id, token_hash, expires_at) VALUES ($1, $2, $3, now() + interval '1 day')";
        client.execute(trust, &[&new_id::<Uuid>(), &user.uuid(), &[7_u8; 32].as_slice()]).await.unwrap();
        let left = async || -> (i64, i64) {
            let sql = "SELECT (SELECT count(*) FROM mfa_backup_codes), (SELECT count(*) FROM trusted_devices)";
            let row = client.query_one(sql, &[]).await.unwrap();
            (row.get(0), row.get(1))
        };
        let remove = async |factor| one_trip(&app, mfa::remove_factor(&app, &lookup(), user, factor, now())).await.unwrap();
        assert!(!remove(Factor::Passkey).await);
        assert!(remove(Factor::Sms).await);
        assert!(!remove(Factor::Sms).await);
        assert_eq!(left().await, (10, 1));
        assert!(remove(Factor::Totp).await);
        assert_eq!(left().await, (0, 0));
        let events = client.query("SELECT data FROM events WHERE type = 'user.factor_removed'", &[]).await.unwrap();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|row| event::fits("user.factor_removed", &row.get(0))));
    });
}

#[test]
fn a_new_set_of_backup_codes_voids_the_old_one() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        assert!(!mfa::replace_backup_codes(&app, &lookup(), user, &codes(100), now()).await.unwrap(), "they stand in for nothing");
        start(&app, user, Factor::Totp, false).await;
        confirm(&app, user, Factor::Totp, 1, true).await;
        let (one, two) = (db.app().await, db.app().await);
        let scope = lookup();
        let sets = (codes(100), codes(120));
        let (a, b) = tokio::join!(
            mfa::replace_backup_codes(&one, &scope, user, &sets.0, now()),
            mfa::replace_backup_codes(&two, &scope, user, &sets.1, now())
        );
        assert!(a.unwrap() && b.unwrap());
        let count: i64 = db.superuser().await.query_one("SELECT count(*) FROM mfa_backup_codes", &[]).await.unwrap().get(0);
        assert_eq!(count, 10, "of two at the same moment one set is left");
    });
}
