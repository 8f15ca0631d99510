//! What a handler receives: a request that was already matched, authenticated and authorized.
//!
//! The context is the only key to the store: its scopes cannot be had without one.

mod problem;
mod shared;

use std::rc::Rc;

use zygo_core::{
    error::{Code, Problem},
    http::etag::IfMatch,
    id::TenantId,
    tenancy::directory::DirectoryEntry,
};
use zygo_runtime::postgres::{self, Role};
use zygo_store::{Actor, Db, Guard, PlatformScope, TenantScope};

pub use problem::store_problem;
pub use shared::{Shared, Trace};

use crate::{
    caller::Caller,
    route::{Route, Who},
};

/// The context of a handler.
#[derive(Clone)]
pub struct Ctx {
    shared: Rc<Shared>,
    inner: Rc<Inner>,
}

struct Inner {
    route: &'static Route,
    params: Vec<(&'static str, String)>,
    host_tenant: Option<Rc<DirectoryEntry>>,
    caller: Option<Rc<Caller>>,
    body: Vec<u8>,
}

impl std::ops::Deref for Ctx {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Ctx {
    /// Made by the pipeline alone, when all its checks have passed.
    pub(crate) fn new(
        shared: Rc<Shared>,
        route: &'static Route,
        params: Vec<(&'static str, String)>,
        host_tenant: Option<Rc<DirectoryEntry>>,
        caller: Option<Rc<Caller>>,
        body: Vec<u8>,
    ) -> Self {
        Self { shared, inner: Rc::new(Inner { route, params, host_tenant, caller, body }) }
    }

    /// The raw body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.inner.body
    }

    /// The matched route.
    #[must_use]
    pub fn route(&self) -> &'static Route {
        self.inner.route
    }

    /// What belongs to the request as a whole, for work that outlives the handler.
    #[must_use]
    pub fn shared(&self) -> Rc<Shared> {
        Rc::clone(&self.shared)
    }

    /// The tenant of the host, if the host is a tenant's.
    #[must_use]
    pub fn host_tenant(&self) -> Option<&DirectoryEntry> {
        self.inner.host_tenant.as_deref()
    }

    /// The tenant of the host, or the platform.
    #[must_use]
    pub fn home(&self) -> TenantId {
        self.host_tenant().map_or(TenantId::PLATFORM, |entry| entry.tenant_id)
    }

    /// The signed-in person.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, which a route with another `Who` than `Public` never sees.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        self.inner.caller.as_deref().ok_or(Problem::new(Code::Unauthenticated))
    }

    /// Scope of the caller's active tenant. Where the route's permission is critical, or only an owner may call it, each of its
    /// transactions begins with the check of that, in the same round trip.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a caller, `NOT_FOUND` without an active tenant.
    pub fn tenant_scope(&self) -> Result<TenantScope, Problem> {
        let caller = self.caller()?;
        let tenant = caller.tenant_id.ok_or(Problem::new(Code::NotFound))?;
        let scope =
            TenantScope::new(tenant, Some(caller.user_id), &self.request_id, Actor::User(caller.user_id)).from_address(self.head.client_address());
        Ok(match self.inner.route.who {
            Who::Permission(permission) if permission.is_critical() => scope.guarded(Guard::permission(permission, caller.session_id)),
            Who::Owner => scope.guarded(Guard::owner(caller.session_id)),
            _ => scope,
        })
    }

    /// Scope of somebody who administers the platform, for a connection of its role; that they do is checked at the beginning of each of its
    /// transactions. Whoever only supports may look and no more.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a caller, `INTERNAL` on a route for others.
    pub fn admin_scope(&self, reason: &'static str) -> Result<PlatformScope, Problem> {
        let caller = self.caller()?;
        if self.inner.route.who != Who::Admin {
            return Err(Problem::internal("the platform's scope on a route for others"));
        }
        let roles: &[&str] = if self.inner.route.needs_fresh_factor() { &["operator", "owner"] } else { &["support", "operator", "owner"] };
        Ok(PlatformScope::new(reason, &self.request_id).administered(caller.user_id, caller.session_id, roles, self.head.client_address()))
    }

    /// The platform's connection to Postgres.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` when Postgres does not answer.
    pub async fn platform_db(&self) -> Result<Db, Problem> {
        postgres::connect(&self.env, Role::Platform).await
    }

    /// A parameter of the path, percent-encoded as it came.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.inner.params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// The versions that `If-Match` expects; `None` where any will do.
    ///
    /// # Errors
    /// `BAD_REQUEST` for a header that cannot be read.
    pub fn if_match(&self) -> Result<Option<Vec<i64>>, Problem> {
        Ok(match self.head.header("if-match").map(IfMatch::parse).transpose()? {
            Some(IfMatch::Versions(versions)) => Some(versions),
            Some(IfMatch::Any) | None => None,
        })
    }

    /// A parameter of the path as an identifier.
    ///
    /// # Errors
    /// `NOT_FOUND` if it is not one: a resource with such an id cannot exist.
    pub fn id<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.param(name).and_then(|value| value.parse().ok()).ok_or(Problem::new(Code::NotFound))
    }

    /// Counts the request against its route's exact limits.
    ///
    /// # Errors
    /// `RATE_LIMITED` with the time to wait.
    pub async fn admit(&self, account: Option<&str>) -> Result<(), Problem> {
        match self.inner.route.guard {
            Some(guard) => crate::pipeline::admission::exact(self, guard, account.unwrap_or_default()).await,
            None => Ok(()),
        }
    }
}
