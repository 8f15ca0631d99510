//! Addresses that mail does not reach: reports, and what they add up to.

use futures::future::join_all;
use zygo_core::mail::{report::Fate, standing::Trouble};
use zygo_store::{
    Db,
    events::{self, Reported},
};

use crate::{
    fixture::person,
    harness::{lookup, new_id, now, one_trip, platform, with_db},
};

const ADDRESS: &str = "ada@example.com";
const NEW: [u8; 32] = [1; 32];
const OLD: [u8; 32] = [2; 32];

async fn tell(app: &Db, id: &str, hashes: &[[u8; 32]], fate: Fate) {
    one_trip(app, events::report_mail(app, &lookup(), &[Reported { id, address: ADDRESS, hashes, fate }], now())).await.unwrap();
}

async fn standing(db: &Db, hashes: &[[u8; 32]]) -> Option<Trouble> {
    one_trip(db, events::mail_standing(db, &platform(), ADDRESS, hashes, now())).await.unwrap()
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
                tell(&app, &new_id::<uuid::Uuid>().to_string(), &hashes, *fate).await;
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
