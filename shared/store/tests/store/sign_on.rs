//! Signing on through a tenant's identity provider: connections, domains, and whom a sign-on leads to.

use futures::future::join_all;
use serde_json::json;
use tokio_postgres::Client;
use zygo_core::{
    events::event,
    id::{ConnectionId, DomainId, RoleId, TenantId, UserId},
};
use zygo_store::{
    Actor, Db, StoreError, TenantScope,
    identity::{self, Change, ConnectionRow, NewConnection, Saved, SignOn, SignedOn, mfa::Arrival},
};

use crate::{
    fixture::{person, session, tenant},
    harness::{TestDb, lookup, new_id, now, one_trip, with_db},
};

/// A business tenant with a connection for `acme.example`.
struct Acme {
    app: Db,
    superuser: Client,
    owner: UserId,
    tenant: TenantId,
    scope: TenantScope,
    connection: ConnectionId,
    domain: DomainId,
}

fn plans() -> serde_json::Value {
    zygo_core::tenancy::plan::Feature::Sso.by_plan()
}

fn new(rest: Change) -> NewConnection {
    NewConnection { id: new_id(), kind: "saml", name: "Acme IdP".into(), rest: Change { config: Some(json!({ "a": 1 })), by_plan: plans(), ..rest } }
}

fn done(saved: Saved) -> ConnectionRow {
    match saved {
        Saved::Done(row) => row,
        other => panic!("{other:?}"),
    }
}

async fn verified(app: &Db, scope: &TenantScope, connection: ConnectionId, domain: &str) -> DomainId {
    let id = new_id();
    identity::claim_domain(app, scope, connection, (id, domain, "0123456789abcdef"), 10, now()).await.unwrap().unwrap();
    let row = one_trip(app, identity::verify_domain(app, scope, connection, id, "0123456789abcdef", now())).await.unwrap().unwrap();
    assert!(row.verified_at.is_some());
    id
}

impl Acme {
    async fn new(db: &TestDb) -> Self {
        let (app, superuser) = (db.app().await, db.superuser().await);
        let (owner, tenant) = tenant(&app, "acme").await;
        superuser.execute("UPDATE tenants SET plan = 'business' WHERE id = $1", &[&tenant.uuid()]).await.unwrap();
        let scope = TenantScope::new(tenant, Some(owner), "req-test", Actor::User(owner));
        let rest = Change { provision: Some(true), enabled: Some(true), ..Change::default() };
        let made = one_trip(&app, identity::create_connection(&app, &scope, &new(rest), 20, now())).await.unwrap();
        let connection = done(made).id;
        let domain = verified(&app, &scope, connection, "acme.example").await;
        Self { app, superuser, owner, tenant, scope, connection, domain }
    }

    fn on(&self, subject: &str, email: &str) -> SignOn {
        SignOn {
            connection: self.connection,
            subject: subject.into(),
            email: email.into(),
            first_name: Some("Ada".into()),
            last_name: None,
            locale: "en".into(),
            roles: Vec::new(),
            room: 100,
            user_id: new_id(),
            membership_id: new_id(),
            identity_id: new_id(),
            arrival: Arrival { home: self.tenant, device_hash: None, ip: None, now: now() },
        }
    }

    async fn sign_on(&self, on: &SignOn) -> SignedOn {
        one_trip(&self.app, identity::sign_on(&self.app, &lookup(), on)).await.unwrap()
    }

    async fn change(&self, change: Change) -> Saved {
        let change = Change { by_plan: plans(), ..change };
        one_trip(&self.app, identity::update_connection(&self.app, &self.scope, self.connection, &change, now())).await.unwrap()
    }

    async fn role(&self, key: &str) -> RoleId {
        let sql = "SELECT id FROM roles WHERE tenant_id = $1 AND key = $2";
        self.superuser.query_one(sql, &[&self.tenant.uuid(), &key]).await.unwrap().get::<_, uuid::Uuid>(0).into()
    }
}

fn member(on: SignedOn) -> (UserId, String) {
    match on {
        SignedOn::Member { user, membership, .. } => {
            assert!(user.email_verified);
            (user.id, membership.role.key)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn somebody_new_is_made_once_and_found_again() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let on = acme.on("ada", "ada@acme.example");
        let (id, role) = member(acme.sign_on(&on).await);
        assert_eq!((id, role.as_str()), (on.user_id, "member"));
        // Their address at the provider may change; the subject is who they are.
        let (again, _) = member(acme.sign_on(&acme.on("ada", "ada.l@acme.example")).await);
        assert_eq!(again, id);
        // A provider that makes them anew gives them a new subject.
        assert_eq!(member(acme.sign_on(&acme.on("ada-2", "ada@acme.example")).await).0, id);
        let events = acme.superuser.query("SELECT type, data FROM events WHERE user_id = $1 ORDER BY type", &[&id.uuid()]).await.unwrap();
        let types: Vec<&str> = events.iter().map(|row| row.get(0)).collect();
        assert_eq!(types, ["member.provisioned", "user.email_verified", "user.signed_up"]);
        assert!(events.iter().all(|row| event::fits(row.get(0), &row.get(1))));
        let audited = "SELECT count(*) FROM audit_logs WHERE action IN ('users.insert', 'user_roles.insert', 'sso_identities.insert') AND tenant_id IN ($1, $2)";
        let audited: i64 = acme.superuser.query_one(audited, &[&acme.tenant.uuid(), &TenantId::PLATFORM.uuid()]).await.unwrap().get(0);
        assert!(audited >= 3);
    });
}

#[test]
fn twenty_first_sign_ons_make_one_account() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let connections = join_all((0..20).map(|_| db.app())).await;
        let ons: Vec<SignOn> = (0..20).map(|_| acme.on("ada", "ada@acme.example")).collect();
        let scope = lookup();
        let all = join_all(connections.iter().zip(&ons).map(|(app, on)| identity::sign_on(app, &scope, on))).await;
        let ids: std::collections::BTreeSet<UserId> = all.into_iter().map(|on| member(on.unwrap()).0).collect();
        assert_eq!(ids.len(), 1);
        let made: i64 = acme.superuser.query_one("SELECT count(*) FROM users WHERE email = 'ada@acme.example'", &[]).await.unwrap().get(0);
        assert_eq!(made, 1);
    });
}

#[test]
fn a_provider_speaks_for_its_own_domains_only() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let victim = person(&acme.app, "eve@elsewhere.example").await;
        assert!(matches!(acme.sign_on(&acme.on("eve", "eve@elsewhere.example")).await, SignedOn::Foreign));
        assert!(matches!(acme.sign_on(&acme.on("eve", "eve@sub.acme.example")).await, SignedOn::Foreign));
        // An account that left the domain is out of reach, though the provider still knows it.
        let (ada, _) = member(acme.sign_on(&acme.on("ada", "ada@acme.example")).await);
        acme.superuser.execute("UPDATE users SET email = 'ada@home.example' WHERE id = $1", &[&ada.uuid()]).await.unwrap();
        assert!(matches!(acme.sign_on(&acme.on("ada", "ada@acme.example")).await, SignedOn::Foreign));
        let claimed: i64 =
            acme.superuser.query_one("SELECT count(*) FROM sso_identities WHERE user_id = $1", &[&victim.uuid()]).await.unwrap().get(0);
        assert_eq!(claimed, 0);
        // A domain that is only claimed is nobody's.
        let claim = identity::claim_domain(&acme.app, &acme.scope, acme.connection, (new_id(), "elsewhere.example", "0123456789abcdef"), 10, now());
        claim.await.unwrap().unwrap();
        assert!(matches!(acme.sign_on(&acme.on("eve", "eve@elsewhere.example")).await, SignedOn::Foreign));
        acme.change(Change { enabled: Some(false), ..Change::default() }).await;
        assert!(matches!(acme.sign_on(&acme.on("bob", "bob@acme.example")).await, SignedOn::Foreign), "switched off");
        assert!(identity::find_connection(&acme.app, &lookup(), acme.connection).await.unwrap().is_none());
        assert!(identity::discover_connection(&acme.app, &lookup(), "acme.example").await.unwrap().is_none());
    });
}

#[test]
fn an_address_that_was_squatted_loses_its_password() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let squatted = person(&acme.app, "ada@acme.example").await;
        assert_eq!(member(acme.sign_on(&acme.on("ada", "ada@acme.example")).await).0, squatted);
        let hash: Option<String> =
            acme.superuser.query_one("SELECT password_hash FROM users WHERE id = $1", &[&squatted.uuid()]).await.unwrap().get(0);
        assert_eq!(hash, None);
        // Whoever proved the address themselves keeps it.
        acme.superuser.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", &[&acme.owner.uuid()]).await.unwrap();
        assert_eq!(member(acme.sign_on(&acme.on("boss", "owner@acme.example")).await), (acme.owner, "owner".into()));
        let hash: Option<String> =
            acme.superuser.query_one("SELECT password_hash FROM users WHERE id = $1", &[&acme.owner.uuid()]).await.unwrap().get(0);
        assert!(hash.is_some());
    });
}

#[test]
fn roles_and_room() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let (admin, viewer, owner) = (acme.role("admin").await, acme.role("viewer").await, acme.role("owner").await);
        for (subject, roles, expected) in
            [("a", vec![viewer, admin], "admin"), ("b", vec![owner], "member"), ("c", vec![owner, viewer], "viewer"), ("d", vec![new_id()], "member")]
        {
            let on = SignOn { roles, ..acme.on(subject, &format!("{subject}@acme.example")) };
            assert_eq!(member(acme.sign_on(&on).await).1, expected, "{subject}");
        }
        done(acme.change(Change { default_role_id: Some(Some(viewer)), ..Change::default() }).await);
        assert_eq!(member(acme.sign_on(&acme.on("e", "e@acme.example")).await).1, "viewer");
        let full = SignOn { room: 6, ..acme.on("f", "f@acme.example") };
        assert!(matches!(acme.sign_on(&full).await, SignedOn::Full));
        let left: i64 = acme.superuser.query_one("SELECT count(*) FROM users WHERE email = 'f@acme.example'", &[]).await.unwrap().get(0);
        assert_eq!(left, 0, "no account without a place");
        done(acme.change(Change { provision: Some(false), ..Change::default() }).await);
        assert!(matches!(acme.sign_on(&acme.on("g", "g@acme.example")).await, SignedOn::Stranger));
        assert_eq!(member(acme.sign_on(&acme.on("e", "e@acme.example")).await).1, "viewer", "members stay");
    });
}

#[test]
fn where_sign_on_is_required_a_session_begins_no_other_way() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let (ada, _) = member(acme.sign_on(&acme.on("ada", "ada@acme.example")).await);
        let record = async |who: UserId, tenant: TenantId, amr: &[&str]| {
            let mut session = session(tenant, who);
            session.amr = amr.iter().map(|&method| method.to_owned()).collect();
            identity::record_session(&acme.app, &lookup(), &session).await.map_err(|error| error.cause().to_owned())
        };
        assert!(record(ada, acme.tenant, &["pwd"]).await.is_ok(), "not required yet");
        let required = identity::require_sign_on(&acme.app, &acme.scope, acme.connection, acme.domain, true, now());
        assert!(one_trip(&acme.app, required).await.unwrap().unwrap().sign_on_required);
        let refused = Err(zygo_store::SIGN_ON_REQUIRED.to_owned());
        for (who, amr, expected) in [
            (ada, ["pwd"].as_slice(), &refused),
            (ada, &["pwd", "otp", "mfa"], &refused),
            (ada, &["hwk"], &refused),
            (ada, &["sso"], &Ok(())),
            (acme.owner, &["pwd"], &refused),
            (acme.owner, &["pwd", "otp"], &Ok(())),
        ] {
            assert_eq!(&record(who, acme.tenant, amr).await, expected, "{amr:?} in the tenant");
            assert_eq!(&record(who, TenantId::PLATFORM, amr).await, expected, "{amr:?} at the platform");
        }
        let elsewhere = person(&acme.app, "eve@elsewhere.example").await;
        assert!(record(elsewhere, TenantId::PLATFORM, &["pwd"]).await.is_ok());
        done(acme.change(Change { enabled: Some(false), ..Change::default() }).await);
        assert!(record(ada, acme.tenant, &["pwd"]).await.is_ok(), "a connection that is switched off locks nobody out");
    });
}

#[test]
fn who_may_describe_a_connection() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let (owner, manager) = (acme.role("owner").await, acme.role("manager").await);
        let mapped = |role: RoleId| Change { mapped_roles: vec![role], ..Change::default() };
        assert!(matches!(acme.change(mapped(owner)).await, Saved::RoleTooHigh));
        assert!(matches!(acme.change(mapped(new_id())).await, Saved::UnknownRole));
        let row = done(acme.change(Change { name: Some("Renamed".into()), ..mapped(manager) }).await);
        assert_eq!((row.name.as_str(), row.version), ("Renamed", 2));
        assert!(matches!(acme.change(Change { if_version: Some(vec![1]), ..Change::default() }).await, Saved::Not));
        assert!(matches!(acme.change(Change { kind: Some("oidc"), ..Change::default() }).await, Saved::Not));
        let most = identity::create_connection(&acme.app, &acme.scope, &new(Change::default()), 1, now()).await.unwrap();
        assert!(matches!(most, Saved::Not), "one is the most");
        acme.superuser.execute("UPDATE tenants SET plan = 'pro' WHERE id = $1", &[&acme.tenant.uuid()]).await.unwrap();
        assert!(matches!(acme.change(Change::default()).await, Saved::NotCovered));
        let add = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES ($1, $2, 'sso', 'true')";
        acme.superuser.execute(add, &[&new_id::<uuid::Uuid>(), &acme.tenant.uuid()]).await.unwrap();
        done(acme.change(Change::default()).await);
        assert_eq!(identity::connections(&acme.app, &acme.scope).await.unwrap().len(), 1);
        let delete = async |versions: Option<&[i64]>| identity::delete_connection(&acme.app, &acme.scope, acme.connection, versions, now()).await;
        assert_eq!(delete(Some(&[1])).await.unwrap(), Some(false));
        assert_eq!(delete(None).await.unwrap(), Some(true));
        assert_eq!(delete(None).await.unwrap(), None);
        let types = "SELECT array_agg(DISTINCT type ORDER BY type) FROM events WHERE type LIKE 'sso%'";
        let types: Vec<String> = acme.superuser.query_one(types, &[]).await.unwrap().get(0);
        assert_eq!(types, ["sso_connection.created", "sso_connection.deleted", "sso_connection.updated", "sso_domain.verified"]);
        let logged = acme.superuser.query("SELECT type, data FROM events WHERE type LIKE 'sso%'", &[]).await.unwrap();
        assert!(logged.iter().all(|row| event::fits(row.get(0), &row.get(1))));
    });
}

#[test]
fn whoever_proves_a_domain_has_it() {
    with_db(async |db| {
        let acme = Acme::new(db).await;
        let (other, globex) = tenant(&acme.app, "globex").await;
        acme.superuser.execute("UPDATE tenants SET plan = 'business' WHERE id = $1", &[&globex.uuid()]).await.unwrap();
        let scope = TenantScope::new(globex, Some(other), "req-test", Actor::User(other));
        let rest = Change { enabled: Some(true), ..Change::default() };
        let connection = done(identity::create_connection(&acme.app, &scope, &new(rest), 20, now()).await.unwrap()).id;
        let id: DomainId = new_id();
        let claim = async |domain: &str| identity::claim_domain(&acme.app, &scope, connection, (id, domain, "fedcba9876543210"), 10, now()).await;
        assert!(claim("acme.example").await.unwrap().is_some(), "a claim is free");
        assert!(matches!(claim("acme.example").await, Err(StoreError::Conflict { .. })), "once");
        let verify = async |token: &str| identity::verify_domain(&acme.app, &scope, connection, id, token, now()).await;
        assert!(matches!(verify("fedcba9876543210").await, Err(StoreError::Conflict { .. })), "proved by another");
        assert!(verify("another token").await.unwrap().is_none());
        assert!(identity::require_sign_on(&acme.app, &scope, connection, id, true, now()).await.unwrap().is_none(), "not verified");
        let found = identity::discover_connection(&acme.app, &lookup(), "acme.example").await.unwrap().unwrap();
        assert_eq!((found.id, found.required), (acme.connection, false));
        // Across tenants there is nothing.
        assert!(identity::domain(&acme.app, &scope, acme.connection, acme.domain).await.unwrap().is_none());
        assert!(!identity::delete_domain(&acme.app, &scope, acme.connection, acme.domain).await.unwrap());
        assert!(identity::delete_domain(&acme.app, &acme.scope, acme.connection, acme.domain).await.unwrap());
        assert!(verify("fedcba9876543210").await.unwrap().is_some(), "free again");
        assert_eq!(identity::domains(&acme.app, &scope, connection).await.unwrap().len(), 1);
    });
}
