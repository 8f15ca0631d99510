//! Setting second factors up and taking them off.

use uuid::Uuid;
use zygo_core::{
    events::{event, job::Job},
    id::{SmsCodeId, UserId},
    identity::mfa::Factor,
};
use zygo_store::{
    Db,
    identity::{
        self,
        mfa::{self, CodeSet, Confirmation, Confirmed, NewFactor, NewSmsCode, ProofOf, SmsPurpose, SmsRecipient, Started},
    },
};

use crate::{
    fixture::person,
    harness::{TestDb, lookup, new_id, now, one_trip, platform, with_db},
};

async fn start(db: &Db, user_id: UserId, factor: Factor, fresh: bool) -> Started {
    let new = NewFactor { id: new_id(), user_id, factor, sealed: "zs1.sealed", fresh, now: now() };
    one_trip(db, mfa::start_factor(db, &lookup(), &new)).await.unwrap()
}

fn codes(mark: u8) -> CodeSet {
    CodeSet { ids: (0..10).map(|_| new_id()).collect(), hashes: (0..10).map(|n| [mark + n; 32]).collect() }
}

fn confirmation<'a>(user_id: UserId, proof: ProofOf<'a>, codes: &'a CodeSet) -> Confirmation<'a> {
    Confirmation { user_id, proof, fresh: true, codes, replace_codes: true, outbox_id: new_id(), now: now() }
}

async fn pending(db: &Db, user_id: UserId) -> Uuid {
    let pending = one_trip(db, mfa::pending_factor(db, &lookup(), user_id, Factor::Totp)).await.unwrap().unwrap();
    assert_eq!(pending.sealed, b"zs1.sealed");
    pending.id
}

async fn confirm(db: &Db, confirmation: Confirmation<'_>) -> Confirmed {
    one_trip(db, mfa::confirm_factor(db, &lookup(), &confirmation)).await.unwrap()
}

const NUMBER: &str = "+4915112345678";
const CODE: [u8; 32] = [77; 32];

fn sms(user_id: UserId) -> NewSmsCode<'static> {
    NewSmsCode { id: new_id(), user_id, phone: NUMBER, expires_at: now().plus_seconds(600), outbox_id: new_id(), now: now() }
}

/// Sends a code as the job would.
async fn deliver(db: &TestDb, id: SmsCodeId) -> Option<SmsRecipient> {
    let jobs = db.platform().await;
    one_trip(&jobs, mfa::begin_sms_code(&jobs, &platform(), id, &CODE, now())).await.unwrap()
}

/// Sets the SMS factor up as far as the message.
async fn start_sms(db: &TestDb, app: &Db, user_id: UserId, fresh: bool) -> Started {
    let code = sms(user_id);
    let factor = NewFactor { id: new_id(), user_id, factor: Factor::Sms, sealed: "zs1.sealed", fresh, now: now() };
    let (started, queued) = one_trip(app, mfa::start_sms_factor(app, &lookup(), &factor, &code)).await.unwrap();
    assert_eq!(queued.is_some(), matches!(started, Started::Kept { .. }));
    assert_eq!(deliver(db, code.id).await.is_some(), queued.is_some());
    started
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
        let first = pending(&app, user).await;
        assert!(matches!(start(&app, user, Factor::Totp, false).await, Started::Kept { .. }), "it is not confirmed, so another replaces it");
        assert!(factors(&app, user).await.is_empty());
        let (set, other) = (codes(1), codes(20));
        let stale = confirm(&app, confirmation(user, ProofOf::Totp(first, 7), &set)).await;
        assert_eq!(stale, Confirmed::Lost, "the one that was replaced");
        let second = pending(&app, user).await;
        assert!(matches!(confirm(&app, confirmation(user, ProofOf::Totp(second, 7), &set)).await, Confirmed::Done { coded: true, .. }));
        assert_eq!(factors(&app, user).await, [Factor::Totp, Factor::BackupCode]);
        assert_eq!(confirm(&app, confirmation(user, ProofOf::Totp(second, 8), &other)).await, Confirmed::Lost);
        assert!(matches!(start(&app, user, Factor::Totp, true).await, Started::Taken));
        assert!(matches!(start_sms(db, &app, user, false).await, Started::NotFresh));
        assert!(matches!(start_sms(db, &app, user, true).await, Started::Kept { .. }));
        // With codes there already, a further factor brings none unless it is to replace them.
        let by_sms = Confirmation { replace_codes: false, ..confirmation(user, ProofOf::Sms(&[CODE]), &other) };
        assert!(matches!(confirm(&app, by_sms).await, Confirmed::Done { coded: false, .. }));
        assert!(matches!(start_sms(db, &app, user, true).await, Started::Taken));
        let events = db.superuser().await.query("SELECT data FROM events WHERE type = 'user.factor_added'", &[]).await.unwrap();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|row| event::fits("user.factor_added", &row.get(0))));
        let notices = db.superuser().await.query("SELECT payload FROM outbox WHERE kind = 'mail.security_notice'", &[]).await.unwrap();
        assert_eq!(notices.len(), 2);
        assert!(notices.iter().all(|row| Job::decode("mail.security_notice", &row.get(0)).is_some()));
    });
}

#[test]
fn a_pending_factor_is_not_confirmed_past_another_that_was_set_up_meanwhile() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        start(&app, user, Factor::Totp, false).await;
        let id = pending(&app, user).await;
        let passkey = "INSERT INTO passkeys (id, user_id, credential_id, rp_id, algorithm, backup_eligible, public_key, name) VALUES (gen_random_uuid(), $1, 'c', 'zygo.tech', -7, false, 'key', 'a key')";
        db.superuser().await.execute(passkey, &[&user.uuid()]).await.unwrap();
        let set = codes(1);
        let unproved = Confirmation { fresh: false, ..confirmation(user, ProofOf::Totp(id, 7), &set) };
        assert_eq!(confirm(&app, unproved).await, Confirmed::Lost);
        assert!(matches!(confirm(&app, confirmation(user, ProofOf::Totp(id, 7), &set)).await, Confirmed::Done { .. }));
    });
}

#[test]
fn with_the_last_factor_goes_what_stands_in_for_it() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        start(&app, user, Factor::Totp, true).await;
        let set = codes(1);
        confirm(&app, confirmation(user, ProofOf::Totp(pending(&app, user).await, 7), &set)).await;
        start_sms(db, &app, user, true).await;
        confirm(&app, Confirmation { replace_codes: false, ..confirmation(user, ProofOf::Sms(&[CODE]), &set) }).await;
        let client = db.superuser().await;
        let trust = "INSERT INTO trusted_devices (id, user_id, token_hash, expires_at) VALUES ($1, $2, $3, now() + interval '1 day')";
        client.execute(trust, &[&new_id::<Uuid>(), &user.uuid(), &[7_u8; 32].as_slice()]).await.unwrap();
        let left = async || -> (i64, i64) {
            let sql = "SELECT (SELECT count(*) FROM mfa_backup_codes), (SELECT count(*) FROM trusted_devices)";
            let row = client.query_one(sql, &[]).await.unwrap();
            (row.get(0), row.get(1))
        };
        let remove = async |factor| one_trip(&app, mfa::remove_factor(&app, &lookup(), user, factor, new_id(), now())).await.unwrap().is_some();
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
        let replaced = mfa::replace_backup_codes(&app, &lookup(), user, &codes(100), new_id(), now()).await.unwrap();
        assert!(replaced.is_none(), "they stand in for nothing");
        start(&app, user, Factor::Totp, false).await;
        let set = codes(1);
        confirm(&app, confirmation(user, ProofOf::Totp(pending(&app, user).await, 7), &set)).await;
        let (one, two) = (db.app().await, db.app().await);
        let scope = lookup();
        let sets = (codes(100), codes(120));
        let (a, b) = tokio::join!(
            mfa::replace_backup_codes(&one, &scope, user, &sets.0, new_id(), now()),
            mfa::replace_backup_codes(&two, &scope, user, &sets.1, new_id(), now())
        );
        assert!(a.unwrap().is_some() && b.unwrap().is_some());
        let count: i64 = db.superuser().await.query_one("SELECT count(*) FROM mfa_backup_codes", &[]).await.unwrap().get(0);
        assert_eq!(count, 10, "of two at the same moment one set is left");
    });
}

#[test]
fn a_code_by_sms_takes_five_answers_and_only_the_latest_counts() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let (first, second) = (sms(user), sms(user));
        for code in [&first, &second] {
            let queued = one_trip(&app, mfa::owe_sms_code(&app, &lookup(), code, SmsPurpose::Phone)).await.unwrap();
            assert_eq!((queued.id, queued.kind.as_str()), (code.outbox_id, "sms.code"));
        }
        assert!(deliver(db, first.id).await.is_none(), "another took its place");
        let verify = async |hash: [u8; 32]| one_trip(&app, mfa::verify_phone(&app, &lookup(), user, &[hash], new_id(), now())).await.unwrap();
        assert!(verify(CODE).await.is_none(), "it was not sent yet");
        let recipient = deliver(db, second.id).await.unwrap();
        assert_eq!((recipient.phone.as_str(), recipient.locale.as_str()), (NUMBER, "en"));
        for _ in 0..5 {
            assert!(verify([1; 32]).await.is_none());
        }
        assert!(verify(CODE).await.is_none(), "five were taken");
        let third = sms(user);
        mfa::owe_sms_code(&app, &lookup(), &third, SmsPurpose::Phone).await.unwrap();
        deliver(db, third.id).await.unwrap();
        assert_eq!(verify(CODE).await.as_deref(), Some(NUMBER));
        assert!(verify(CODE).await.is_none(), "once");
        let row = db.superuser().await.query_one("SELECT phone, phone_verified_at IS NOT NULL FROM users", &[]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, bool>(1)), (NUMBER, true));
        let events = db.superuser().await.query("SELECT data FROM events WHERE type = 'user.phone_verified'", &[]).await.unwrap();
        assert!(events.len() == 1 && event::fits("user.phone_verified", &events[0].get(0)));
        let late = NewSmsCode { expires_at: now(), ..sms(user) };
        mfa::owe_sms_code(&app, &lookup(), &late, SmsPurpose::Phone).await.unwrap();
        assert!(deliver(db, late.id).await.is_none(), "nobody waits for it any more");
    });
}

#[test]
fn codes_for_one_purpose_are_good_for_no_other() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let answer = sms(user);
        mfa::owe_sms_code(&app, &lookup(), &answer, SmsPurpose::Answer).await.unwrap();
        deliver(db, answer.id).await.unwrap();
        assert!(mfa::verify_phone(&app, &lookup(), user, &[CODE], new_id(), now()).await.unwrap().is_none());
        let set = codes(1);
        assert_eq!(confirm(&app, confirmation(user, ProofOf::Sms(&[CODE]), &set)).await, Confirmed::Wrong);
        let eve = person(&app, "eve@example.com").await;
        assert!(mfa::verify_phone(&app, &lookup(), eve, &[CODE], new_id(), now()).await.unwrap().is_none());
    });
}

#[test]
fn devices_are_listed_and_removed_by_their_owner() {
    with_db(async |db| {
        let app = db.app().await;
        let (ada, eve) = (person(&app, "ada@example.com").await, person(&app, "eve@example.com").await);
        let (mine, old): (Uuid, Uuid) = (new_id(), new_id());
        let client = db.superuser().await;
        let insert = "INSERT INTO trusted_devices (id, user_id, token_hash, name, expires_at) VALUES ($1, $2, $3, 'a laptop', $4)";
        let at = |seconds: i64| jiff::Timestamp::from(now().plus_seconds(seconds));
        client.execute(insert, &[&mine, &ada.uuid(), &[7_u8; 32].as_slice(), &at(60)]).await.unwrap();
        client.execute(insert, &[&old, &ada.uuid(), &[8_u8; 32].as_slice(), &at(0)]).await.unwrap();
        let list = async |user, hash| one_trip(&app, mfa::list_devices(&app, &lookup(), user, hash, now())).await.unwrap();
        let listed = list(ada, Some([7; 32])).await;
        assert_eq!(listed.len(), 1);
        assert!(listed[0].id.uuid() == mine && listed[0].current && listed[0].name.as_deref() == Some("a laptop"));
        assert!(!list(ada, None).await[0].current);
        assert!(list(eve, Some([7; 32])).await.is_empty());
        let remove = async |user| one_trip(&app, mfa::remove_device(&app, &lookup(), user, mine.into())).await.unwrap();
        assert!(!remove(eve).await);
        assert!(remove(ada).await);
        assert!(!remove(ada).await);
    });
}
