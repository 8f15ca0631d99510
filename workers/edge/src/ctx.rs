//! What a handler receives: a request that was already matched, authenticated and authorized.
//!
//! The context is the only key to the store: its scopes cannot be had without one.

use std::{
    cell::{Cell, OnceCell, RefCell},
    future::Future,
    rc::Rc,
};

use futures::future::LocalBoxFuture;
use worker::Env;
use zygo_core::{
    error::{Code, Problem},
    http::etag::IfMatch,
    id::{TenantId, UserId},
    limits::gcra::Decision,
    tenancy::{directory::DirectoryEntry, plan::Feature},
    time::Timestamp,
};
use zygo_runtime::{
    clock,
    postgres::{self, Role},
};
use zygo_store::{
    Actor, Db, Guard, LAST_OWNER, LookupScope, MAIL_DOMAIN_REFUSED, MEMBER_SUSPENDED, MEMBERS_FULL, Owed, PlatformScope, SCIM_TOKEN, SESSION_ENDED,
    SIGN_ON_REQUIRED, SSO_NOT_COVERED, StoreError, TENANT_DELETED, TENANT_SUSPENDED, TenantScope, audit::Operation,
};

use crate::{
    app::App,
    caller::Caller,
    pipeline::head::Head,
    route::{Route, Who},
};

/// What is written down about a request while it runs, for the log and the headers.
#[derive(Default)]
pub struct Trace {
    /// Milliseconds spent verifying the token.
    pub auth_ms: Cell<f64>,
    /// Milliseconds spent waiting for Postgres.
    pub db_ms: Cell<f64>,
    /// The tightest limit that the request counted against.
    pub limit: RefCell<Option<Decision>>,
    /// Methods of the path, if the request is a preflight.
    pub preflight: RefCell<Option<String>>,
    /// Whether a person sees the answer, so that a problem becomes a page.
    pub page: Cell<bool>,
    /// The organisation of the host: whose pages may read the answer.
    pub host: RefCell<Option<Rc<DirectoryEntry>>>,
    /// What a policy refused: the table, and what was about to be done there.
    pub refused: RefCell<Option<(String, Operation)>>,
    /// Tenant of the request.
    pub tenant_id: Cell<Option<TenantId>>,
    /// Caller of the request.
    pub user_id: Cell<Option<UserId>>,
    /// Tenants whose gates were told something: whoever holds a lease of theirs asks anew.
    pub doubted: RefCell<Vec<TenantId>>,
}

impl Trace {
    /// Whether the request is of no tenant and no user.
    #[must_use]
    pub fn is_nobodys(&self) -> bool {
        self.host.borrow().is_none() && self.tenant_id.get().is_none() && self.user_id.get().is_none()
    }
}

/// What belongs to the request as a whole.
pub struct Shared {
    /// The isolate's state.
    pub app: &'static App,
    /// The environment's bindings.
    pub env: Env,
    /// The instant of the request.
    pub now: Timestamp,
    /// Its id.
    pub request_id: String,
    /// Its head.
    pub head: Head,
    /// Notes for log and headers.
    pub trace: Trace,
    /// Cookies that go with the answer, whatever it will be.
    pub cookies: RefCell<Vec<String>>,
    /// The connection, or why there is none: a request does not wait for an absent database twice.
    db: OnceCell<Result<Rc<Db>, Problem>>,
    after: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

impl Shared {
    /// A request that has just come in.
    #[must_use]
    pub fn new(app: &'static App, env: Env, now: Timestamp, request_id: String, head: Head) -> Self {
        Self { app, env, now, request_id, head, trace: Trace::default(), cookies: RefCell::default(), db: OnceCell::new(), after: RefCell::default() }
    }

    /// The request's connection to Postgres, opened at first use.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` when Postgres does not answer.
    pub async fn db(&self) -> Result<Rc<Db>, Problem> {
        if let Some(db) = self.db.get() {
            return db.clone();
        }
        let db = postgres::connect(&self.env, Role::App).await.map(Rc::new);
        self.db.get_or_init(|| db).clone()
    }

    /// Runs a batch of the store, bounded in time and measured.
    ///
    /// # Errors
    /// What the store's error is to a client.
    pub async fn store<T>(&self, batch: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
        let start = clock::now();
        let result = postgres::bounded(batch).await;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
        let spent = clock::now().since(start) as f64;
        self.trace.db_ms.set(self.trace.db_ms.get() + spent);
        result?.map_err(|error| {
            if let StoreError::Forbidden { table, operation, .. } = &error {
                self.trace.refused.replace(Some((table.clone(), *operation)));
            }
            store_problem(error)
        })
    }

    /// Round trips to Postgres so far.
    #[must_use]
    pub fn round_trips(&self) -> u32 {
        self.db.get().and_then(|db| db.as_ref().ok()).map_or(0, |db| db.trips())
    }

    /// After a tenant's gate was told something: its lease is asked for anew, here and where the request came by.
    pub fn doubt(&self, tenant: TenantId) {
        self.app.leases.borrow_mut().doubt(tenant, self.now);
        self.trace.doubted.borrow_mut().push(tenant);
    }

    /// What the request's transactions owe, since this was last asked.
    #[must_use]
    pub fn take_owed(&self) -> Owed {
        self.db.get().and_then(|db| db.as_ref().ok()).map(|db| db.take_owed()).unwrap_or_default()
    }

    /// Does something after the response, without the caller waiting.
    pub fn after(&self, work: impl Future<Output = ()> + 'static) {
        self.after.borrow_mut().push(Box::pin(work));
    }

    /// Whether nothing is to be done after the response.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.after.borrow().is_empty()
    }

    /// A parameter of the query, decoded; the first of its name.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.head.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Takes what is to be done after the response.
    pub fn take_after(&self) -> Vec<LocalBoxFuture<'static, ()>> {
        self.after.take()
    }

    /// The scope in which nothing of a tenant can be seen.
    #[must_use]
    pub fn lookup(&self) -> LookupScope {
        let host = self.trace.host.borrow().as_ref().map(|host| host.tenant_id);
        LookupScope::new(self.trace.user_id.get(), &self.request_id).from_address(self.head.client_address()).at_host(host)
    }
}

/// The answer to somebody who has proved who they are, but not through their organisation's identity provider.
fn sign_on_required() -> Problem {
    Problem::new(Code::PermissionDenied)
        .detail("your organisation requires that you sign on through its identity provider")
        .details(serde_json::json!({ "permission": null, "sign_on": true }))
        .hint("GET /auth/sso/discover?email= says where; an owner may also sign in with a second factor")
}

/// What an error of the store is to a client.
#[must_use]
pub fn store_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Unavailable(cause) => Problem::unavailable(cause),
        StoreError::Retry(cause) => Problem::unavailable(cause).retry_after(1),
        StoreError::Conflict { constraint } => Problem::new(Code::Conflict).cause(constraint),
        StoreError::Refused { constraint } if constraint == SIGN_ON_REQUIRED => sign_on_required(),
        StoreError::Refused { constraint } if constraint == MEMBERS_FULL => Feature::Members.not_covered(),
        StoreError::Refused { constraint } if constraint == MAIL_DOMAIN_REFUSED => {
            Problem::field("email", "mail_domain", "the organisation takes addresses of other mail domains")
        }
        StoreError::Refused { constraint } => match constraint.as_str() {
            MEMBER_SUSPENDED => Problem::new(Code::UserSuspended),
            SESSION_ENDED => Problem::new(Code::SessionRevoked),
            LAST_OWNER => Problem::new(Code::LastOwner),
            SCIM_TOKEN => Problem::new(Code::TokenInvalid),
            SSO_NOT_COVERED => Feature::Sso.not_covered(),
            TENANT_SUSPENDED => Problem::new(Code::TenantSuspended),
            TENANT_DELETED => Problem::new(Code::TenantDeleted),
            _ => Problem::internal(constraint),
        },
        StoreError::Denied { permission } => Problem::new(Code::PermissionDenied).details(serde_json::json!({ "permission": permission })),
        StoreError::Forbidden { cause, .. } => Problem::new(Code::NotFound).cause(format!("refused by a policy: {cause}")),
        StoreError::Bug(cause) => Problem::internal(cause),
    }
}

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
