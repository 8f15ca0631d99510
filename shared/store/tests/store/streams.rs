//! Events taken over in the order in which they become visible.

use tokio_postgres::Client;
use zygo_core::{
    id::{TenantId, UserId},
    stream::{Place, Taken},
};
use zygo_store::{Actor, Db, TenantScope, events};

use crate::{
    fixture::tenant,
    harness::{TestDb, now, one_trip, platform, with_db},
};

fn scope(tenant: TenantId, user: UserId) -> TenantScope {
    TenantScope::new(tenant, Some(user), "req-test", Actor::User(user))
}

async fn write(client: &Client, tenant: TenantId, name: &str) {
    let insert = "INSERT INTO events (id, tenant_id, type, data, occurred_at) \
                  VALUES (make_uuid_v7($2), $1, 'tenant.updated', jsonb_build_object('name', $3::text), $2)";
    let at: jiff::Timestamp = now().into();
    client.execute(insert, &[&tenant.uuid(), &at, &name]).await.unwrap();
}

/// Takes what there is, page by page, and goes on to the place after it: the names.
async fn take(app: &Db, scope: &TenantScope, place: &mut Place, most: i64) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let taken: Taken = one_trip(app, events::take(app, scope, place, None, most)).await.unwrap();
        *place = place.after(&taken);
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["data"]["name"].as_str().unwrap_or("?").to_owned();
        names.extend(taken.rows.iter().map(|row| read(&row.text)));
        if !taken.full {
            return names;
        }
    }
}

async fn begun(db: &TestDb) -> (Db, TenantId, TenantScope, Place) {
    let app = db.app().await;
    let (owner, id) = tenant(&app, "acme").await;
    let scope = scope(id, owner);
    let mut place = Place::default();
    assert!(take(&app, &scope, &mut place, 10).await.is_empty(), "it begins with what comes");
    (app, id, scope, place)
}

#[test]
fn whoever_commits_late_is_not_skipped() {
    with_db(async |db| {
        let (app, id, scope, mut place) = begun(db).await;
        let (first, second) = (db.superuser().await, db.superuser().await);
        first.batch_execute("BEGIN").await.unwrap();
        write(&first, id, "began first").await;
        write(&second, id, "committed first").await;
        assert_eq!(take(&app, &scope, &mut place, 10).await, ["committed first"]);
        assert!(take(&app, &scope, &mut place, 10).await.is_empty(), "nothing comes twice");
        first.batch_execute("COMMIT").await.unwrap();
        assert_eq!(take(&app, &scope, &mut place, 10).await, ["began first"]);
        assert!(take(&app, &scope, &mut place, 10).await.is_empty());
        second.batch_execute("BEGIN").await.unwrap();
        write(&second, id, "never").await;
        second.batch_execute("SAVEPOINT s").await.unwrap();
        write(&second, id, "below a savepoint").await;
        second.batch_execute("ROLLBACK").await.unwrap();
        assert!(take(&app, &scope, &mut place, 10).await.is_empty());
        second.batch_execute("BEGIN; SAVEPOINT s").await.unwrap();
        write(&second, id, "below a savepoint").await;
        second.batch_execute("COMMIT").await.unwrap();
        assert_eq!(take(&app, &scope, &mut place, 10).await, ["below a savepoint"]);
    });
}

#[test]
fn many_come_in_pages_and_in_order() {
    with_db(async |db| {
        let (app, id, scope, mut place) = begun(db).await;
        let (client, late) = (db.superuser().await, db.superuser().await);
        late.batch_execute("BEGIN").await.unwrap();
        write(&late, id, "late").await;
        for n in 0..25 {
            write(&client, id, &format!("{n}")).await;
        }
        let taken = events::take(&app, &scope, &place, None, 10).await.unwrap();
        place = place.after(&taken);
        // What is committed while the pages are gone through is of the next difference.
        late.batch_execute("COMMIT").await.unwrap();
        write(&client, id, "after").await;
        let names = take(&app, &scope, &mut place, 10).await;
        assert_eq!(names.iter().take(15).cloned().collect::<Vec<_>>(), (10..25).map(|n| n.to_string()).collect::<Vec<_>>());
        let mut rest = names[15..].to_vec();
        rest.extend(take(&app, &scope, &mut place, 10).await);
        assert_eq!(rest, ["late", "after"]);
    });
}

#[test]
fn a_place_ahead_of_the_database_is_noticed() {
    with_db(async |db| {
        let (app, id, scope, _) = begun(db).await;
        let place = Place { seen: Some("9000000000:9000000000:".into()), page: None };
        let taken = events::take(&app, &scope, &place, None, 10).await.unwrap();
        assert!(taken.set_back && taken.rows.is_empty());
        let mut place = place.after(&taken);
        write(&db.superuser().await, id, "after").await;
        assert_eq!(take(&app, &scope, &mut place, 10).await, ["after"]);
    });
}

#[test]
fn nothing_of_another_tenant_is_taken() {
    with_db(async |db| {
        let (app, _, scope, mut place) = begun(db).await;
        let (_, other) = tenant(&app, "globex").await;
        write(&db.superuser().await, other, "theirs").await;
        assert!(take(&app, &scope, &mut place, 10).await.is_empty());
    });
}

#[test]
fn whoever_writes_owes_a_look_where_somebody_is_connected() {
    with_db(async |db| {
        let (app, id, scope, place) = begun(db).await;
        let rename = async || {
            let change =
                "INSERT INTO events (id, tenant_id, type, data, occurred_at) VALUES (make_uuid_v7(now()), $1, 'tenant.updated', '{}', now())";
            let client = db.superuser().await;
            client.batch_execute("BEGIN").await.unwrap();
            client.execute(change, &[&id.uuid()]).await.unwrap();
            let owed: Option<String> = client.query_one("SELECT nullif(current_setting('app.owed', true), '')", &[]).await.unwrap().get(0);
            client.batch_execute("COMMIT").await.unwrap();
            owed
        };
        assert_eq!(rename().await, None, "nobody is connected");
        let until = now().plus_seconds(900);
        one_trip(&app, events::take(&app, &scope, &place, Some(until), 10)).await.unwrap();
        assert_eq!(rename().await, Some(format!("stream:{id}")));
        // The later of two ends counts.
        events::take(&app, &scope, &place, Some(now().plus_seconds(-900)), 10).await.unwrap();
        assert_eq!(rename().await, Some(format!("stream:{id}")));
        let (jobs, sweep) = (db.platform().await, platform());
        assert_eq!(events::missed(&jobs, &sweep, now().plus_seconds(-60), now(), 10).await.unwrap(), [id]);
        assert!(events::missed(&jobs, &sweep, now().plus_seconds(3600), now(), 10).await.unwrap().is_empty(), "nothing happened since");
        assert!(events::missed(&jobs, &sweep, now().plus_seconds(-60), until, 10).await.unwrap().is_empty(), "nobody is connected any more");
    });
}
