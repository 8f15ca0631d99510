//! How odd a sign-in is: the history that it is compared with, and what is recorded.

use std::net::IpAddr;

use tokio_postgres::Client;
use zygo_core::{
    id::{ChallengeId, TenantId, UserId},
    identity::{
        notice::{Notice, Reason},
        risk::{
            Assessment,
            history::{Coordinates, History},
        },
    },
    time::Timestamp,
};
use zygo_store::{
    Db,
    identity::{
        self, Failure, NewNotice, Refusal, SessionRecord, SignIn, SignInFrom, SignUp,
        mfa::{self, Arrival, NewChallenge},
    },
};

use crate::{
    fixture::{newcomer, person, session, tenant},
    harness::{lookup, new_id, now, one_trip, platform, with_db},
};

const ADDRESS: &str = "203.0.113.9";

fn arrival(home: TenantId, ip: &str, now: Timestamp) -> Arrival {
    Arrival { home, device_hash: None, ip: ip.parse::<IpAddr>().ok(), now }
}

async fn history(db: &Db, email: &str, arrival: &Arrival) -> History {
    one_trip(db, identity::find_credentials(db, &lookup(), email, arrival)).await.unwrap().unwrap().history
}

async fn sign_in(db: &Db, user: UserId, hours_ago: i64, from: Option<SignInFrom>) {
    let at = now().plus_seconds(-3600 * hours_ago);
    let record = SessionRecord { from, now: at, ..session(TenantId::PLATFORM, user) };
    identity::record_sign_in(db, &lookup(), &SignIn { session: &record, rehash: None, device: None, passkey: None, notice: None }).await.unwrap();
}

fn from(device: u8) -> SignInFrom {
    SignInFrom { device_hash: Some([device; 32]), family: "firefox/linux".into(), network: Some(3320), place: Coordinates::new(52.52, 13.4) }
}

#[test]
fn the_history_is_the_latest_sign_ins() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        let here = arrival(TenantId::PLATFORM, ADDRESS, now());
        assert_eq!(history(&app, "ada@example.org", &here).await, History::default());
        for hours in 1..=22 {
            sign_in(&app, user, hours, Some(from(u8::try_from(hours).unwrap()))).await;
        }
        // One that began without a sign-in is no evidence.
        sign_in(&app, user, 0, None).await;
        sign_in(&app, person(&app, "bob@example.org").await, 0, Some(from(99))).await;
        let known = history(&app, "ada@example.org", &here).await.sign_ins;
        assert_eq!(known.len(), 20);
        assert_eq!(known[0].at, now().plus_seconds(-3600).millis());
        assert_eq!(known[0].device, Some("01".repeat(32)));
        assert_eq!((known[0].network, known[0].latitude, known[0].longitude), (Some(3320), Some(52.5), Some(13.4)));
        assert_eq!((known[0].family.as_str(), known[0].country.as_deref()), ("firefox/linux", Some("DE")));
        assert!(known.windows(2).all(|pair| pair[0].at > pair[1].at));
    });
}

async fn fail(db: &Db, user: Option<UserId>, ip: &str, at: Timestamp) {
    let failure = Failure {
        user_id: user,
        account: "hash".to_owned(),
        tenant_id: TenantId::PLATFORM,
        ip: Some(ip.to_owned()),
        event_id: new_id(),
        outbox_id: new_id(),
        now: at,
    };
    identity::record_sign_in_failure(db, &lookup(), &failure).await.unwrap();
}

#[test]
fn failures_of_the_last_hour_count_by_account_and_by_address() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        for _ in 0..3 {
            fail(&app, Some(user), "198.51.100.1", now()).await;
        }
        fail(&app, Some(user), "198.51.100.1", now().plus_seconds(-3601)).await;
        for _ in 0..2 {
            fail(&app, None, ADDRESS, now()).await;
        }
        let seen = history(&app, "ada@example.org", &arrival(TenantId::PLATFORM, ADDRESS, now())).await;
        assert_eq!((seen.account_failures, seen.address_failures), (3, 2));
        let nowhere = history(&app, "ada@example.org", &arrival(TenantId::PLATFORM, "unknown", now())).await;
        assert_eq!((nowhere.account_failures, nowhere.address_failures), (3, 0));
    });
}

async fn block(client: &Client, tenant: TenantId, networks: &str) {
    let sql = "UPDATE tenant_settings SET ip_block_list = $2::text::inet[] WHERE tenant_id = $1";
    client.execute(sql, &[&tenant.uuid(), &networks]).await.unwrap();
}

#[test]
fn block_lists_are_the_tenants_and_the_platforms() {
    with_db(async |db| {
        let app = db.app().await;
        let (_, acme) = tenant(&app, "acme").await;
        let (_, globex) = tenant(&app, "globex").await;
        let client = db.superuser().await;
        block(&client, acme, "{198.51.100.0/24,2001:db8::/32}").await;
        block(&client, TenantId::PLATFORM, "{192.0.2.66}").await;
        let cases = [
            (acme, "198.51.100.7", true),
            (acme, "::ffff:198.51.100.7", true),
            (acme, "2001:db8:1::1", true),
            (acme, "198.51.101.7", false),
            (acme, "unknown", false),
            (globex, "198.51.100.7", false),
            (TenantId::PLATFORM, "198.51.100.7", false),
            (acme, "192.0.2.66", true),
            (globex, "192.0.2.66", true),
            (TenantId::PLATFORM, "192.0.2.66", true),
        ];
        for (home, ip, blocked) in cases {
            let seen = history(&app, "owner@acme.example", &arrival(home, ip, now())).await;
            assert_eq!(seen.blocked, blocked, "{ip}");
            let new = identity::NewUser { arrival: arrival(home, ip, now()), ..newcomer(&format!("{}@example.org", new_id::<uuid::Uuid>())) };
            let signed_up = one_trip(&app, identity::sign_up(&app, &lookup(), &new)).await.unwrap();
            assert_eq!(matches!(signed_up, SignUp::Blocked), blocked, "{ip}");
            let made = client.query_one("SELECT count(*) FROM users WHERE email = $1", &[&new.email]).await.unwrap().get::<_, i64>(0);
            assert_eq!(made, i64::from(!blocked), "{ip}");
        }
    });
}

#[test]
fn a_refusal_is_recorded_and_its_owner_is_told() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        let assessment = Assessment::noted(&[Reason::NewDevice, Reason::BlockedAddress]);
        let notice = Notice::SignInRefused { reasons: assessment.reasons.clone() };
        let refusal = Refusal {
            user_id: user,
            home: TenantId::PLATFORM,
            assessment: &assessment,
            ip: ADDRESS,
            country: Some("PT"),
            event_id: new_id(),
            notice: NewNotice { outbox_id: new_id(), notice, now: now() },
            now: now(),
        };
        one_trip(&app, identity::refuse_sign_in(&app, &lookup(), &refusal)).await.unwrap();
        let client = db.superuser().await;
        let sql =
            "SELECT severity, details ->> 'score', (details -> 'reasons')::text FROM security_events WHERE kind = 'sign_in.refused' AND user_id = $1";
        let row = client.query_one(sql, &[&user.uuid()]).await.unwrap();
        let found: (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(found, ("critical", "100", r#"["new_device", "blocked_address"]"#));
        let mails = "SELECT payload -> 'notice' ->> 'what' FROM outbox WHERE kind = 'mail.security_notice'";
        assert_eq!(client.query_one(mails, &[]).await.unwrap().get::<_, &str>(0), "sign_in_refused");
    });
}

#[test]
fn a_code_is_mailed_for_an_open_challenge_only() {
    with_db(async |db| {
        let app = db.app().await;
        let (user, other) = (person(&app, "ada@example.org").await, person(&app, "bob@example.org").await);
        let id: ChallengeId = new_id();
        let reasons = [Reason::NewDevice, Reason::NewCountry];
        let new = NewChallenge {
            id,
            user_id: user,
            home: TenantId::PLATFORM,
            token_hash: [7; 32],
            amr: &["pwd".to_owned()],
            device_name: None,
            cookie: false,
            rehash: None,
            reasons: &reasons,
            mailed: Some(new_id()),
            expires_at: now().plus_seconds(300),
            now: now(),
        };
        let queued = one_trip(&app, mfa::begin_challenge(&app, &lookup(), &new)).await.unwrap().expect("a mail is owed");
        assert_eq!(queued.kind, "mail.sign_in_code");
        let job = db.superuser().await.query_one("SELECT payload FROM outbox WHERE kind = 'mail.sign_in_code'", &[]).await.unwrap();
        let payload: serde_json::Value = job.get(0);
        assert!(zygo_core::events::job::Job::decode("mail.sign_in_code", &payload).is_some(), "{payload}");
        let jobs = db.platform().await;
        let begin = async |who, at| identity::begin_sign_in_code(&jobs, &platform(), who, id, &[9; 32], at).await.unwrap();
        let (profile, odd) = begin(user, now()).await.expect("it is open");
        assert_eq!((profile.email.as_str(), odd.as_slice()), ("ada@example.org", reasons.as_slice()));
        assert!(begin(other, now()).await.is_none() && begin(user, now().plus_seconds(300)).await.is_none());
        let given =
            mfa::Given { factor: zygo_core::identity::mfa::Factor::Email, backup_hashes: &[], passkey: None, outbox_id: new_id(), now: now() };
        let taken = one_trip(&app, mfa::answer_challenge(&app, &lookup(), &[7; 32], TenantId::PLATFORM, &given)).await.unwrap();
        let mfa::Answered::Taken(answer) = taken else { panic!("not taken") };
        assert_eq!((answer.evidence.mail.as_deref(), answer.reasons.as_slice()), (Some([9; 32].as_slice()), reasons.as_slice()));
    });
}
