//! What one isolate keeps between requests: configuration, the route table, and caches.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
};

use worker::Env;
use zygo_core::{gate::LeaseBook, id::SessionId, tenancy::directory::HostCache, time::Timestamp};
use zygo_runtime::{Config, oidc::Providers};

use crate::{metrics::Metrics, passwords::Turns, pipeline::Program, router::Router, token_cache::TokenCache};

/// The isolate's state. Made once, never dropped.
pub struct App {
    /// Configuration.
    pub config: Config,
    /// Whether requests come by way of another Worker.
    pub is_behind: bool,
    /// The route table, ready to match.
    pub router: Router,
    /// Verified tokens.
    pub tokens: RefCell<TokenCache>,
    /// Hosts and their tenants.
    pub hosts: RefCell<HostCache>,
    /// Leases of the tenants' gates.
    pub leases: RefCell<LeaseBook>,
    /// Counters of this isolate.
    pub metrics: Metrics,
    /// Sessions that were ended through this isolate, until their tokens have died: a lease that was on its way meanwhile
    /// does not know of them yet.
    pub ended: RefCell<HashMap<SessionId, Timestamp>>,
    /// Turns at hashing passwords.
    pub hashing: RefCell<Turns>,
    /// Identity providers: what they publish of themselves.
    pub providers: Providers,
}

/// Hosts that an isolate remembers, known and unknown each.
const HOSTS: usize = 4096;

/// Tenants whose leases an isolate holds.
const TENANTS: usize = 1024;

thread_local! {
    static APP: OnceCell<&'static App> = const { OnceCell::new() };
}

impl App {
    /// The isolate's state, made at the first request.
    ///
    /// # Errors
    /// A sentence for the log if the configuration is incomplete.
    pub fn get(program: &Program, env: &Env) -> Result<&'static Self, String> {
        APP.with(|cell| {
            if let Some(app) = cell.get() {
                return Ok(*app);
            }
            let config = Config::read(env)?;
            let app: &'static Self = Box::leak(Box::new(Self {
                is_behind: program.beyond.is_none(),
                router: Router::new((program.routes)(), config.is_development()),
                config,
                tokens: RefCell::default(),
                hosts: RefCell::new(HostCache::new(HOSTS)),
                leases: RefCell::new(LeaseBook::new(uuid::Uuid::from_bytes(zygo_runtime::random::bytes()), TENANTS)),
                metrics: Metrics::default(),
                ended: RefCell::default(),
                hashing: RefCell::default(),
                providers: Providers::default(),
            }));
            Ok(*cell.get_or_init(|| app))
        })
    }
}
