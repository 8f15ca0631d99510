//! On whose behalf a transaction runs: what its policies see.

use std::fmt;

use serde_json::Value;
use zygo_core::{
    access::{DefaultRole, Permission, hierarchy},
    id::{ScimConnectionId, SessionId, TenantId, UserId},
    identity::scim::token::ScimToken,
    tenancy::plan::Feature,
    time::Timestamp,
};

/// Who changes something, as the audit trail names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    User(UserId),
    /// Somebody who has not signed in.
    Anonymous,
    /// A tenant's directory.
    Scim(ScimConnectionId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Scim(id) => write!(f, "scim:{id}"),
        }
    }
}

/// The transaction-local settings that policies and triggers read; an empty text is none.
#[derive(Debug, Clone, Default)]
pub struct Context {
    pub(crate) tenant_id: String,
    pub(crate) user_id: String,
    pub(crate) request_id: String,
    pub(crate) actor: String,
    pub(crate) platform_reason: String,
    pub(crate) address: String,
    pub(crate) host_tenant_id: String,
}

mod sealed {
    /// Keeps [`super::Scope`] to this crate's three.
    pub trait Sealed {}
    impl Sealed for super::TenantScope {}
    impl Sealed for super::LookupScope {}
    impl Sealed for super::PlatformScope {}
}

/// What Postgres checks first in every transaction of a scope: that the person is an active member, that their session goes
/// on, and that their role, as it is at this moment, permits it; or that a directory's token is good.
#[derive(Debug, Clone)]
pub struct Guard(pub(crate) Check);

/// What a guard checks.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// A person's role: it holds a permission, or is one of these.
    Person { permission: Option<i16>, default_roles: Vec<&'static str>, session: SessionId },
    /// A person who administers the platform, in one of these roles.
    Administrator { person: UserId, session: SessionId, roles: &'static [&'static str] },
    /// A directory's token, by its hash; and that the plan covers it.
    Directory { connection: ScimConnectionId, hash: Vec<u8>, by_plan: Value, now: Timestamp },
}

impl Guard {
    /// The person's role must hold a permission.
    #[must_use]
    pub fn permission(permission: Permission, session: SessionId) -> Self {
        let default_roles = hierarchy::default_roles_with(permission);
        Self(Check::Person { permission: Some(i16::from(permission.index())), default_roles, session })
    }

    /// The person must be an owner.
    #[must_use]
    pub fn owner(session: SessionId) -> Self {
        Self(Check::Person { permission: None, default_roles: vec![DefaultRole::Owner.key()], session })
    }
}

/// What a batch runs in.
pub trait Scope: sealed::Sealed {
    /// The settings that it stands for.
    fn context(&self) -> Context;

    /// What is checked first, if anything.
    fn guard(&self) -> Option<&Guard> {
        None
    }
}

/// One tenant, and perhaps a person in it. For connections of `zygo_app`.
#[derive(Debug, Clone)]
pub struct TenantScope {
    tenant_id: TenantId,
    user_id: Option<UserId>,
    request_id: String,
    actor: Actor,
    guard: Option<Guard>,
    address: String,
}

impl TenantScope {
    /// The scope of a tenant; tenant zero shows each person only their own rows.
    #[must_use]
    pub fn new(tenant_id: TenantId, user_id: Option<UserId>, request_id: &str, actor: Actor) -> Self {
        Self { tenant_id, user_id, request_id: request_id.to_owned(), actor, guard: None, address: String::new() }
    }

    /// The scope of the tenant's directory. Each of its transactions begins by checking the token.
    #[must_use]
    pub fn directory(token: &ScimToken, request_id: &str, now: Timestamp) -> Self {
        let check = Check::Directory { connection: token.connection(), hash: token.hash().to_vec(), by_plan: Feature::Sso.by_plan(), now };
        Self::new(token.tenant(), None, request_id, Actor::Scim(token.connection())).guarded(Guard(check))
    }

    /// The same, from a client address, which the audit trail keeps.
    #[must_use]
    pub fn from_address(self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self }
    }

    /// The same, with a guard: each of its transactions begins by checking it, in the round trip of its work.
    #[must_use]
    pub fn guarded(self, guard: Guard) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// The same without a guard, for what is written down about a request beside its work.
    #[must_use]
    pub fn unguarded(self) -> Self {
        Self { guard: None, ..self }
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// The person.
    #[must_use]
    pub const fn user_id(&self) -> Option<UserId> {
        self.user_id
    }
}

impl Scope for TenantScope {
    fn context(&self) -> Context {
        Context {
            tenant_id: self.tenant_id.to_string(),
            user_id: self.user_id.map(|id| id.to_string()).unwrap_or_default(),
            request_id: self.request_id.clone(),
            actor: self.actor.to_string(),
            platform_reason: String::new(),
            address: self.address.clone(),
            host_tenant_id: String::new(),
        }
    }

    fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }
}

/// No tenant: before one is known, or across a person's own. For connections of `zygo_app`.
///
/// No tenant's row can be seen in it; what it is good for are the database's `SECURITY DEFINER` functions.
#[derive(Debug, Clone)]
pub struct LookupScope {
    user_id: Option<UserId>,
    request_id: String,
    address: String,
    host_tenant_id: Option<TenantId>,
}

impl LookupScope {
    /// The scope of a request, with the person if one has signed in.
    #[must_use]
    pub fn new(user_id: Option<UserId>, request_id: &str) -> Self {
        Self { user_id, request_id: request_id.to_owned(), address: String::new(), host_tenant_id: None }
    }

    /// The same, at the host of an organisation: what is owed is owed on its behalf.
    #[must_use]
    pub fn at_host(self, tenant_id: Option<TenantId>) -> Self {
        Self { host_tenant_id: tenant_id, ..self }
    }

    /// The same, from a client address, which the audit trail keeps.
    #[must_use]
    pub fn from_address(self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self }
    }

    /// The same request, on behalf of this person.
    pub(crate) fn of(&self, user_id: UserId) -> Self {
        Self { user_id: Some(user_id), ..self.clone() }
    }

    /// The same request, in a tenant that is known by now.
    pub(crate) fn within(&self, tenant_id: TenantId, user_id: Option<UserId>) -> TenantScope {
        let actor = user_id.map_or(Actor::Anonymous, Actor::User);
        TenantScope { tenant_id, user_id, request_id: self.request_id.clone(), actor, guard: None, address: self.address.clone() }
    }
}

impl Scope for LookupScope {
    fn context(&self) -> Context {
        Context {
            user_id: self.user_id.map(|id| id.to_string()).unwrap_or_default(),
            request_id: self.request_id.clone(),
            actor: self.user_id.map_or(Actor::Anonymous, Actor::User).to_string(),
            address: self.address.clone(),
            host_tenant_id: self.host_tenant_id.map(|id| id.to_string()).unwrap_or_default(),
            ..Context::default()
        }
    }
}

/// All tenants, for the platform's own work. For connections of `zygo_platform`, whose policies ask for a reason.
///
/// A job's use of it is on record as a row of `job_attempts`, a change of data as a row of `audit_logs` under this reason.
#[derive(Debug, Clone)]
pub struct PlatformScope {
    reason: &'static str,
    request_id: String,
    administrator: Option<Administrator>,
}

#[derive(Debug, Clone)]
struct Administrator {
    person: UserId,
    address: String,
    guard: Guard,
}

impl PlatformScope {
    /// The platform's scope, for a reason that the audit trail names.
    #[must_use]
    pub fn new(reason: &'static str, request_id: &str) -> Self {
        Self { reason, request_id: request_id.to_owned(), administrator: None }
    }

    /// The same, for a person who asks for it from an address: each of its transactions begins by checking, in the round trip of its work,
    /// that they administer the platform in one of these roles, and that their session goes on.
    #[must_use]
    pub fn administered(self, person: UserId, session: SessionId, roles: &'static [&'static str], address: &str) -> Self {
        let guard = Guard(Check::Administrator { person, session, roles });
        Self { administrator: Some(Administrator { person, address: address.to_owned(), guard }), ..self }
    }
}

impl Scope for PlatformScope {
    fn context(&self) -> Context {
        let person = self.administrator.as_ref();
        Context {
            request_id: self.request_id.clone(),
            actor: person.map_or_else(|| format!("platform:{}", self.reason), |person| Actor::User(person.person).to_string()),
            user_id: person.map(|person| person.person.to_string()).unwrap_or_default(),
            address: person.map(|person| person.address.clone()).unwrap_or_default(),
            platform_reason: self.reason.to_owned(),
            ..Context::default()
        }
    }

    fn guard(&self) -> Option<&Guard> {
        self.administrator.as_ref().map(|administrator| &administrator.guard)
    }
}
