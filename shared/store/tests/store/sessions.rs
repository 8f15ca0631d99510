//! The record of sessions, over tenants.

use zygo_core::{events::event, id::TenantId};
use zygo_store::identity::{self, Life, SignIn, Which};

use crate::{
    fixture::{person, session, tenant},
    harness::{lookup, new_id, now, one_trip, with_db},
};

#[test]
fn sessions_are_listed_over_tenants_and_only_to_their_owner() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let other = person(&app, "eve@example.com").await;
        for record in [session(acme, owner), session(TenantId::PLATFORM, owner), session(TenantId::PLATFORM, other)] {
            one_trip(&app, identity::record_session(&app, &lookup(), &record)).await.unwrap();
        }
        let rows = one_trip(&app, identity::list_sessions(&app, &lookup(), owner, now())).await.unwrap();
        let mut tenants: Vec<TenantId> = rows.iter().map(|row| row.tenant_id).collect();
        tenants.sort();
        assert_eq!(tenants, [TenantId::PLATFORM, acme]);
        assert_eq!((rows[0].ip.as_deref(), rows[0].amr.as_slice()), (Some("192.0.2.7"), ["pwd".to_owned()].as_slice()));
        let expired = now().plus_seconds(31 * 86_400);
        assert!(identity::list_sessions(&app, &lookup(), owner, expired).await.unwrap().is_empty());
        let events = db.superuser().await.query("SELECT data FROM events WHERE type = 'session.created'", &[]).await.unwrap();
        assert_eq!(events.len(), 3);
        assert!(events.iter().all(|row| event::fits("session.created", &row.get(0))));
    });
}

#[test]
fn ending_ends_what_it_says_and_once() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let other = person(&app, "eve@example.com").await;
        let records =
            [session(acme, owner), session(TenantId::PLATFORM, owner), session(TenantId::PLATFORM, owner), session(TenantId::PLATFORM, other)];
        for record in &records {
            identity::record_session(&app, &lookup(), record).await.unwrap();
        }
        let end = async |which: Which| {
            let mut ids: Vec<_> = one_trip(&app, identity::end_sessions(&app, &lookup(), owner, which, "signed_out", now()))
                .await
                .unwrap()
                .iter()
                .map(|ended| ended.id)
                .collect();
            ids.sort();
            ids
        };
        assert!(end(Which::One(records[3].id)).await.is_empty(), "another's session");
        assert_eq!(end(Which::One(records[0].id)).await, [records[0].id]);
        assert!(end(Which::One(records[0].id)).await.is_empty(), "ended already");
        assert_eq!(end(Which::Others(records[1].id)).await, [records[2].id]);
        assert_eq!(end(Which::All).await, [records[1].id]);
        assert_eq!(identity::list_sessions(&app, &lookup(), other, now()).await.unwrap().len(), 1);
        let events = db.superuser().await.query("SELECT data, tenant_id FROM events WHERE type = 'session.revoked'", &[]).await.unwrap();
        assert_eq!(events.len(), 3);
        assert!(events.iter().all(|row| event::fits("session.revoked", &row.get(0))));
        assert_eq!(events.iter().filter(|row| TenantId::from(row.get::<_, uuid::Uuid>(1)) == acme).count(), 1);
    });
}

#[test]
fn a_session_that_is_seen_slides_as_far_as_the_tenant_lets_it() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, acme) = tenant(&app, "acme").await;
        let record = session(acme, owner);
        identity::record_sign_in(&app, &lookup(), &SignIn { session: &record, rehash: None, device: None, passkey: None, notice: None })
            .await
            .unwrap();
        let see = async |days: i64| {
            let then = now().plus_seconds(days * 86_400);
            let context = one_trip(&app, identity::session_context(&app, &lookup(), owner, acme, Some(record.id), then)).await.unwrap().unwrap();
            assert_eq!(context.membership.unwrap().tenant.id, acme);
            let row = identity::list_sessions(&app, &lookup(), owner, now()).await.unwrap().remove(0);
            assert_eq!(row.last_seen_at, then);
            row.expires_at.since(now()) / 86_400_000
        };
        assert_eq!(see(10).await, 40);
        assert_eq!(see(35).await, 65);
        assert_eq!(see(62).await, 90, "90 days are the most");
        // A tenant that shortens its sessions shortens those that live, too.
        let life = async |days: i64| {
            let then = now().plus_seconds(days * 86_400);
            identity::session_context(&app, &lookup(), owner, acme, Some(record.id), then).await.unwrap().unwrap().life
        };
        let client = db.superuser().await;
        let set = async |idle: i32, absolute: i32| {
            let sql = "UPDATE tenant_settings SET session_idle_days = $1, session_absolute_days = $2 WHERE tenant_id = $3";
            client.execute(sql, &[&idle, &absolute, &acme.uuid()]).await.unwrap();
        };
        set(5, 90).await;
        assert_eq!(life(67).await, Life::Expired, "idle for five days");
        assert_eq!(life(66).await, Life::Lives);
        set(30, 60).await;
        assert_eq!(life(66).await, Life::Expired, "begun sixty days ago");
        set(30, 90).await;
        assert_eq!(life(66).await, Life::Lives, "nothing was lost by asking");
    });
}

#[test]
fn a_context_has_no_membership_where_there_is_none() {
    with_db(async |db| {
        let app = db.app().await;
        let (owner, _) = tenant(&app, "acme").await;
        let (_, globex) = tenant(&app, "globex").await;
        let context = one_trip(&app, identity::session_context(&app, &lookup(), owner, globex, None, now())).await.unwrap().unwrap();
        assert!(context.membership.is_none() && !context.user_suspended);
        db.superuser().await.execute("UPDATE users SET status = 'suspended'", &[]).await.unwrap();
        assert!(identity::session_context(&app, &lookup(), owner, globex, None, now()).await.unwrap().unwrap().user_suspended);
        assert!(identity::session_context(&app, &lookup(), new_id(), globex, None, now()).await.unwrap().is_none());
    });
}

#[test]
fn odd_headers_do_not_keep_anybody_out() {
    with_db(async |db| {
        let app = db.app().await;
        let user = person(&app, "ada@example.com").await;
        let mut record = session(TenantId::PLATFORM, user);
        record.user_agent = Some("ü".repeat(4000));
        record.device_name = Some("x".repeat(4000));
        identity::record_session(&app, &lookup(), &record).await.unwrap();
        let row = identity::list_sessions(&app, &lookup(), user, now()).await.unwrap().remove(0);
        assert_eq!((row.user_agent.unwrap().chars().count(), row.device_name.unwrap().len()), (512, 100));
    });
}
