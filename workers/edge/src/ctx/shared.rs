//! What belongs to a request as a whole: its head, its notes, its connection to Postgres, and what is left to do after it.

use std::{
    cell::{Cell, OnceCell, RefCell},
    future::Future,
    rc::Rc,
};

use futures::future::LocalBoxFuture;
use worker::Env;
use zygo_core::{
    error::Problem,
    id::{TenantId, UserId},
    limits::gcra::Decision,
    tenancy::directory::DirectoryEntry,
    time::Timestamp,
};
use zygo_runtime::{
    clock,
    postgres::{self, Role},
};
use zygo_store::{Db, LookupScope, Owed, StoreError, audit::Operation};

use super::store_problem;
use crate::{app::App, pipeline::head::Head};

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
