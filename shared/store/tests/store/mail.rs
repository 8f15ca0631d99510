//! Addresses that mail does not reach: reports, and what they add up to.

use futures::future::join_all;
use uuid::Uuid;
use zygo_core::{
    id::{OutboxId, TenantId},
    identity::notice::Notice,
    mail::{report::Fate, standing::Trouble},
};
use zygo_store::{
    Db,
    events::{self, Proved, Reported},
    identity::{self, NewNotice},
};

use crate::{
    fixture::{newcomer, person, tenant},
    harness::{TestDb, lookup, new_id, now, one_trip, platform, with_db},
};

const ADDRESS: &str = "ada@example.com";
const NEW: [u8; 32] = [1; 32];
const OLD: [u8; 32] = [2; 32];

async fn tell(app: &Db, id: &str, hashes: &[[u8; 32]], fate: Fate) {
    one_trip(app, events::report_mail(app, &lookup(), &[Reported { id, address: ADDRESS, hashes, fate }], now())).await.unwrap();
}

async fn standing(db: &Db, hashes: &[[u8; 32]]) -> Option<Trouble> {
    one_trip(db, events::mail_standing(db, &platform(), new_id(), (ADDRESS, hashes), now())).await.unwrap().trouble
}

#[test]
fn what_reports_add_up_to() {
    use Fate::{Bounced, Complained, Deferred, Delivered};
    with_db(async |db| {
        let (app, platform) = (db.app().await, db.platform().await);
        let (bounced, complained) = (Some(Trouble::Bounced), Some(Trouble::Complained));
        let table: [(&[Fate], Option<Trouble>); 12] = [
            (&[Delivered], None),
            (&[Deferred; 9], None),
            (&[Deferred; 10], bounced),
            (&[Deferred, Deferred, Deferred, Deferred, Deferred, Delivered, Deferred, Deferred, Deferred, Deferred, Deferred], None),
            (&[Bounced], bounced),
            (&[Bounced, Deferred], bounced),
            (&[Bounced, Complained], bounced),
            (&[Bounced, Delivered], None),
            (&[Complained], complained),
            (&[Complained, Deferred], complained),
            (&[Complained, Delivered], complained),
            (&[Complained, Bounced], bounced),
        ];
        for (n, (fates, wanted)) in table.into_iter().enumerate() {
            let hashes = [[u8::try_from(n).unwrap() + 10; 32]];
            for fate in fates {
                tell(&app, &new_id::<Uuid>().to_string(), &hashes, *fate).await;
            }
            assert_eq!(standing(&platform, &hashes).await, wanted, "{fates:?}");
        }
    });
}

#[test]
fn a_report_counts_once_however_often_it_comes() {
    with_db(async |db| {
        let app = db.app().await;
        let connections = join_all((0..20).map(|_| db.app())).await;
        join_all(connections.iter().map(|app| tell(app, "one", &[NEW], Fate::Deferred))).await;
        tell(&app, "one", &[NEW], Fate::Bounced).await;
        let row = db.superuser().await.query_one("SELECT state, reports FROM mail_suppressions", &[]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1)), ("deferred", 1));
    });
}

#[test]
fn an_address_is_found_under_an_older_key_and_moves_to_the_newest() {
    with_db(async |db| {
        let (app, platform) = (db.app().await, db.platform().await);
        tell(&app, "one", &[OLD], Fate::Complained).await;
        assert_eq!(standing(&platform, &[NEW, OLD]).await, Some(Trouble::Complained));
        assert_eq!(standing(&platform, &[NEW]).await, None);
        tell(&app, "two", &[NEW, OLD], Fate::Deferred).await;
        assert_eq!(standing(&platform, &[NEW]).await, Some(Trouble::Complained));
        let rows: i64 = db.superuser().await.query_one("SELECT count(*) FROM mail_suppressions", &[]).await.unwrap().get(0);
        assert_eq!(rows, 1);
    });
}

#[test]
fn whoever_proves_the_address_ends_its_trouble() {
    with_db(async |db| {
        let (app, platform, client) = (db.app().await, db.platform().await, db.superuser().await);
        tell(&app, "one", &[NEW], Fate::Bounced).await;
        person(&app, ADDRESS).await;
        let state =
            async || client.query_one("SELECT mail_state FROM users WHERE email = $1", &[&ADDRESS]).await.unwrap().get::<_, Option<String>>(0);
        // They are told when a mail is about to go there.
        assert_eq!(state().await, None);
        assert_eq!(standing(&platform, &[NEW]).await, Some(Trouble::Bounced));
        assert_eq!(state().await.as_deref(), Some("bounced"));
        client.execute("UPDATE users SET email_verified_at = now() + interval '1 second' WHERE email = $1", &[&ADDRESS]).await.unwrap();
        assert_eq!(state().await, None);
        assert_eq!(standing(&platform, &[NEW]).await, None);
        // What is reported from then on counts anew.
        client.execute("UPDATE users SET email_verified_at = now() - interval '1 second' WHERE email = $1", &[&ADDRESS]).await.unwrap();
        client.execute("UPDATE mail_suppressions SET reported_at = now() - interval '1 minute'", &[]).await.unwrap();
        tell(&app, "two", &[NEW], Fate::Deferred).await;
        assert_eq!(standing(&platform, &[NEW]).await, None);
        tell(&app, "three", &[NEW], Fate::Complained).await;
        assert_eq!(state().await.as_deref(), Some("complained"));
    });
}

/// For whom a row's mail to an address is sent.
async fn proved(db: &Db, row: OutboxId, address: &str) -> Option<Proved> {
    one_trip(db, events::mail_standing(db, &platform(), row, (address, &[NEW]), now())).await.unwrap().proved
}

/// A mail that is a tenant's.
async fn owed(db: &TestDb, tenant: TenantId) -> OutboxId {
    let row: OutboxId = new_id();
    let owe = "INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) VALUES ($1, $2, 'mail.invitation', 'mail', '{}', now(), now())";
    db.superuser().await.execute(owe, &[&row.uuid(), &tenant.uuid()]).await.unwrap();
    row
}

#[test]
fn an_organisation_is_known_by_what_it_has_proved() {
    with_db(async |db| {
        let (app, mail, client) = (db.app().await, db.platform().await, db.superuser().await);
        let ((_, acme), (_, globex)) = (tenant(&app, "acme").await, tenant(&app, "globex").await);
        let row = owed(db, acme).await;
        let domain = async || proved(&mail, row, ADDRESS).await.map(|proved| proved.domain);
        let set = async |sql: &str| client.batch_execute(&sql.replace("$acme", &format!("'{acme}'"))).await.unwrap();
        assert_eq!(domain().await, None, "it has claimed nothing");
        set("INSERT INTO sso_connections (id, tenant_id, kind, name) VALUES ('00000000-0000-7000-8000-000000000001', $acme, 'saml', 'x'); \
             INSERT INTO sso_domains (id, tenant_id, connection_id, domain, token) VALUES \
               (gen_random_uuid(), $acme, '00000000-0000-7000-8000-000000000001', 'second.example', repeat('x', 20)), \
               (gen_random_uuid(), $acme, '00000000-0000-7000-8000-000000000001', 'first.example', repeat('x', 20)); \
             INSERT INTO tenant_domains (id, tenant_id, domain, verification_token) VALUES (gen_random_uuid(), $acme, 'app.acme.example', repeat('x', 20)); \
             INSERT INTO tenant_domains (id, tenant_id, domain, kind, redirect_until) \
               VALUES (gen_random_uuid(), $acme, 'former-acme', 'former_slug', now() + interval '1 day')")
        .await;
        assert_eq!(domain().await, None, "what it claimed is not proved");
        for (status, wanted) in [("issuing", None), ("active", Some("app.acme.example")), ("failing", None), ("active", Some("app.acme.example"))] {
            set(&format!("UPDATE tenant_domains SET verified_at = now(), status = '{status}' WHERE kind = 'custom' AND tenant_id = $acme")).await;
            assert_eq!(domain().await.as_deref(), wanted, "{status}");
        }
        set("UPDATE sso_domains SET verified_at = now() WHERE domain = 'second.example'").await;
        assert_eq!(domain().await.as_deref(), Some("second.example"), "the domain of its addresses comes first");
        set("UPDATE sso_domains SET verified_at = now() + interval '1 minute' WHERE domain = 'first.example'").await;
        assert_eq!(domain().await.as_deref(), Some("second.example"), "what was proved first stays");
        for (status, is_known) in [("suspended", false), ("deleting", true), ("deleted", false), ("active", true)] {
            set(&format!("UPDATE tenants SET status = '{status}', delete_after = CASE WHEN '{status}' = 'deleting' THEN now() END WHERE id = $acme"))
                .await;
            assert_eq!(domain().await.is_some(), is_known, "{status}");
        }
        assert_eq!(proved(&mail, owed(db, globex).await, ADDRESS).await, None, "another's proof is none");
        assert_eq!(proved(&mail, owed(db, TenantId::PLATFORM).await, ADDRESS).await, None);
        set("UPDATE tenants SET colors = '{\"primary\": \"#ffd400\"}', logo_url = 'https://api.example/logos/x/y.png' WHERE id = $acme").await;
        let found = proved(&mail, row, ADDRESS).await.unwrap();
        assert_eq!((found.tenant_id, found.name.as_str()), (acme, "The acme people"));
        assert_eq!(found.colors.primary.unwrap().as_str(), "#ffd400");
        assert_eq!(found.logo_url.as_deref(), Some("https://api.example/logos/x/y.png"));
    });
}

#[test]
fn a_mail_is_on_behalf_of_where_it_was_caused() {
    with_db(async |db| {
        let (app, mail, client) = (db.app().await, db.platform().await, db.superuser().await);
        let (owner, acme) = tenant(&app, "acme").await;
        let claim = "WITH made AS (INSERT INTO sso_connections (id, tenant_id, kind, name) VALUES (gen_random_uuid(), $1, 'saml', 'x') RETURNING id)
            INSERT INTO sso_domains (id, tenant_id, connection_id, domain, token, verified_at) SELECT gen_random_uuid(), $1, id, 'acme.example', repeat('x', 20), now() FROM made";
        client.execute(claim, &[&acme.uuid()]).await.unwrap();
        let somewhere = newcomer("grace@example.com");
        identity::sign_up(&app, &lookup(), &somewhere).await.unwrap();
        assert_eq!(proved(&mail, somewhere.outbox_id, &somewhere.email).await, None, "at no organisation's host");
        let there = newcomer(ADDRESS);
        identity::sign_up(&app, &lookup().at_host(Some(acme)), &there).await.unwrap();
        let found = proved(&mail, there.outbox_id, ADDRESS).await.unwrap();
        assert_eq!((found.domain.as_str(), found.is_member), ("acme.example", false));
        let notice = NewNotice { outbox_id: new_id(), notice: Notice::PasswordChanged, now: now() };
        identity::owe_notice(&app, &lookup().at_host(Some(acme)), owner, &notice).await.unwrap();
        assert!(proved(&mail, notice.outbox_id, "owner@acme.example").await.unwrap().is_member);
        let join = "INSERT INTO user_roles (id, tenant_id, user_id, role_id) SELECT gen_random_uuid(), $1, $2, id FROM roles WHERE tenant_id = $1 AND key = 'viewer'";
        client.execute(join, &[&acme.uuid(), &somewhere.user_id.uuid()]).await.unwrap();
        let is_member = async || proved(&mail, notice.outbox_id, &somewhere.email).await.unwrap().is_member;
        assert!(is_member().await);
        client.execute("UPDATE user_roles SET status = 'suspended' WHERE user_id = $1", &[&somewhere.user_id.uuid()]).await.unwrap();
        assert!(!is_member().await, "whoever is suspended is none");
    });
}
