//! Accounts elsewhere: whom they lead to, connecting and disconnecting them.

use futures::future::join_all;
use zygo_core::{
    events::event,
    id::{TenantId, UserId},
};
use zygo_store::{
    Db,
    identity::{self, Identity, IdentitySignIn, Lead, Linked, Unlinked, mfa::Arrival},
};

use crate::{
    fixture::{person, session, tenant},
    harness::{TestDb, lookup, new_id, now, one_trip, with_db},
};

fn identity(provider: &'static str, subject: &str, email: Option<&str>) -> Identity {
    Identity { provider, subject: subject.to_owned(), email: email.map(str::to_owned), id: new_id(), notice_id: new_id(), now: now() }
}

fn attempt(provider: &'static str, subject: &str, email: Option<&str>) -> IdentitySignIn {
    IdentitySignIn {
        identity: identity(provider, subject, email),
        email_verified: true,
        arrival: Arrival { home: TenantId::PLATFORM, device_hash: None, ip: None, now: now() },
        user_id: new_id(),
        first_name: Some("Ada".to_owned()),
        last_name: None,
        locale: "de".to_owned(),
    }
}

async fn lead(db: &Db, attempt: &IdentitySignIn) -> Lead {
    one_trip(db, identity::sign_in_by_identity(db, &lookup(), attempt)).await.unwrap()
}

fn to(lead: Lead) -> UserId {
    let Lead::To(found) = lead else { panic!("it leads nowhere") };
    found.user.id
}

async fn verify(db: &TestDb, user_id: UserId) {
    db.superuser().await.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", &[&user_id.uuid()]).await.unwrap();
}

async fn verified(db: &TestDb, app: &Db, email: &str) -> UserId {
    let user_id = person(app, email).await;
    verify(db, user_id).await;
    user_id
}

/// How many people, connected accounts, and notices there are.
async fn counts(db: &TestDb) -> (i64, i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM oauth_accounts), \
        (SELECT count(*) FROM outbox WHERE kind = 'mail.security_notice')";
    let row = db.superuser().await.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[test]
fn somebody_new_gets_an_account_and_is_known_from_then_on() {
    with_db(async |db| {
        let app = db.app().await;
        let first = attempt("google", "g1", Some("ada@example.com"));
        let Lead::To(found) = lead(&app, &first).await else { panic!("it leads nowhere") };
        assert!(found.user.email_verified && found.user.id == first.user_id && found.notice.is_none() && found.membership.is_none());
        assert_eq!((found.user.first_name.as_deref(), found.user.locale.as_str()), (Some("Ada"), "de"));
        // Known by the subject: neither address nor its verification matter any more.
        let mut again = attempt("google", "g1", None);
        again.email_verified = false;
        assert_eq!(to(lead(&app, &again).await), first.user_id);
        assert_eq!(counts(db).await, (1, 1, 0));
        let rows = db.superuser().await.query("SELECT type, data FROM events ORDER BY type", &[]).await.unwrap();
        let types: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(types, ["identity.linked", "user.email_verified", "user.signed_up"]);
        assert!(rows.iter().all(|row| event::fits(row.get(0), &row.get(1))));
    });
}

#[test]
fn an_account_is_joined_only_where_both_sides_verified_the_address() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, "ada@example.com").await;
        // A password and no verified address: whoever set it may be somebody else.
        assert!(matches!(lead(&app, &attempt("google", "g1", Some("ada@example.com"))).await, Lead::Unverified));
        verify(db, user_id).await;
        let mut unvouched = attempt("google", "g1", Some("ada@example.com"));
        unvouched.email_verified = false;
        assert!(matches!(lead(&app, &unvouched).await, Lead::Unverified));
        assert!(matches!(lead(&app, &attempt("google", "g1", None)).await, Lead::Unverified));
        assert_eq!(counts(db).await, (1, 0, 0));
        let Lead::To(found) = lead(&app, &attempt("google", "g1", Some("ada@example.com"))).await else { panic!("it leads nowhere") };
        assert_eq!((found.user.id, found.notice.unwrap().kind.as_str()), (user_id, "mail.security_notice"));
        assert_eq!(counts(db).await, (1, 1, 1));
        // One account per provider: another one with the same address does not take its place.
        assert!(matches!(lead(&app, &attempt("google", "g2", Some("ada@example.com"))).await, Lead::Occupied));
        assert_eq!(to(lead(&app, &attempt("github", "42", Some("ada@example.com"))).await), user_id);
        assert_eq!(counts(db).await, (1, 2, 2));
    });
}

#[test]
fn nobody_unverified_gets_an_account() {
    with_db(async |db| {
        let app = db.app().await;
        let mut unvouched = attempt("microsoft", "m1", Some("ada@example.com"));
        unvouched.email_verified = false;
        assert!(matches!(lead(&app, &unvouched).await, Lead::Unverified));
        assert_eq!(counts(db).await, (0, 0, 0));
    });
}

#[test]
fn who_is_suspended_is_not_joined_but_known() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = verified(db, &app, "ada@example.com").await;
        let suspend = "UPDATE users SET status = 'suspended' WHERE id = $1";
        db.superuser().await.execute(suspend, &[&user_id.uuid()]).await.unwrap();
        assert!(matches!(lead(&app, &attempt("google", "g1", Some("ada@example.com"))).await, Lead::Stranger));
        let other = attempt("google", "g2", Some("eve@example.com"));
        lead(&app, &other).await;
        db.superuser().await.execute(suspend, &[&other.user_id.uuid()]).await.unwrap();
        let Lead::To(found) = lead(&app, &other).await else { panic!("it leads nowhere") };
        assert!(found.user_suspended);
    });
}

#[test]
fn at_an_organisation_its_members_sign_in_and_nobody_else() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        verify(db, owner).await;
        verified(db, &app, "eve@example.com").await;
        let at_acme = |subject: &str, email| IdentitySignIn {
            arrival: Arrival { home: acme, device_hash: None, ip: None, now: now() },
            ..attempt("google", subject, Some(email))
        };
        for email in ["eve@example.com", "new@example.com"] {
            assert!(matches!(lead(&app, &at_acme("g1", email)).await, Lead::Stranger), "{email}");
        }
        assert_eq!(counts(db).await, (2, 0, 0));
        let Lead::To(found) = lead(&app, &at_acme("g2", "owner@acme.example")).await else { panic!("it leads nowhere") };
        assert_eq!((found.user.id, found.membership.unwrap().tenant.id), (owner, acme));
        // Known, but no member: the caller sees that by the missing membership.
        lead(&app, &attempt("google", "g3", Some("eve@example.com"))).await;
        let Lead::To(found) = lead(&app, &at_acme("g3", "eve@example.com")).await else { panic!("it leads nowhere") };
        assert!(found.membership.is_none());
    });
}

/// Twenty flows of one new person at once: one account, one identity, and each of them leads there.
#[test]
fn twins_make_one_account() {
    with_db(async |db| {
        let mut connections = Vec::new();
        for _ in 0..20 {
            connections.push(db.app().await);
        }
        let work = connections.iter().map(async |app| {
            let attempt = attempt("google", "g1", Some("ada@example.com"));
            identity::sign_in_by_identity(app, &lookup(), &attempt).await.unwrap()
        });
        let people: Vec<UserId> = join_all(work).await.into_iter().map(to).collect();
        assert!(people.iter().all(|user_id| *user_id == people[0]));
        assert_eq!(counts(db).await.0, 1);
        assert_eq!(counts(db).await.1, 1);
    });
}

#[test]
fn connecting_needs_the_session_that_asked_for_it() {
    with_db(async |db| {
        let app = db.app().await;
        let (ada, eve) = (verified(db, &app, "ada@example.com").await, verified(db, &app, "eve@example.com").await);
        let record = session(TenantId::PLATFORM, ada);
        identity::record_session(&app, &lookup(), &record).await.unwrap();
        let link = async |user_id, identity: &Identity| {
            one_trip(&app, identity::link_identity(&app, &lookup(), user_id, record.id, identity)).await.unwrap()
        };
        let google = identity("google", "g1", Some("elsewhere@example.net"));
        assert!(matches!(link(ada, &google).await, Linked::New(_)));
        assert_eq!(link(ada, &identity("google", "g1", None)).await, Linked::Known);
        assert_eq!(link(ada, &identity("google", "g2", None)).await, Linked::Occupied, "another of the provider");
        assert_eq!(link(eve, &identity("github", "1", None)).await, Linked::Ended, "another's session");
        let record = session(TenantId::PLATFORM, eve);
        identity::record_session(&app, &lookup(), &record).await.unwrap();
        let taken = identity::link_identity(&app, &lookup(), eve, record.id, &identity("google", "g1", None)).await.unwrap();
        assert_eq!(taken, Linked::Occupied, "somebody else's");
        assert_eq!(counts(db).await, (2, 1, 1));
        let rows = identity::list_identities(&app, &lookup(), ada).await.unwrap();
        assert_eq!(rows.iter().map(|row| (row.provider.as_str(), row.email.as_deref())).collect::<Vec<_>>(), [("google", google.email.as_deref())]);
        assert!(identity::list_identities(&app, &lookup(), eve).await.unwrap().is_empty());
    });
}

#[test]
fn an_ended_session_connects_nothing() {
    with_db(async |db| {
        let app = db.app().await;
        let ada = verified(db, &app, "ada@example.com").await;
        let record = session(TenantId::PLATFORM, ada);
        identity::record_session(&app, &lookup(), &record).await.unwrap();
        identity::end_sessions(&app, &lookup(), ada, identity::Which::All, "signed_out", now()).await.unwrap();
        let outcome = identity::link_identity(&app, &lookup(), ada, record.id, &identity("google", "g1", None)).await.unwrap();
        assert_eq!(outcome, Linked::Ended);
    });
}

#[test]
fn disconnecting_leaves_a_way_in() {
    with_db(async |db| {
        let app = db.app().await;
        let first = attempt("google", "g1", Some("ada@example.com"));
        let ada = to(lead(&app, &first).await);
        let unlink = async |provider| one_trip(&app, identity::unlink_identity(&app, &lookup(), ada, provider, new_id(), now())).await.unwrap();
        assert_eq!(unlink("github").await, Unlinked::Missing);
        assert_eq!(unlink("google").await, Unlinked::Last);
        lead(&app, &attempt("github", "1", Some("ada@example.com"))).await;
        assert!(matches!(unlink("google").await, Unlinked::Done(_)));
        assert_eq!(unlink("google").await, Unlinked::Missing);
        assert_eq!(unlink("github").await, Unlinked::Last);
        let superuser = db.superuser().await;
        superuser.execute("UPDATE users SET password_hash = 'x' WHERE id = $1", &[&ada.uuid()]).await.unwrap();
        assert!(matches!(unlink("github").await, Unlinked::Done(_)));
        let rows = superuser.query("SELECT data FROM events WHERE type = 'identity.unlinked'", &[]).await.unwrap();
        assert!(rows.len() == 2 && rows.iter().all(|row| event::fits("identity.unlinked", &row.get(0))));
    });
}

#[test]
fn of_the_last_two_disconnected_at_once_one_stays() {
    with_db(async |db| {
        let (one, two) = (db.app().await, db.app().await);
        let ada = to(lead(&one, &attempt("google", "g1", Some("ada@example.com"))).await);
        lead(&one, &attempt("github", "1", Some("ada@example.com"))).await;
        let scope = lookup();
        let (a, b) = tokio::join!(
            identity::unlink_identity(&one, &scope, ada, "google", new_id(), now()),
            identity::unlink_identity(&two, &scope, ada, "github", new_id(), now())
        );
        let outcomes = [a.unwrap(), b.unwrap()];
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Unlinked::Last).count(), 1, "{outcomes:?}");
        assert_eq!(counts(db).await.1, 1);
    });
}
