//! People and organisations to test with.

use zygo_core::{
    id::{TenantId, UserId},
    time::Timestamp,
};
use zygo_store::{
    Db,
    identity::{self, NewUser, SessionRecord, SignUp, mfa::Arrival},
    tenancy::{self, Create, NewTenant},
};

use crate::harness::{lookup, new_id, now};

/// Somebody about to sign up.
pub fn newcomer(email: &str) -> NewUser {
    NewUser {
        user_id: new_id(),
        email: email.to_owned(),
        password_hash: "$argon2id$secret".to_owned(),
        first_name: Some("Ada".to_owned()),
        last_name: None,
        locale: "en".to_owned(),
        event_id: new_id(),
        outbox_id: new_id(),
        arrival: arrival(TenantId::PLATFORM),
        now: now(),
    }
}

/// Somebody who arrives from a device that is not trusted.
pub const fn arrival_at(home: TenantId, now: Timestamp) -> Arrival {
    Arrival { home, device_hash: None, ip: None, now }
}

/// The same, now.
pub fn arrival(home: TenantId) -> Arrival {
    arrival_at(home, now())
}

/// Somebody who signed up.
pub async fn person(db: &Db, email: &str) -> UserId {
    let new = newcomer(email);
    assert!(matches!(identity::sign_up(db, &lookup(), &new).await.unwrap(), SignUp::Created { .. }));
    new.user_id
}

/// An organisation about to be created.
pub fn founding(owner: UserId, slug: &str) -> NewTenant {
    NewTenant {
        tenant_id: new_id(),
        name: format!("The {slug} people"),
        slug: slug.to_owned(),
        plan: "free".to_owned(),
        owner,
        role_ids: std::array::from_fn(|_| new_id()),
        membership_id: new_id(),
        event_id: new_id(),
        outbox_id: new_id(),
        now: now(),
    }
}

/// An organisation and its owner.
pub async fn tenant(db: &Db, slug: &str) -> (UserId, TenantId) {
    let owner = person(db, &format!("owner@{slug}.example")).await;
    let new = founding(owner, slug);
    assert!(matches!(tenancy::create_tenant(db, &lookup(), &new).await.unwrap(), Create::Created { .. }));
    (owner, new.tenant_id)
}

/// A session about to be recorded.
pub fn session(tenant_id: TenantId, user_id: UserId) -> SessionRecord {
    SessionRecord {
        id: new_id(),
        tenant_id,
        user_id,
        device_name: Some("a laptop".to_owned()),
        ip: Some("192.0.2.7".to_owned()),
        country: Some("DE".to_owned()),
        user_agent: Some("test/1".to_owned()),
        from: None,
        amr: vec!["pwd".to_owned()],
        expires_at: now().plus_seconds(30 * 86_400),
        event_id: new_id(),
        now: now(),
    }
}
