//! What a batch promises beyond its statements.

use zygo_core::id::{TenantId, UserId};
use zygo_store::{Actor, Db, StoreError, TenantScope, audit, health, identity, outbox, tenancy};

use crate::{
    fixture::{self, person, session},
    harness::{lookup, new_id, now, one_trip, platform, with_db},
};

#[test]
fn a_sign_of_life_is_one_round_trip() {
    with_db(async |db| {
        let app = db.app().await;
        one_trip(&app, health::ping(&app, &lookup())).await.unwrap();
    });
}

#[test]
fn a_failing_statement_undoes_those_before_it_and_leaves_the_connection_usable() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let record = session(TenantId::PLATFORM, user);
        identity::record_session(&app, &lookup(), &record).await.unwrap();
        let again = identity::record_session(&app, &lookup(), &record).await;
        assert!(matches!(again, Err(StoreError::Conflict { ref constraint }) if constraint == "sessions_pkey"), "{again:?}");
        // Same event id, other session id: the session's row is written first and must not stay.
        let twin = identity::SessionRecord { id: new_id(), ..record.clone() };
        assert!(matches!(identity::record_session(&app, &lookup(), &twin).await, Err(StoreError::Conflict { .. })));
        assert_eq!(identity::list_sessions(&app, &lookup(), user, now()).await.unwrap().len(), 1);
    });
}

#[test]
fn the_context_ends_with_its_transaction() {
    with_db(async |db| {
        let client = db.role("zygo_app").await;
        let app = Db::new(client);
        let (owner, tenant) = fixture::tenant(&app, "acme").await;
        let scope = TenantScope::new(tenant, Some(owner), "r", Actor::User(owner));
        assert!(tenancy::tenant(&app, &scope).await.unwrap().is_some());
        let nobody = TenantScope::new(new_id(), None, "r", Actor::Anonymous);
        assert!(tenancy::tenant(&app, &nobody).await.unwrap().is_none());
        assert!(identity::me(&app, &lookup(), new_id::<UserId>()).await.unwrap().is_none());
    });
}

#[test]
fn a_scope_on_the_wrong_roles_connection_is_good_for_nothing() {
    with_db(async |db| {
        let (app, jobs) = (db.app().await, db.platform().await);
        let (owner, tenant) = fixture::tenant(&app, "acme").await;
        let scope = TenantScope::new(tenant, Some(owner), "r", Actor::User(owner));
        assert_eq!(tenancy::tenant(&jobs, &scope).await.unwrap(), None);
        let refused = outbox::due(&app, &platform(), 10, now().plus_seconds(60)).await;
        assert!(matches!(refused, Err(StoreError::Forbidden { .. })), "{refused:?}");
    });
}

#[test]
fn a_lost_connection_is_unavailable() {
    with_db(async |db| {
        let app = db.app().await;
        let superuser = db.superuser().await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        superuser.execute(sql, &[]).await.unwrap();
        let lost = health::ping(&app, &lookup()).await;
        assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    });
}

#[test]
fn an_error_shows_nothing_by_display() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, tenant) = fixture::tenant(&app, "acme").await;
        let scope = TenantScope::new(tenant, Some(owner), "r", Actor::User(owner));
        let bug = audit::record_foreign_read(&app, &scope, "pg_authid", new_id(), "GET /test", new_id(), now()).await.unwrap_err();
        assert!(matches!(bug, StoreError::Bug(_)));
        assert_eq!(bug.to_string(), "the store failed");
        assert!(bug.cause().contains("audit.record_foreign_read"));
    });
}
