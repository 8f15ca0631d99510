//! What people do to their own account: passwords, addresses, links, preferences, pictures, leaving.

use serde_json::json;
use zygo_core::{
    events::job::Job,
    id::{TenantId, UserId},
    identity::{
        notice::Notice,
        one_time::{OneTimeToken, Purpose},
    },
};
use zygo_store::{
    Db, StoreError,
    identity::{
        self, AccountMail, Deletion, MagicLink, NewDeletion, NewEmailChange, NewToken, PasswordChange, PreferencesPatch, PreferencesUpdate, Redeemed,
        SignIn, Taking, mfa::Arrival,
    },
};

use crate::{
    fixture::{person, session, tenant},
    harness::{TestDb, lookup, new_id, now, one_trip, platform, with_db},
};

const ADA: &str = "ada@example.com";

async fn jobs(db: &TestDb, kind: &str) -> Vec<Job> {
    let rows = db.superuser().await.query("SELECT kind, payload FROM outbox WHERE kind = $1 ORDER BY id", &[&kind]).await.unwrap();
    rows.iter().map(|row| Job::decode(row.get(0), &row.get(1)).expect("a job that this program knows")).collect()
}

async fn events(db: &TestDb, kind: &str) -> usize {
    let rows = db.superuser().await.query("SELECT data FROM events WHERE type = $1", &[&kind]).await.unwrap();
    assert!(rows.iter().all(|row| zygo_core::events::event::fits(kind, &row.get(0))), "{kind} fits its schema");
    rows.len()
}

async fn number(db: &TestDb, sql: &str) -> i64 {
    db.superuser().await.query_one(sql, &[]).await.unwrap().get(0)
}

async fn run(db: &TestDb, sql: &str) -> u64 {
    db.superuser().await.execute(sql, &[]).await.unwrap()
}

const fn token(purpose: Purpose, random: u8) -> OneTimeToken {
    OneTimeToken::from_random(purpose, [random; 32])
}

fn mailed(user_id: UserId, token: &OneTimeToken) -> NewToken<'_> {
    NewToken { id: new_id(), user_id, token, subject_id: None, now: now() }
}

fn change() -> PasswordChange {
    PasswordChange { event_id: new_id(), outbox_id: new_id(), now: now() }
}

async fn sign_in(app: &Db, user_id: UserId) -> zygo_core::id::SessionId {
    let record = session(TenantId::PLATFORM, user_id);
    identity::record_sign_in(app, &lookup(), &SignIn { session: &record, rehash: None, device: None, passkey: None, notice: None }).await.unwrap();
    record.id
}

fn arrival(home: TenantId) -> Arrival {
    Arrival { home, device_hash: None, ip: None, now: now() }
}

async fn reset_token(jobs: &Db, user_id: UserId, random: u8) -> OneTimeToken {
    let token = token(Purpose::ResetPassword, random);
    let new = mailed(user_id, &token);
    assert!(one_trip(jobs, identity::begin_reset(jobs, &platform(), &new)).await.unwrap().is_some());
    token
}

#[test]
fn mails_that_open_an_account_are_owed_to_open_accounts_only() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, ADA).await;
        let ask = async |mail, email: &str| {
            one_trip(&app, identity::request_account_mail(&app, &lookup(), mail, email, new_id(), now())).await.unwrap().map(|queued| queued.kind)
        };
        assert_eq!(ask(AccountMail::ResetPassword, ADA).await.as_deref(), Some("mail.reset_password"));
        assert_eq!(ask(AccountMail::MagicLink, ADA).await.as_deref(), Some("mail.magic_link"));
        assert_eq!(ask(AccountMail::ResetPassword, "nobody@example.com").await, None);
        assert_eq!(jobs(db, "mail.reset_password").await, [Job::MailResetPassword { user_id }]);
        assert_eq!(jobs(db, "mail.magic_link").await, [Job::MailMagicLink { user_id }]);
        for status in ["suspended", "deleting"] {
            run(db, &format!("UPDATE users SET status = '{status}'")).await;
            assert_eq!(ask(AccountMail::ResetPassword, ADA).await, None);
            assert_eq!(ask(AccountMail::MagicLink, ADA).await, None);
        }
    });
}

#[test]
fn a_reset_closes_everything_that_was_open() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let user_id = person(&app, ADA).await;
        sign_in(&app, user_id).await;
        run(db, "UPDATE users SET failed_sign_ins = 12, locked_until = now() + interval '1 hour'").await;
        run(db, "INSERT INTO trusted_devices (id, user_id, token_hash, expires_at) SELECT gen_random_uuid(), id, sha256('x'), now() FROM users")
            .await;
        let (good, twin) = (reset_token(&mail, user_id, 1).await, reset_token(&mail, user_id, 2).await);
        let link = token(Purpose::MagicLink, 3);
        identity::begin_token(&mail, &platform(), &mailed(user_id, &link)).await.unwrap();
        let Redeemed::Good(of) = one_trip(&app, identity::peek_reset(&app, &lookup(), &good, now())).await.unwrap() else { panic!("it is good") };
        assert_eq!((of.email.as_str(), of.names.as_slice()), (ADA, ["Ada".to_owned()].as_slice()));
        let reset =
            async |token: &OneTimeToken| one_trip(&app, identity::reset_password(&app, &lookup(), token, "$argon2id$new", &change())).await.unwrap();
        let Redeemed::Good(ended) = reset(&good).await else { panic!("it is good") };
        assert_eq!((ended.user_id, ended.sessions.len()), (user_id, 1));
        assert!(matches!(reset(&good).await, Redeemed::Consumed));
        assert!(matches!(reset(&twin).await, Redeemed::Consumed), "the other one went with it");
        assert!(matches!(identity::peek_reset(&app, &lookup(), &twin, now()).await.unwrap(), Redeemed::Consumed));
        assert!(matches!(reset(&token(Purpose::ResetPassword, 9)).await, Redeemed::Unknown));
        let gone = identity::redeem_magic_link(&app, &lookup(), &link, &arrival(TenantId::PLATFORM), new_id()).await.unwrap();
        assert!(matches!(gone, Redeemed::Consumed), "so did the link");
        let found = identity::find_credentials(&app, &lookup(), ADA, &arrival(TenantId::PLATFORM)).await.unwrap().unwrap();
        assert_eq!((found.password_hash.as_deref(), found.failed_sign_ins, found.locked_until), (Some("$argon2id$new"), 0, None));
        assert!(found.user.email_verified, "whoever reads the mail has proved the address");
        assert_eq!(number(db, "SELECT count(*) FROM trusted_devices").await, 0);
        assert_eq!(events(db, "user.password_changed").await, 1);
        assert_eq!(jobs(db, "mail.security_notice").await, [Job::MailSecurityNotice { user_id, notice: Notice::PasswordChanged }]);
    });
}

#[test]
fn a_reset_token_is_for_the_address_it_was_mailed_to() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let user_id = person(&app, ADA).await;
        let token = reset_token(&mail, user_id, 1).await;
        run(db, "UPDATE users SET email = 'countess@example.com'").await;
        assert!(matches!(identity::peek_reset(&app, &lookup(), &token, now()).await.unwrap(), Redeemed::Consumed));
        assert!(matches!(identity::reset_password(&app, &lookup(), &token, "x", &change()).await.unwrap(), Redeemed::Consumed));
        let late = reset_token(&mail, user_id, 2).await;
        let later = PasswordChange { now: now().plus_seconds(3600), ..change() };
        assert!(matches!(identity::peek_reset(&app, &lookup(), &late, later.now).await.unwrap(), Redeemed::Expired));
        assert!(matches!(identity::reset_password(&app, &lookup(), &late, "x", &later).await.unwrap(), Redeemed::Expired));
    });
}

#[test]
fn a_password_is_changed_by_one_of_two_who_know_it() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, ADA).await;
        let (kept, other) = (sign_in(&app, user_id).await, sign_in(&app, user_id).await);
        let secret = one_trip(&app, identity::own_secret(&app, &lookup(), user_id)).await.unwrap().unwrap();
        assert_eq!((secret.user.id, secret.password_hash.as_deref(), secret.locked_until), (user_id, Some("$argon2id$secret"), None));
        assert!(identity::own_secret(&app, &lookup(), new_id()).await.unwrap().is_none());
        let set = async |old: &str, new: &str| {
            one_trip(&app, identity::change_password(&app, &lookup(), user_id, (old, new), kept, &change())).await.unwrap()
        };
        let ended = set("$argon2id$secret", "$argon2id$one").await.expect("the first wins");
        assert_eq!(ended.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [other]);
        assert!(set("$argon2id$secret", "$argon2id$two").await.is_none());
        assert_eq!(identity::list_sessions(&app, &lookup(), user_id, now()).await.unwrap().len(), 1);
        assert_eq!((events(db, "user.password_changed").await, jobs(db, "mail.security_notice").await.len()), (1, 1));
    });
}

async fn wish(app: &Db, user_id: UserId, email: &str) -> (uuid::Uuid, String) {
    let change = NewEmailChange { id: new_id(), user_id, email, outbox_id: new_id(), now: now() };
    let queued = one_trip(app, identity::request_email_change(app, &lookup(), &change)).await.unwrap();
    (change.id, queued.kind)
}

async fn confirmation(jobs: &Db, user_id: UserId, change: uuid::Uuid, random: u8) -> Option<OneTimeToken> {
    let token = token(Purpose::ConfirmEmail, random);
    let new = mailed(user_id, &token);
    one_trip(jobs, identity::begin_email_change(jobs, &platform(), change, &new)).await.unwrap().map(|_| token)
}

async fn reversion(jobs: &Db, user_id: UserId, change: uuid::Uuid, random: u8) -> Option<(OneTimeToken, String)> {
    let token = token(Purpose::RevertEmail, random);
    let new = mailed(user_id, &token);
    one_trip(jobs, identity::begin_email_revert(jobs, &platform(), change, &new)).await.unwrap().map(|to| (token, to.email))
}

async fn confirm(app: &Db, token: &OneTimeToken) -> Redeemed<Taking<String>> {
    match one_trip(app, identity::confirm_email_change(app, &lookup(), token, new_id(), new_id(), now())).await.unwrap() {
        Redeemed::Good(Taking::Done((user, queued))) => {
            assert_eq!(queued.kind, "mail.email_changed");
            Redeemed::Good(Taking::Done(user.email))
        }
        Redeemed::Good(Taking::Taken) => Redeemed::Good(Taking::Taken),
        Redeemed::Consumed => Redeemed::Consumed,
        Redeemed::Expired => Redeemed::Expired,
        Redeemed::Unknown => Redeemed::Unknown,
    }
}

async fn revert(app: &Db, token: &OneTimeToken) -> Redeemed<Taking<usize>> {
    match one_trip(app, identity::revert_email_change(app, &lookup(), token, new_id(), new_id(), now())).await.unwrap() {
        Redeemed::Good(Taking::Done((ended, queued))) => {
            assert_eq!(queued.kind, "mail.reset_password");
            Redeemed::Good(Taking::Done(ended.sessions.len()))
        }
        Redeemed::Good(Taking::Taken) => Redeemed::Good(Taking::Taken),
        Redeemed::Consumed => Redeemed::Consumed,
        Redeemed::Expired => Redeemed::Expired,
        Redeemed::Unknown => Redeemed::Unknown,
    }
}

#[test]
fn an_address_changes_when_the_new_one_confirms_and_back_when_the_old_one_says_so() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let user_id = person(&app, ADA).await;
        run(db, "UPDATE users SET email_verified_at = now()").await;
        sign_in(&app, user_id).await;
        let (first, kind) = wish(&app, user_id, "new@example.com").await;
        let (second, _) = wish(&app, user_id, "newer@example.com").await;
        assert_eq!(kind, "mail.confirm_email");
        assert!(reversion(&mail, user_id, first, 1).await.is_none(), "nothing has changed yet");
        let (one, two) = (confirmation(&mail, user_id, first, 2).await.unwrap(), confirmation(&mail, user_id, second, 3).await.unwrap());
        assert!(matches!(confirm(&app, &one).await, Redeemed::Good(Taking::Done(email)) if email == "new@example.com"));
        assert!(matches!(confirm(&app, &one).await, Redeemed::Consumed));
        assert!(matches!(confirm(&app, &two).await, Redeemed::Consumed), "it was for the address before");
        assert!(confirmation(&mail, user_id, second, 4).await.is_none());
        // Whoever did this goes on, and has the account deleted.
        let (third, _) = wish(&app, user_id, "third@example.com").await;
        let three = confirmation(&mail, user_id, third, 5).await.unwrap();
        assert!(matches!(confirm(&app, &three).await, Redeemed::Good(Taking::Done(_))));
        assert!(matches!(delete(&app, user_id, None).await, Deletion::Scheduled(..)));
        let (back, to) = reversion(&mail, user_id, first, 6).await.unwrap();
        let (later, later_to) = reversion(&mail, user_id, third, 7).await.unwrap();
        assert_eq!((to.as_str(), later_to.as_str()), (ADA, "new@example.com"));
        sign_in_again(db, &app, user_id).await;
        assert!(matches!(revert(&app, &back).await, Redeemed::Good(Taking::Done(1))));
        assert!(matches!(revert(&app, &back).await, Redeemed::Consumed));
        assert!(matches!(revert(&app, &later).await, Redeemed::Consumed), "what came after is void");
        let found = identity::find_credentials(&app, &lookup(), ADA, &arrival(TenantId::PLATFORM)).await.unwrap().unwrap();
        assert!(found.user.id == user_id && found.user.email_verified && found.password_hash.is_none() && !found.user_suspended);
        assert_eq!((events(db, "user.email_changed").await, jobs(db, "mail.email_changed").await.len()), (3, 2));
        assert_eq!(jobs(db, "mail.reset_password").await, [Job::MailResetPassword { user_id }]);
        assert_eq!(number(db, "SELECT count(*) FROM deletion_requests WHERE cancelled_at IS NULL").await, 0);
    });
}

/// A session of a moment later than the last end.
async fn sign_in_again(db: &TestDb, app: &Db, user_id: UserId) {
    run(db, "UPDATE users SET no_session_before = NULL").await;
    identity::record_session(app, &lookup(), &session(TenantId::PLATFORM, user_id)).await.unwrap();
}

#[test]
fn a_proved_address_is_taken_from_nobody_but_who_never_proved_it() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let user_id = person(&app, ADA).await;
        let owner = person(&app, "eve@example.com").await;
        run(db, "UPDATE users SET email_verified_at = now()").await;
        let (_, kind) = wish(&app, user_id, "eve@example.com").await;
        assert_eq!((kind.as_str(), jobs(db, "mail.account_exists").await), ("mail.account_exists", vec![Job::MailAccountExists { user_id: owner }]));
        assert_eq!(number(db, "SELECT count(*) FROM email_changes").await, 0);
        // Proved by another between wish and confirmation.
        let (change, _) = wish(&app, user_id, "late@example.com").await;
        let late = confirmation(&mail, user_id, change, 1).await.unwrap();
        person(&app, "late@example.com").await;
        run(db, "UPDATE users SET email_verified_at = now()").await;
        assert!(matches!(confirm(&app, &late).await, Redeemed::Good(Taking::Taken)));
        // Claimed, never proved.
        let (change, _) = wish(&app, user_id, "free@example.com").await;
        person(&app, "free@example.com").await;
        let free = confirmation(&mail, user_id, change, 2).await.unwrap();
        assert!(matches!(confirm(&app, &free).await, Redeemed::Good(Taking::Done(_))));
        // The old address is squatted on to keep its owner out.
        person(&app, ADA).await;
        let (back, _) = reversion(&mail, user_id, change, 3).await.unwrap();
        assert!(matches!(revert(&app, &back).await, Redeemed::Good(Taking::Done(_))));
        assert_eq!(number(db, "SELECT count(*) FROM users WHERE email IN ('ada@example.com', 'free@example.com')").await, 1);
    });
}

async fn link(app: &Db, token: &OneTimeToken, tenant: TenantId) -> Redeemed<MagicLink> {
    one_trip(app, identity::redeem_magic_link(app, &lookup(), token, &arrival(tenant), new_id())).await.unwrap()
}

#[test]
fn a_link_signs_in_once_and_where_its_person_belongs() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let (user_id, acme) = tenant(&app, "acme").await;
        let (_, globex) = tenant(&app, "globex").await;
        let make = async |random| {
            let token = token(Purpose::MagicLink, random);
            identity::begin_token(&mail, &platform(), &mailed(user_id, &token)).await.unwrap();
            token
        };
        let (first, second) = (make(1).await, make(2).await);
        assert!(matches!(link(&app, &first, globex).await, Redeemed::Good(MagicLink::Stranger)));
        let Redeemed::Good(MagicLink::Person { user, user_suspended, membership, standing, .. }) = link(&app, &first, acme).await else {
            panic!("it is good")
        };
        assert!(standing.factors.is_empty());
        assert!(user.id == user_id && user.email_verified && !user_suspended && membership.unwrap().tenant.id == acme);
        assert!(matches!(link(&app, &first, acme).await, Redeemed::Consumed));
        let Redeemed::Good(MagicLink::Person { membership, .. }) = link(&app, &second, TenantId::PLATFORM).await else { panic!("it is good") };
        assert!(membership.is_none());
        assert_eq!(events(db, "user.email_verified").await, 1);
        let found = identity::find_credentials(&app, &lookup(), "owner@acme.example", &arrival(acme)).await.unwrap().unwrap();
        assert_eq!(found.password_hash, None, "whoever set it had not proved the address");
        let third = make(3).await;
        run(db, "UPDATE users SET email = 'elsewhere@example.com' WHERE email = 'owner@acme.example'").await;
        assert!(matches!(link(&app, &third, acme).await, Redeemed::Consumed), "it was mailed to another address");
    });
}

#[test]
fn preferences_change_only_where_the_version_is_expected() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, ADA).await;
        let before = one_trip(&app, identity::preferences(&app, &lookup(), user_id)).await.unwrap().unwrap();
        assert_eq!((before.theme.as_str(), before.locale.as_str(), before.version), ("system", "en", 1));
        let update = async |patch: &PreferencesPatch, versions: Option<&[i64]>| {
            one_trip(&app, identity::update_preferences(&app, &lookup(), user_id, patch, versions)).await.unwrap()
        };
        let dark = PreferencesPatch { theme: Some("dark"), notifications: Some(json!({ "failures": false })), ..PreferencesPatch::default() };
        assert!(matches!(update(&dark, Some(&[7])).await, PreferencesUpdate::VersionLost));
        let PreferencesUpdate::Done(row) = update(&dark, Some(&[1])).await else { panic!("1 is expected") };
        assert_eq!((row.theme.as_str(), row.version, row.notifications), ("dark", 2, json!({ "failures": false })));
        assert!(matches!(update(&dark, Some(&[1])).await, PreferencesUpdate::VersionLost));
        let other = PreferencesPatch {
            timezone: Some("Europe/London".into()),
            notifications: Some(json!({ "product_news": true })),
            ..PreferencesPatch::default()
        };
        let PreferencesUpdate::Done(row) = update(&other, None).await else { panic!("any version") };
        assert_eq!((row.theme.as_str(), row.timezone.as_str(), row.version), ("dark", "Europe/London", 4), "both rows moved");
        assert_eq!(row.notifications, json!({ "failures": false, "product_news": true }));
        for patch in [&other, &PreferencesPatch::default()] {
            let PreferencesUpdate::Done(row) = update(patch, None).await else { panic!("any version") };
            assert_eq!(row.version, 4, "the same again changes nothing");
        }
        assert_eq!(events(db, "user.preferences_updated").await, 2);
        assert!(identity::preferences(&app, &lookup(), new_id()).await.unwrap().is_none());
        assert!(matches!(identity::update_preferences(&app, &lookup(), new_id(), &dark, None).await.unwrap(), PreferencesUpdate::Missing));
    });
}

#[test]
fn a_new_picture_owes_the_removal_of_the_one_before() {
    with_db(async |db| {
        let app = db.app().await;
        let user_id = person(&app, ADA).await;
        let set = async |url: &str| one_trip(&app, identity::set_avatar(&app, &lookup(), user_id, url, new_id(), now())).await.unwrap();
        let (user, queued) = set("https://pictures.example/ada.png").await.unwrap();
        assert_eq!((user.avatar_url.as_deref(), queued), (Some("https://pictures.example/ada.png"), None));
        assert_eq!(set(&format!("https://api.example/avatars/{user_id}/one.png")).await.unwrap().1, None, "another's file is not ours to remove");
        let queued = set(&format!("https://api.example/avatars/{user_id}/two.png")).await.unwrap().1.expect("one.png is to go");
        assert_eq!(queued.kind, "files.remove");
        assert_eq!(jobs(db, "files.remove").await, [Job::FilesRemove { key: format!("users/{user_id}/avatars/one.png") }]);
        assert_eq!(events(db, "user.updated").await, 3);
        assert!(identity::set_avatar(&app, &lookup(), new_id(), "https://x.example", new_id(), now()).await.unwrap().is_none());
    });
}

async fn delete(app: &Db, user_id: UserId, if_version: Option<&[i64]>) -> Deletion {
    let due_at = now().plus_seconds(30 * 86_400);
    let new = NewDeletion { id: new_id(), user_id, due_at, if_version, event_id: new_id(), outbox_id: new_id(), now: now() };
    one_trip(app, identity::request_deletion(app, &lookup(), &new)).await.unwrap()
}

#[test]
fn an_account_is_closed_kept_or_erased() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let user_id = person(&app, ADA).await;
        person(&app, "eve@example.com").await;
        sign_in(&app, user_id).await;
        assert!(matches!(delete(&app, user_id, Some(&[7])).await, Deletion::Lost));
        let Deletion::Scheduled(ended, queued) = delete(&app, user_id, Some(&[1])).await else { panic!("1 is expected") };
        assert_eq!((ended.sessions.len(), queued.kind.as_str()), (1, "mail.deletion_requested"));
        assert!(matches!(delete(&app, user_id, None).await, Deletion::Lost), "once");
        let [Job::MailDeletionRequested { request_id, .. }] = jobs(db, "mail.deletion_requested").await[..] else { panic!("one mail") };
        let token = token(Purpose::CancelDeletion, 1);
        let new = NewToken { subject_id: Some(request_id), ..mailed(user_id, &token) };
        identity::begin_token(&mail, &platform(), &new).await.unwrap();
        let erase = async |days: i64| one_trip(&mail, identity::erase_due(&mail, &platform(), now().plus_seconds(days * 86_400))).await.unwrap();
        assert_eq!(erase(29).await, 0);
        let cancel = async || one_trip(&app, identity::cancel_deletion(&app, &lookup(), &token, new_id(), now())).await.unwrap();
        assert!(matches!(cancel().await, Redeemed::Good(())));
        assert!(matches!(cancel().await, Redeemed::Consumed));
        assert_eq!(erase(31).await, 0, "it was kept");
        run(db, &format!("UPDATE users SET avatar_url = 'https://api.example/avatars/{user_id}/one.png' WHERE id = '{user_id}'")).await;
        assert!(matches!(delete(&app, user_id, None).await, Deletion::Scheduled(..)));
        assert_eq!(erase(31).await, 1);
        assert_eq!(erase(31).await, 0, "once");
        assert_eq!(number(db, "SELECT count(*) FROM users").await, 1);
        assert_eq!(number(db, "SELECT count(*) FROM deletion_requests WHERE completed_at IS NOT NULL").await, 1, "the proof stays");
        assert_eq!(jobs(db, "files.remove").await, [Job::FilesRemove { key: format!("users/{user_id}/avatars/one.png") }]);
        for (kind, count) in [("user.deletion_requested", 2), ("user.deletion_cancelled", 1), ("user.deleted", 1)] {
            assert_eq!(events(db, kind).await, count, "{kind}");
        }
    });
}

#[test]
fn no_organisation_loses_its_last_owner() {
    with_db(async |db| {
        let (app, other) = (db.app().await, db.app().await);
        let (first, acme) = tenant(&app, "acme").await;
        assert!(matches!(delete(&app, first, None).await, Deletion::LastOwner));
        let second = person(&app, "second@acme.example").await;
        let join = format!(
            "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT gen_random_uuid(), tenant_id, '{second}', id FROM roles WHERE key = 'owner' AND tenant_id = '{acme}'"
        );
        run(db, &join).await;
        // Both at once: the one who comes second is the last.
        let (a, b) = tokio::join!(delete(&app, first, None), delete(&other, second, None));
        let last = [&a, &b].iter().filter(|outcome| matches!(outcome, Deletion::LastOwner)).count();
        assert_eq!(last, 1, "{a:?} {b:?}");
        let jobs = db.platform().await;
        assert_eq!(identity::erase_due(&jobs, &platform(), now().plus_seconds(40 * 86_400)).await.unwrap(), 1);
        assert_eq!(number(db, "SELECT count(*) FROM user_roles").await, 1);
    });
}

/// Erasing removes what refers to a person by cascade, or by name here; a new table must choose.
#[test]
fn whatever_refers_to_a_person_goes_with_them() {
    with_db(async |db| {
        let sql = "SELECT format('%s.%s', f.conrelid::regclass, a.attname) FROM pg_constraint f
            JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
            WHERE f.contype = 'f' AND f.confrelid = 'users'::regclass AND f.confdeltype NOT IN ('c', 'n') ORDER BY 1";
        let rows = db.superuser().await.query(sql, &[]).await.unwrap();
        let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(found, ["admin_users.user_id", "invitations.accepted_by", "invitations.invited_by", "user_roles.user_id"]);
    });
}

#[test]
fn tokens_of_twenty_at_once_are_good_for_one() {
    with_db(async |db| {
        let (app, mail) = (db.app().await, db.platform().await);
        let user_id = person(&app, ADA).await;
        let reset = reset_token(&mail, user_id, 1).await;
        let mut racers = Vec::new();
        for _ in 0..20 {
            let (connection, reset) = (db.app().await, reset.clone());
            racers.push(tokio::spawn(async move { identity::reset_password(&connection, &lookup(), &reset, "x", &change()).await }));
        }
        let mut good = 0;
        for racer in racers {
            match racer.await.unwrap() {
                Ok(Redeemed::Good(_)) => good += 1,
                Ok(Redeemed::Consumed) | Err(StoreError::Retry(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(good, 1);
    });
}
