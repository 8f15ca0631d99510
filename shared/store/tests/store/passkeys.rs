//! Passkeys.

use zygo_core::{
    id::{PasskeyId, TenantId, UserId},
    identity::passkey::{
        Backup,
        assertion::Used,
        challenge::Ceremony,
        key::{Algorithm, PublicKey},
        registration::Credential,
    },
};
use zygo_store::{
    Db,
    identity::{self, Added, CeremonyOutcome, NewPasskey, PasskeyAnswer, PasskeyUse, Removed, SignIn},
};

use crate::{
    fixture::{arrival, person, session, tenant},
    harness::{lookup, new_id, now, one_trip, platform, with_db},
};

fn ceremony(number: u8) -> Ceremony {
    Ceremony::begin([number; 16], None, now())
}

fn credential(number: u8) -> Credential {
    Credential {
        id: vec![number; 32],
        key: PublicKey { algorithm: Algorithm::Es256, bytes: vec![2; 33] },
        sign_count: 5,
        backup: Backup { eligible: true, exists: false },
        transports: vec!["internal".into()],
    }
}

async fn add(db: &Db, user_id: UserId, ceremony: &Ceremony, credential: &Credential) -> (PasskeyId, Added) {
    let new = NewPasskey { id: new_id(), user_id, rp_id: "zygo.tech", credential, name: "phone", outbox_id: new_id(), now: now() };
    (new.id, one_trip(db, identity::add_passkey(db, &lookup(), ceremony, &new)).await.unwrap())
}

async fn find(db: &Db, ceremony: &Ceremony, credential: &[u8], rp_id: &str, home: TenantId) -> CeremonyOutcome {
    let answer = PasskeyAnswer { ceremony, credential, rp_id, arrival: &arrival(home) };
    one_trip(db, identity::find_passkey(db, &lookup(), answer)).await.unwrap()
}

#[test]
fn a_credential_is_found_with_its_owner_under_its_domain() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, home) = tenant(&app, "acme").await;
        let (id, added) = add(&app, owner, &ceremony(1), &credential(1)).await;
        assert!(matches!(added, Added::Added { .. }));
        let CeremonyOutcome::Fresh(Some(found)) = find(&app, &ceremony(2), &[1; 32], "zygo.tech", home).await else { panic!("not found") };
        assert_eq!((found.id, found.known.user_id, found.known.sign_count, found.known.backup_eligible), (id, owner, 5, true));
        assert_eq!((found.user.id, found.membership.map(|m| m.tenant.id)), (owner, Some(home)));
        assert_eq!(found.known.key, credential(1).key);
        // At the platform there is no membership; under another domain, or by another id, no credential.
        let CeremonyOutcome::Fresh(Some(found)) = find(&app, &ceremony(3), &[1; 32], "zygo.tech", TenantId::PLATFORM).await else {
            panic!("not found")
        };
        assert!(found.membership.is_none());
        for (number, id, rp_id) in [(4, [1; 32], "getzygo.com"), (5, [2; 32], "zygo.tech")] {
            assert!(matches!(find(&app, &ceremony(number), &id, rp_id, home).await, CeremonyOutcome::Fresh(None)));
        }
    });
}

#[test]
fn a_challenge_is_used_once_whatever_for() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        assert!(matches!(find(&app, &ceremony(1), &[1; 32], "zygo.tech", TenantId::PLATFORM).await, CeremonyOutcome::Fresh(None)));
        assert!(matches!(find(&app, &ceremony(1), &[1; 32], "zygo.tech", TenantId::PLATFORM).await, CeremonyOutcome::Replayed));
        assert_eq!(add(&app, user, &ceremony(1), &credential(1)).await.1, Added::Replayed);
        // What ran out is forgotten.
        let stored = "SELECT count(*) FROM passkey_ceremonies";
        let client = db.superuser().await;
        let platform_db = db.platform().await;
        zygo_store::upkeep::remove_expired(&platform_db, &platform(), now()).await.unwrap();
        assert_eq!(client.query_one(stored, &[]).await.unwrap().get::<_, i64>(0), 1);
        zygo_store::upkeep::remove_expired(&platform_db, &platform(), now().plus_seconds(600)).await.unwrap();
        assert_eq!(client.query_one(stored, &[]).await.unwrap().get::<_, i64>(0), 0);
    });
}

#[test]
fn twenty_are_the_most() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        for number in 1..=20 {
            assert!(matches!(add(&app, user, &ceremony(number), &credential(number)).await.1, Added::Added { .. }));
        }
        assert_eq!(add(&app, user, &ceremony(21), &credential(21)).await.1, Added::Full);
        let other = person(&app, "bob@example.org").await;
        assert_eq!(add(&app, other, &ceremony(22), &credential(1)).await.1, Added::Known);
        assert_eq!(identity::list_passkeys(&app, &lookup(), user).await.unwrap().len(), 20);
        assert_eq!(identity::list_passkeys(&app, &lookup(), other).await.unwrap().len(), 0);
    });
}

#[test]
fn a_use_is_recorded_with_the_sign_in_and_the_counter_never_goes_back() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        let (id, _) = add(&app, user, &ceremony(1), &credential(1)).await;
        for (sign_count, expected) in [(9, 9), (7, 9)] {
            let passkey = PasskeyUse { id, used: Used { sign_count, backup: Backup { eligible: true, exists: true } } };
            let record = session(TenantId::PLATFORM, user);
            let sign_in = SignIn { session: &record, rehash: None, device: None, passkey: Some(passkey), notice: None };
            one_trip(&app, identity::record_sign_in(&app, &lookup(), &sign_in)).await.unwrap();
            let listed = identity::list_passkeys(&app, &lookup(), user).await.unwrap();
            assert!(listed[0].last_used_at == Some(now()) && listed[0].backup.exists);
            let CeremonyOutcome::Fresh(Some(found)) =
                find(&app, &ceremony(10 + u8::try_from(sign_count).unwrap()), &[1; 32], "zygo.tech", TenantId::PLATFORM).await
            else {
                panic!("not found")
            };
            assert_eq!(found.known.sign_count, expected);
        }
    });
}

#[test]
fn the_last_way_in_is_not_removed() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        let (one, _) = add(&app, user, &ceremony(1), &credential(1)).await;
        let (two, _) = add(&app, user, &ceremony(2), &credential(2)).await;
        let remove = async |who, id, fresh| identity::remove_passkey(&app, &lookup(), who, id, fresh, new_id(), now()).await.unwrap();
        let other = person(&app, "bob@example.org").await;
        assert_eq!(remove(other, one, true).await, Removed::Unknown);
        assert_eq!(remove(user, one, false).await, Removed::Stale);
        assert!(matches!(remove(user, one, true).await, Removed::Removed { .. }));
        assert_eq!(remove(user, one, true).await, Removed::Unknown);
        let client = db.superuser().await;
        client.execute("UPDATE users SET password_hash = NULL WHERE id = $1", &[&user.uuid()]).await.unwrap();
        assert_eq!(remove(user, two, true).await, Removed::LastWayIn);
        let account = "INSERT INTO oauth_accounts (id, user_id, provider, subject) VALUES ($1, $2, 'google', '7')";
        client.execute(account, &[&new_id::<uuid::Uuid>(), &user.uuid()]).await.unwrap();
        assert!(matches!(remove(user, two, true).await, Removed::Removed { .. }));
        let events = "SELECT count(*) FROM events WHERE type LIKE 'passkey.%' AND user_id = $1";
        assert_eq!(client.query_one(events, &[&user.uuid()]).await.unwrap().get::<_, i64>(0), 4);
        let notices = "SELECT count(*) FROM outbox WHERE kind = 'mail.security_notice' AND payload ->> 'user_id' = $1";
        assert_eq!(client.query_one(notices, &[&user.to_string()]).await.unwrap().get::<_, i64>(0), 4);
    });
}

#[test]
fn a_registration_begins_with_what_there_is() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.org").await;
        let owner = one_trip(&app, identity::passkey_owner(&app, &lookup(), user)).await.unwrap().unwrap();
        assert!(owner.passkeys.is_empty() && owner.factors.is_empty() && owner.user.email == "ada@example.org");
        add(&app, user, &ceremony(1), &credential(1)).await;
        let owner = identity::passkey_owner(&app, &lookup(), user).await.unwrap().unwrap();
        assert_eq!(owner.passkeys.iter().map(|passkey| passkey.credential_id.as_slice()).collect::<Vec<_>>(), [[1; 32]]);
        assert_eq!(owner.factors, [zygo_core::identity::mfa::Factor::Passkey]);
        assert!(identity::passkey_owner(&app, &lookup(), new_id()).await.unwrap().is_none());
    });
}
