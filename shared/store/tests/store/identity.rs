//! Signing up, verifying, signing in, profiles.

use zygo_core::{
    events::{event, job::Queue},
    id::{TenantId, UserId},
};
use zygo_store::{
    Db,
    identity::{self, Failure, NewVerification, ProfilePatch, Redeemed, Rehash, SignIn, SignUp, Update},
};

use crate::{
    fixture::{arrival, newcomer, person, session, tenant},
    harness::{lookup, new_id, now, one_trip, platform, with_db},
};

#[test]
fn signing_up_writes_user_event_and_mail_in_one_round_trip() {
    with_db(async |db| {
        let app = db.app().await;
        let new = newcomer("ada@example.com");
        let SignUp::Created { user, queued } = one_trip(&app, identity::sign_up(&app, &lookup(), &new)).await.unwrap() else { panic!("it is new") };
        let queued = queued.unwrap();
        assert_eq!((queued.id, queued.kind.as_str(), queued.queue), (new.outbox_id, "mail.verify_email", Queue::Mail));
        assert_eq!(identity::me(&app, &lookup(), user.id).await.unwrap().unwrap().user, user);
        let row = db.superuser().await.query_one("SELECT type, data, tenant_id FROM events", &[]).await.unwrap();
        assert!(event::fits(row.get(0), &row.get(1)));
        assert_eq!(TenantId::from(row.get::<_, uuid::Uuid>(2)), TenantId::PLATFORM);
    });
}

#[test]
fn a_taken_address_owes_its_owner_a_mail_and_changes_nothing_else() {
    with_db(async |db| {
        let app = db.app().await;
        let owner = person(&app, "ada@example.com").await;
        let again = newcomer("ada@example.com");
        let SignUp::Taken { queued } = one_trip(&app, identity::sign_up(&app, &lookup(), &again)).await.unwrap() else { panic!("it is taken") };
        assert_eq!(queued.unwrap().kind, "mail.account_exists");
        let client = db.superuser().await;
        let row = client.query_one("SELECT payload FROM outbox WHERE id = $1", &[&again.outbox_id.uuid()]).await.unwrap();
        assert_eq!(row.get::<_, serde_json::Value>(0)["user_id"], owner.to_string());
        let counts = client.query_one("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM events)", &[]).await.unwrap();
        assert_eq!((counts.get::<_, i64>(0), counts.get::<_, i64>(1)), (1, 1));
    });
}

/// Two sign-ups at the same moment: one account, one mail of each kind.
#[test]
fn twins_make_one_account() {
    with_db(async |db| {
        let (one, two) = (db.app().await, db.app().await);
        let (first, second) = (newcomer("ada@example.com"), newcomer("ada@example.com"));
        let scope = lookup();
        let (a, b) = tokio::join!(identity::sign_up(&one, &scope, &first), identity::sign_up(&two, &scope, &second));
        let created = [a.unwrap(), b.unwrap()].iter().filter(|outcome| matches!(outcome, SignUp::Created { .. })).count();
        assert_eq!(created, 1);
    });
}

async fn token(db: &Db, user_id: UserId, hash: [u8; 32], lifetime: i64) -> bool {
    let new = NewVerification { id: new_id(), user_id, token_hash: hash, expires_at: now().plus_seconds(lifetime), now: now() };
    let profile = one_trip(db, identity::begin_verification(db, &platform(), &new)).await.unwrap().expect("the account is there");
    assert_eq!(profile.email, "ada@example.com");
    !profile.email_verified
}

#[test]
fn a_verification_token_works_once_and_uses_up_the_others() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let user = person(&app, "ada@example.com").await;
        for hash in [[1; 32], [2; 32]] {
            assert!(token(&jobs, user, hash, 60).await);
        }
        token(&jobs, user, [3; 32], -1).await;
        let verify = async |hash: [u8; 32]| one_trip(&app, identity::verify_email(&app, &lookup(), &hash, now(), new_id())).await.unwrap();
        assert!(matches!(verify([9; 32]).await, Redeemed::Unknown));
        assert!(matches!(verify([3; 32]).await, Redeemed::Expired));
        let Redeemed::Good(row) = verify([1; 32]).await else { panic!("it is good") };
        assert!(row.email_verified && row.id == user && row.version == 2);
        assert!(matches!(verify([1; 32]).await, Redeemed::Consumed));
        assert!(matches!(verify([2; 32]).await, Redeemed::Consumed));
        assert!(!token(&jobs, user, [4; 32], 60).await, "nothing is left to verify");
        assert!(matches!(verify([4; 32]).await, Redeemed::Unknown));
        let count: i64 = db.superuser().await.query_one("SELECT count(*) FROM events WHERE type = 'user.email_verified'", &[]).await.unwrap().get(0);
        assert_eq!(count, 1);
    });
}

#[test]
fn a_token_for_an_address_that_was_changed_is_void() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let user = person(&app, "ada@example.com").await;
        token(&jobs, user, [1; 32], 60).await;
        db.superuser().await.execute("UPDATE users SET email = 'countess@example.com'", &[]).await.unwrap();
        let outcome = identity::verify_email(&app, &lookup(), &[1; 32], now(), new_id()).await.unwrap();
        assert!(matches!(outcome, Redeemed::Consumed));
    });
}

#[test]
fn the_mail_is_owed_again_only_to_an_unverified_account() {
    with_db(async |db| {
        let app = db.app().await;
        person(&app, "ada@example.com").await;
        let ask = async |email: &str| one_trip(&app, identity::request_verification(&app, &lookup(), email, new_id(), now())).await.unwrap();
        assert_eq!(ask("ada@example.com").await.unwrap().kind, "mail.verify_email");
        assert!(ask("nobody@example.com").await.is_none());
        db.superuser().await.execute("UPDATE users SET email_verified_at = now()", &[]).await.unwrap();
        assert!(ask("ada@example.com").await.is_none());
    });
}

#[test]
fn credentials_come_with_the_membership_in_the_tenant_asked_for() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let (_, globex) = tenant(&app, "globex").await;
        let find = async |email: &str, at: TenantId| one_trip(&app, identity::find_credentials(&app, &lookup(), email, &arrival(at))).await.unwrap();
        assert!(find("nobody@example.com", acme).await.is_none());
        let here = find("owner@acme.example", acme).await.unwrap();
        assert_eq!((here.user.id, here.password_hash.as_deref(), here.user_suspended), (owner, Some("$argon2id$secret"), false));
        let membership = here.membership.unwrap();
        assert_eq!((membership.tenant.id, membership.role.key.as_str(), membership.role.level), (acme, "owner", 100));
        assert!(membership.role.is_default && !membership.is_suspended() && membership.custom_permissions.is_empty());
        assert!(find("owner@acme.example", globex).await.unwrap().membership.is_none());
        assert!(find("owner@acme.example", TenantId::PLATFORM).await.unwrap().membership.is_none());
    });
}

#[test]
fn failures_lock_from_the_tenth_on_and_success_forgets_them() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let fail = async |user_id: Option<UserId>, seconds: i64| {
            let failure = Failure {
                user_id,
                account: "hash".to_owned(),
                tenant_id: TenantId::PLATFORM,
                ip: None,
                event_id: new_id(),
                outbox_id: new_id(),
                now: now().plus_seconds(seconds),
            };
            one_trip(&app, identity::record_sign_in_failure(&app, &lookup(), &failure)).await.unwrap()
        };
        let state = async || {
            let found = identity::find_credentials(&app, &lookup(), "ada@example.com", &arrival(TenantId::PLATFORM)).await.unwrap().unwrap();
            (found.failed_sign_ins, found.locked_until.map(|until| until.since(now()) / 1000))
        };
        for _ in 0..9 {
            assert!(fail(Some(user), 0).await.is_none());
        }
        assert_eq!(state().await, (9, None));
        assert_eq!(fail(Some(user), 0).await.unwrap().kind, "mail.account_locked");
        assert_eq!(state().await, (10, Some(60)));
        assert!(fail(Some(user), 30).await.is_none());
        assert_eq!(state().await, (10, Some(60)), "a failure while locked does not count");
        for (seconds, until) in [(60, 180), (180, 420), (420, 900), (900, 1860), (1860, 3780), (3780, 7380), (7380, 10980)] {
            assert!(fail(Some(user), seconds).await.is_none(), "told once in a row");
            assert_eq!(state().await.1, Some(until));
        }
        assert!(fail(None, 0).await.is_none());
        let count: i64 =
            db.superuser().await.query_one("SELECT count(*) FROM security_events WHERE kind = 'sign_in.failed'", &[]).await.unwrap().get(0);
        assert_eq!(count, 19);
        let record = session(TenantId::PLATFORM, user);
        let sign_in = SignIn { session: &record, rehash: None, device: None, passkey: None, notice: None };
        one_trip(&app, identity::record_sign_in(&app, &lookup(), &sign_in)).await.unwrap();
        assert_eq!(state().await, (0, None));
    });
}

#[test]
fn a_hash_with_newer_parameters_takes_the_place_of_the_one_that_was_checked_alone() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let stored = async || {
            let found = identity::find_credentials(&app, &lookup(), "ada@example.com", &arrival(TenantId::PLATFORM)).await.unwrap().unwrap();
            (found.password_hash.unwrap(), found.user.version)
        };
        let weak = stored().await.0;
        // The second is of a sign-in that began with the weak one, while the password was changed.
        for (old, new, then) in [(weak.as_str(), "$argon2id$better", "$argon2id$better"), (weak.as_str(), "$argon2id$late", "$argon2id$better")] {
            let record = session(TenantId::PLATFORM, user);
            let rehash = Some(Rehash { old: old.to_owned(), new: new.to_owned() });
            let sign_in = SignIn { session: &record, rehash, device: None, passkey: None, notice: None };
            one_trip(&app, identity::record_sign_in(&app, &lookup(), &sign_in)).await.unwrap();
            assert_eq!(stored().await, (then.to_owned(), 1), "signing in is no change of the profile");
        }
    });
}

#[test]
fn me_lists_memberships_over_tenants() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        tenant(&app, "globex").await;
        let me = one_trip(&app, identity::me(&app, &lookup(), owner)).await.unwrap().unwrap();
        assert_eq!(me.memberships.iter().map(|membership| membership.tenant.id).collect::<Vec<_>>(), [acme]);
        assert!(me.mfa_factors.is_empty());
        let client = db.superuser().await;
        client
            .execute(
                "INSERT INTO mfa_tokens (id, user_id, kind, secret_sealed, confirmed_at) VALUES (gen_random_uuid(), $1, 'totp', '', now())",
                &[&owner.uuid()],
            )
            .await
            .unwrap();
        assert_eq!(identity::me(&app, &lookup(), owner).await.unwrap().unwrap().mfa_factors, [zygo_core::identity::mfa::Factor::Totp]);
        assert!(identity::me(&app, &lookup(), new_id()).await.unwrap().is_none());
    });
}

#[test]
fn a_profile_changes_only_where_the_version_is_expected() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let patch =
            ProfilePatch { last_name: Some(Some("Lovelace".to_owned())), timezone: Some("Europe/London".to_owned()), ..ProfilePatch::default() };
        let update = async |patch: &ProfilePatch, versions: Option<&[i64]>| {
            one_trip(&app, identity::update_profile(&app, &lookup(), user, patch, versions)).await.unwrap()
        };
        assert!(matches!(update(&patch, Some(&[7])).await, Update::VersionLost));
        let Update::Done(me) = update(&patch, Some(&[7, 1])).await else { panic!("1 is expected") };
        assert_eq!((me.user.version, me.user.last_name.as_deref(), me.user.first_name.as_deref()), (2, Some("Lovelace"), Some("Ada")));
        assert_eq!(me.user.timezone, "Europe/London");
        let Update::Done(me) = update(&patch, None).await else { panic!("any version") };
        assert_eq!(me.user.version, 2, "the same again changes nothing");
        let clear = ProfilePatch { first_name: Some(None), ..ProfilePatch::default() };
        let Update::Done(me) = update(&clear, None).await else { panic!("any version") };
        assert_eq!((me.user.version, me.user.first_name), (3, None));
        let missing = identity::update_profile(&app, &lookup(), new_id(), &patch, None).await.unwrap();
        assert!(matches!(missing, Update::Missing));
        let rows = db.superuser().await.query("SELECT data FROM events WHERE type = 'user.updated' ORDER BY data ->> 'version'", &[]).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| event::fits("user.updated", &row.get(0))));
    });
}

#[test]
fn the_mail_job_reads_a_profile() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let user = person(&app, "ada@example.com").await;
        let profile = one_trip(&jobs, identity::user_profile_for_mail(&jobs, &platform(), user)).await.unwrap().unwrap();
        assert_eq!((profile.email.as_str(), profile.locale.as_str(), profile.locked_until), ("ada@example.com", "en", None));
        assert!(!format!("{profile:?}").contains("ada"));
        assert!(identity::user_profile_for_mail(&jobs, &platform(), new_id()).await.unwrap().is_none());
    });
}
