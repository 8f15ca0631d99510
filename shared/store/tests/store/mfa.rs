//! Standing, challenges, answers.

use uuid::Uuid;
use zygo_core::{
    events::event,
    id::{ChallengeId, TenantId, UserId},
    identity::mfa::{Factor, Standing},
    time::Timestamp,
};
use zygo_store::{
    Db, StoreError,
    identity::{
        self, Rehash, SignIn,
        mfa::{self, Answer, Answered, ChallengeState, Given, NewChallenge, NewDevice, Redeemed, Redemption, StepUp},
    },
};

use crate::{
    fixture::{arrival, arrival_at, person, session, tenant},
    harness::{TestDb, lookup, new_id, now, one_trip, with_db},
};

const TOKEN: [u8; 32] = [1; 32];
const PLATFORM: TenantId = TenantId::PLATFORM;

/// Gives somebody factors, as a superuser.
async fn equip(db: &TestDb, user: UserId, kinds: &[&str]) {
    let client = db.superuser().await;
    for kind in kinds {
        let statement = match *kind {
            "totp" | "sms" => format!(
                "INSERT INTO mfa_tokens (id, user_id, kind, secret_sealed, confirmed_at) VALUES (gen_random_uuid(), $1, '{kind}', 'sealed', now())"
            ),
            "passkey" => {
                "INSERT INTO passkeys (id, user_id, credential_id, rp_id, algorithm, backup_eligible, public_key, name) VALUES (gen_random_uuid(), $1, sha256('c'), 'zygo.tech', -7, false, 'key', 'a key')"
                    .to_owned()
            }
            _ => "INSERT INTO mfa_backup_codes (id, user_id, code_hash) VALUES (gen_random_uuid(), $1, decode(repeat('05', 32), 'hex'))".to_owned(),
        };
        client.execute(&statement, &[&user.uuid()]).await.unwrap();
    }
}

async fn challenge(db: &Db, user: UserId, home: TenantId, token_hash: [u8; 32]) -> ChallengeId {
    let amr = ["pwd".to_owned()];
    let new = NewChallenge {
        id: new_id(),
        user_id: user,
        home,
        token_hash,
        amr: &amr,
        device_name: Some("a laptop"),
        cookie: true,
        rehash: None,
        reasons: &[],
        mailed: None,
        expires_at: now().plus_seconds(300),
        now: now(),
    };
    one_trip(db, mfa::begin_challenge(db, &lookup(), &new)).await.unwrap();
    new.id
}

async fn answer_at(db: &Db, home: TenantId, factor: Factor, at: Timestamp) -> Answered<Answer> {
    let hashes = [[5; 32], [9; 32]];
    let given = Given { factor, backup_hashes: &hashes, passkey: None, outbox_id: new_id(), now: at };
    one_trip(db, mfa::answer_challenge(db, &lookup(), &TOKEN, home, &given)).await.unwrap()
}

async fn taken(db: &Db, home: TenantId, factor: Factor) -> Answer {
    match answer_at(db, home, factor, now()).await {
        Answered::Taken(answer) => *answer,
        _ => panic!("it is open"),
    }
}

async fn standing(db: &Db, email: &str, home: TenantId, at: Timestamp) -> Standing {
    identity::find_credentials(db, &lookup(), email, &arrival_at(home, at)).await.unwrap().unwrap().standing
}

#[test]
fn factors_are_those_that_are_confirmed_in_their_order() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        assert_eq!(standing(&app, "ada@example.com", PLATFORM, now()).await, Standing::default());
        equip(db, user, &["backup", "passkey", "sms", "totp"]).await;
        assert_eq!(standing(&app, "ada@example.com", PLATFORM, now()).await.factors, Factor::ALL);
        let client = db.superuser().await;
        client.batch_execute("UPDATE mfa_tokens SET confirmed_at = NULL; UPDATE mfa_backup_codes SET used_at = now()").await.unwrap();
        assert_eq!(standing(&app, "ada@example.com", PLATFORM, now()).await.factors, [Factor::Passkey]);
        let me = identity::me(&app, &lookup(), user).await.unwrap().unwrap();
        assert_eq!(me.mfa_factors, [Factor::Passkey]);
    });
}

#[test]
fn a_device_is_trusted_by_its_token_until_it_expires() {
    with_db(async |db| {
        let app = db.app().await;
        let (user, other) = (person(&app, "ada@example.com").await, person(&app, "eve@example.com").await);
        let id: Uuid = new_id();
        let insert = "INSERT INTO trusted_devices (id, user_id, token_hash, expires_at) VALUES ($1, $2, $3, now() + interval '30 days')";
        db.superuser().await.execute(insert, &[&id, &user.uuid(), &[7_u8; 32].as_slice()]).await.unwrap();
        let find = async |email: &str, device_hash: [u8; 32], days: i64| {
            let arrival = mfa::Arrival { home: PLATFORM, device_hash: Some(device_hash), ip: None, now: now().plus_seconds(days * 86_400) };
            let found = identity::find_credentials(&app, &lookup(), email, &arrival).await.unwrap().unwrap();
            found.standing.trusted_device.map(zygo_core::id::TrustedDeviceId::uuid)
        };
        assert_eq!(find("ada@example.com", [7; 32], 29).await, Some(id));
        assert_eq!(find("ada@example.com", [7; 32], 31).await, None);
        assert_eq!(find("ada@example.com", [8; 32], 0).await, None);
        assert_eq!(find("eve@example.com", [7; 32], 0).await, None, "it is another's: {other}");
        let mut record = session(PLATFORM, user);
        record.now = now().plus_seconds(60);
        identity::record_sign_in(&app, &lookup(), &SignIn { session: &record, rehash: None, device: Some(id.into()), passkey: None, notice: None })
            .await
            .unwrap();
        let used: i64 =
            db.superuser().await.query_one("SELECT count(*) FROM trusted_devices WHERE last_used_at IS NOT NULL", &[]).await.unwrap().get(0);
        assert_eq!(used, 1);
    });
}

#[test]
fn the_policy_holds_for_whom_it_names_after_the_grace() {
    with_db(async |db| {
        let app = db.app().await;
        let (_, acme) = tenant(&app, "acme").await;
        let client = db.superuser().await;
        let owner = "owner@acme.example";
        let days = async |at: TenantId| {
            let from = standing(&app, owner, at, now()).await.required_from?;
            Some((from.since(now()) + 43_200_000) / 86_400_000)
        };
        assert_eq!(days(acme).await, None, "optional");
        client.execute("UPDATE tenant_settings SET mfa_policy = 'required' WHERE tenant_id = $1", &[&acme.uuid()]).await.unwrap();
        assert_eq!(days(acme).await, Some(14));
        assert_eq!(days(PLATFORM).await, None, "elsewhere");
        client.execute("UPDATE tenant_settings SET mfa_grace_days = 0, mfa_policy = 'admins' WHERE tenant_id = $1", &[&acme.uuid()]).await.unwrap();
        assert_eq!(days(acme).await, Some(0), "an owner is above an admin");
        // Past the trigger that keeps an owner.
        client
            .batch_execute(
                "SET session_replication_role = replica; \
                 UPDATE user_roles SET role_id = (SELECT r.id FROM roles r WHERE r.tenant_id = user_roles.tenant_id AND r.key = 'manager'); \
                 SET session_replication_role = DEFAULT",
            )
            .await
            .unwrap();
        assert_eq!(days(acme).await, None, "a manager is not");
        client.execute("UPDATE tenant_settings SET mfa_policy = 'required' WHERE tenant_id = $1", &[&acme.uuid()]).await.unwrap();
        // Who joins later has as long as the others had.
        client.batch_execute("UPDATE user_roles SET created_at = now() + interval '5 days'").await.unwrap();
        assert_eq!(days(acme).await, Some(5));
        let since = "SELECT mfa_policy_since IS NOT NULL FROM tenant_settings WHERE tenant_id = $1";
        assert!(client.query_one(since, &[&acme.uuid()]).await.unwrap().get::<_, bool>(0));
        client.execute("UPDATE tenant_settings SET mfa_policy = 'optional' WHERE tenant_id = $1", &[&acme.uuid()]).await.unwrap();
        assert!(!client.query_one(since, &[&acme.uuid()]).await.unwrap().get::<_, bool>(0));
    });
}

#[test]
fn a_challenge_takes_five_answers_at_its_tenant_while_it_lives() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        equip(db, owner, &["totp", "backup"]).await;
        let id = challenge(&app, owner, acme, TOKEN).await;
        assert!(matches!(answer_at(&app, PLATFORM, Factor::Totp, now()).await, Answered::Nothing));
        assert!(matches!(answer_at(&app, acme, Factor::Totp, now().plus_seconds(300)).await, Answered::Closed(ChallengeState::Expired, _)));
        for _ in 0..4 {
            let answer = taken(&app, acme, Factor::Totp).await;
            assert_eq!((answer.id, answer.user.id, answer.amr.as_slice(), answer.cookie), (id, owner, ["pwd".to_owned()].as_slice(), true));
            assert_eq!(answer.membership.unwrap().tenant.id, acme);
            assert_eq!(answer.evidence.totp_sealed.as_deref(), Some(b"sealed".as_slice()));
            assert!(answer.evidence.sms.is_none() && answer.evidence.backup.is_none() && answer.queued.is_none());
        }
        let by_backup = taken(&app, acme, Factor::BackupCode).await;
        assert!(by_backup.evidence.backup.is_some() && by_backup.evidence.totp_sealed.is_none());
        assert!(matches!(answer_at(&app, acme, Factor::Totp, now()).await, Answered::Closed(ChallengeState::Exhausted, _)));
        let look = one_trip(&app, mfa::look_at_challenge(&app, &lookup(), &TOKEN, acme, now())).await.unwrap().unwrap();
        assert_eq!((look.id, look.user_id, look.state), (id, owner, ChallengeState::Exhausted));
        assert!(mfa::look_at_challenge(&app, &lookup(), &TOKEN, PLATFORM, now()).await.unwrap().is_none());
    });
}

#[test]
fn ten_answers_in_a_row_lock_and_owe_one_mail() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        equip(db, user, &["totp"]).await;
        let given = || Given { factor: Factor::Totp, backup_hashes: &[], passkey: None, outbox_id: new_id(), now: now() };
        let own = async |at: Timestamp| mfa::answer_own(&app, &lookup(), user, PLATFORM, &Given { now: at, ..given() }).await.unwrap();
        for n in 1..=10 {
            let Answered::Taken(answer) = own(now()).await else { panic!("the {n}th is taken") };
            assert_eq!(answer.queued.map(|row| row.kind), (n == 10).then(|| "mail.account_locked".to_owned()));
        }
        for (seconds, lock) in [(59, 60), (0, 60)] {
            let Answered::Locked(until) = own(now().plus_seconds(seconds)).await else { panic!("it is locked") };
            assert_eq!(until, now().plus_seconds(lock));
        }
        // Each further one doubles the wait.
        let mut at = now().plus_seconds(60);
        for minutes in [2, 4, 8, 16, 32, 60, 60] {
            assert!(matches!(own(at).await, Answered::Taken(_)));
            let Answered::Locked(until) = own(at).await else { panic!("it is locked") };
            assert_eq!(until.since(at), minutes * 60_000);
            at = until;
        }
        let mails: i64 = db.superuser().await.query_one("SELECT count(*) FROM outbox WHERE kind = 'mail.account_locked'", &[]).await.unwrap().get(0);
        assert_eq!(mails, 1);
        // A right one clears the count.
        assert!(matches!(own(at).await, Answered::Taken(_)));
        let redemption = Redemption { factor: Factor::Totp, step: Some(5), code: None, passkey: None };
        let right = StepUp { user_id: user, home: PLATFORM, redemption, ip: "192.0.2.7", notice: None, now: at };
        assert_eq!(mfa::redeem_own(&app, &lookup(), &right).await.unwrap(), Redeemed::Done);
        assert!(matches!(own(at).await, Answered::Taken(_)));
    });
}

#[test]
fn who_has_no_factor_has_nothing_to_answer() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        equip(db, user, &["backup"]).await;
        let given = Given { factor: Factor::Totp, backup_hashes: &[], passkey: None, outbox_id: new_id(), now: now() };
        for _ in 0..12 {
            assert!(matches!(mfa::answer_own(&app, &lookup(), user, PLATFORM, &given).await.unwrap(), Answered::Nothing));
        }
    });
}

#[test]
fn a_right_answer_counts_once_and_brings_session_and_device() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        equip(db, owner, &["totp", "backup"]).await;
        let id = challenge(&app, owner, acme, TOKEN).await;
        taken(&app, acme, Factor::Totp).await;
        let device = NewDevice { id: new_id(), token_hash: [3; 32], name: Some("x".repeat(200)), expires_at: now().plus_seconds(60) };
        let finish = async |challenge, redemption, device: Option<&NewDevice>| {
            let record = session(acme, owner);
            one_trip(&app, mfa::finish_challenge(&app, &lookup(), challenge, redemption, &record, device, &[])).await.unwrap()
        };
        let step = |step| Redemption { factor: Factor::Totp, step: Some(step), code: None, passkey: None };
        assert_eq!(finish(id, step(7), Some(&device)).await, Redeemed::Done);
        assert_eq!(finish(id, step(8), None).await, Redeemed::ChallengeUsed);
        let second = challenge(&app, owner, acme, [2; 32]).await;
        assert_eq!(finish(second, step(7), None).await, Redeemed::CodeUsed, "the step was used");
        assert_eq!(finish(second, step(6), None).await, Redeemed::CodeUsed, "and those before it");
        let code: Uuid = db.superuser().await.query_one("SELECT id FROM mfa_backup_codes", &[]).await.unwrap().get(0);
        let backup = Redemption { factor: Factor::BackupCode, step: None, code: Some(code), passkey: None };
        assert_eq!(finish(second, backup, None).await, Redeemed::Done);
        let third = challenge(&app, owner, acme, [4; 32]).await;
        assert_eq!(finish(third, backup, None).await, Redeemed::CodeUsed);
        assert_eq!(finish(third, step(8), None).await, Redeemed::Done);
        let client = db.superuser().await;
        let counts = "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM events WHERE type = 'session.created'), \
                      (SELECT count(*) FROM trusted_devices WHERE length(name) = 100)";
        let row = client.query_one(counts, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (3, 3, 1), "what was refused left nothing");
        assert_eq!(standing_of_device(&app, [3; 32]).await, Some(device.id.uuid()));
    });
}

async fn standing_of_device(app: &Db, hash: [u8; 32]) -> Option<Uuid> {
    let arrival = mfa::Arrival { device_hash: Some(hash), ..arrival(PLATFORM) };
    let found = identity::find_credentials(app, &lookup(), "owner@acme.example", &arrival).await.unwrap().unwrap();
    found.standing.trusted_device.map(zygo_core::id::TrustedDeviceId::uuid)
}

/// Twenty at once, of one challenge and of one code: each counts once.
#[test]
fn of_twenty_at_once_one_counts() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        equip(db, user, &["totp"]).await;
        let id = challenge(&app, user, PLATFORM, TOKEN).await;
        let mut connections = Vec::new();
        for _ in 0..20 {
            connections.push(db.app().await);
        }
        let scope = lookup();
        let race = async |of_challenge: bool| {
            let results = futures::future::join_all(connections.iter().zip(0_i64..).map(|(app, n)| {
                let scope = &scope;
                async move {
                    let record = session(PLATFORM, user);
                    if of_challenge {
                        let redemption = Redemption { factor: Factor::Totp, step: Some(100 + n), code: None, passkey: None };
                        mfa::finish_challenge(app, scope, id, redemption, &record, None, &[]).await
                    } else {
                        let redemption = Redemption { factor: Factor::Totp, step: Some(500), code: None, passkey: None };
                        let step_up = StepUp { user_id: user, home: PLATFORM, redemption, ip: "192.0.2.7", notice: None, now: now() };
                        mfa::redeem_own(app, scope, &step_up).await
                    }
                }
            }))
            .await;
            let results: Result<Vec<Redeemed>, StoreError> = results.into_iter().collect();
            results.unwrap().into_iter().filter(|outcome| *outcome == Redeemed::Done).count()
        };
        assert_eq!(race(true).await, 1);
        assert_eq!(race(false).await, 1);
        let sessions: i64 = db.superuser().await.query_one("SELECT count(*) FROM sessions", &[]).await.unwrap().get(0);
        assert_eq!(sessions, 1);
    });
}

#[test]
fn a_hash_with_newer_parameters_is_kept_on_the_way_to_a_challenge() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let stored = async || {
            let found = identity::find_credentials(&app, &lookup(), "ada@example.com", &arrival(PLATFORM)).await.unwrap().unwrap();
            found.password_hash.unwrap()
        };
        let weak = stored().await;
        for (token, new) in [(TOKEN, "$argon2id$better"), ([2; 32], "$argon2id$late")] {
            let rehash = Rehash { old: weak.clone(), new: new.to_owned() };
            let new = NewChallenge {
                id: new_id(),
                user_id: user,
                home: PLATFORM,
                token_hash: token,
                amr: &[],
                device_name: None,
                cookie: false,
                rehash: Some(&rehash),
                reasons: &[],
                mailed: None,
                expires_at: now(),
                now: now(),
            };
            one_trip(&app, mfa::begin_challenge(&app, &lookup(), &new)).await.unwrap();
            assert_eq!(stored().await, "$argon2id$better", "the weak one alone is replaced");
        }
        assert!(event::fits("user.factor_added", &serde_json::json!({ "user_id": user, "factor": "totp" })));
    });
}

#[test]
fn whoever_ends_their_sessions_ends_half_sign_ins_and_trust_too() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        equip(db, user, &["totp"]).await;
        challenge(&app, user, PLATFORM, TOKEN).await;
        let insert = "INSERT INTO trusted_devices (id, user_id, token_hash, expires_at) VALUES (gen_random_uuid(), $1, $2, now() + interval '1 day')";
        db.superuser().await.execute(insert, &[&user.uuid(), &[7_u8; 32].as_slice()]).await.unwrap();
        let left = async || -> i64 { db.superuser().await.query_one("SELECT count(*) FROM trusted_devices", &[]).await.unwrap().get(0) };
        let end = async |which| identity::end_sessions(&app, &lookup(), user, which, "signed_out", now()).await.unwrap();
        end(identity::Which::One(new_id())).await;
        assert_eq!(left().await, 1);
        assert!(matches!(answer_at(&app, PLATFORM, Factor::Totp, now()).await, Answered::Taken(_)));
        end(identity::Which::Others(new_id())).await;
        assert_eq!(left().await, 0);
        assert!(matches!(answer_at(&app, PLATFORM, Factor::Totp, now()).await, Answered::Closed(ChallengeState::Consumed, _)));
    });
}
