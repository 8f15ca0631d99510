//! The isolate's side of the gate: leases in hand, and what they told.

use std::collections::HashMap;

use uuid::Uuid;

use super::{LOG_MS, Lease, LeaseRequest, Logged, Policy, Rate, Revocation, Spent, TenantState};
use crate::{
    id::{SessionId, TenantId, UserId},
    limits::gcra::{Decision, Limit},
    tenancy::network,
    time::Timestamp,
};

/// Name of the plan limit as clients read it.
const POLICY: &str = "api";
/// Leases of one tenant held or owed a report at most; beyond, unspent tokens are let go.
const MOST_LEASES: usize = 16;

/// Whether a request may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spend {
    /// It may; a token was spent.
    Ok(Decision),
    /// Nothing in hand: ask the gate, accept its lease, and spend again.
    NeedLease,
    /// The tenant has none left for now.
    Denied(Decision),
}

/// Whether an access token still says the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Good,
    /// Its permissions changed: they must be read anew, or it must be refreshed.
    Stale,
    /// It must be refreshed.
    Void,
    /// Its session ended.
    SessionEnded,
    /// Its person was suspended or removed after it was issued.
    UserRevoked,
    /// No lease in force says so: ask the gate first.
    Unknown,
}

struct Held {
    lease: u64,
    tokens: u32,
    used: u32,
    expires_at: Timestamp,
}

impl Held {
    fn is_live(&self, now: Timestamp) -> bool {
        self.used < self.tokens && now < self.expires_at
    }
}

/// What is known of one tenant.
struct Page {
    held: Vec<Held>,
    /// Nothing to be had until then.
    denied_until: Timestamp,
    /// When the first token flows back.
    retry_at: Timestamp,
    /// What is known is in force until then.
    known_until: Timestamp,
    touched: Timestamp,
    seq: u64,
    state: TenantState,
    rate: Rate,
    remaining: u32,
    full_at: Timestamp,
    sessions: HashMap<SessionId, Timestamp>,
    users: HashMap<UserId, Timestamp>,
    stale_users: HashMap<UserId, Timestamp>,
    stale_until: Timestamp,
    void_until: Timestamp,
    policy: Policy,
}

/// The leases of one isolate, for a bounded number of tenants.
pub struct LeaseBook {
    isolate: Uuid,
    capacity: usize,
    pages: HashMap<TenantId, Page>,
}

impl LeaseBook {
    /// An empty book of an isolate, which is named by random bits, for at most `capacity` tenants;
    /// beyond, the one that rested longest is forgotten.
    #[must_use]
    pub fn new(isolate: Uuid, capacity: usize) -> Self {
        Self { isolate, capacity: capacity.max(1), pages: HashMap::new() }
    }

    /// Spends a token for a request of a tenant.
    pub fn spend(&mut self, tenant: TenantId, now: Timestamp) -> Spend {
        let Some(page) = self.pages.get_mut(&tenant) else { return Spend::NeedLease };
        page.touched = now;
        if let Some(held) = page.held.iter_mut().find(|held| held.is_live(now)) {
            held.used = held.used.saturating_add(1);
            return Spend::Ok(page.decision(true, now));
        }
        if now < page.denied_until { Spend::Denied(page.decision(false, now)) } else { Spend::NeedLease }
    }

    /// The request for a lease; leases that are done with are reported in it and forgotten here.
    pub fn ask(&mut self, tenant: TenantId, rate: Rate, now: Timestamp) -> LeaseRequest {
        let page = self.pages.get_mut(&tenant);
        let (since, policy, spent) = page.map_or((0, 0, Vec::new()), |page| (page.seq, page.policy.version, page.close(now)));
        LeaseRequest { isolate: self.isolate, since, policy, spent, now, rate }
    }

    /// Takes in the gate's answer.
    pub fn accept(&mut self, tenant: TenantId, lease: &Lease, now: Timestamp) {
        if !self.pages.contains_key(&tenant) && self.pages.len() >= self.capacity {
            let oldest = self.pages.iter().min_by_key(|(_, page)| page.touched).map(|(tenant, _)| *tenant);
            oldest.and_then(|tenant| self.pages.remove(&tenant));
        }
        self.pages.entry(tenant).or_insert_with(|| Page::new(lease.rate)).accept(lease, now);
    }

    /// Drops what is known of a tenant, so that the gate is asked before anything else; its unspent tokens are let go.
    pub fn forget(&mut self, tenant: TenantId) {
        self.pages.remove(&tenant);
    }

    /// Whether a token still says the truth: `issued_at` is when it was issued, to the millisecond if known,
    /// else its second's beginning.
    #[must_use]
    pub fn standing(&self, tenant: TenantId, session: SessionId, user: UserId, issued_at: Timestamp, now: Timestamp) -> Standing {
        let Some(page) = self.pages.get(&tenant).filter(|page| now < page.known_until) else { return Standing::Unknown };
        let since = |at: Option<&Timestamp>| at.is_some_and(|at| issued_at <= *at);
        // Whoever is suspended loses their sessions too; the reason is the better answer.
        if since(page.users.get(&user)) {
            Standing::UserRevoked
        } else if page.sessions.contains_key(&session) {
            Standing::SessionEnded
        } else if since(Some(&page.void_until)) {
            Standing::Void
        } else if since(page.stale_users.get(&user)) || since(Some(&page.stale_until)) {
            Standing::Stale
        } else {
            Standing::Good
        }
    }

    /// Whether the tenant's policy lets a client in, whose address is written as the edge gives it. No lease in force, no entry.
    #[must_use]
    pub fn admits(&self, tenant: TenantId, client: &str, now: Timestamp) -> bool {
        let page = self.pages.get(&tenant).filter(|page| now < page.known_until);
        page.is_some_and(|page| network::admits(&page.policy.networks, client))
    }

    /// The tenant's state, if a lease in force says it.
    #[must_use]
    pub fn state(&self, tenant: TenantId, now: Timestamp) -> Option<TenantState> {
        self.pages.get(&tenant).filter(|page| now < page.known_until).map(|page| page.state)
    }
}

impl Page {
    fn new(rate: Rate) -> Self {
        let never = Timestamp::from_millis(i64::MIN);
        Self {
            held: Vec::new(),
            denied_until: never,
            retry_at: never,
            known_until: never,
            touched: never,
            seq: 0,
            state: TenantState::default(),
            rate,
            remaining: 0,
            full_at: never,
            sessions: HashMap::new(),
            users: HashMap::new(),
            stale_users: HashMap::new(),
            stale_until: never,
            void_until: never,
            policy: Policy::default(),
        }
    }

    fn accept(&mut self, lease: &Lease, now: Timestamp) {
        self.touched = now;
        self.rate = lease.rate;
        self.remaining = lease.remaining;
        self.full_at = now.plus_millis(i64::try_from(lease.reset_after_ms).unwrap_or(i64::MAX));
        self.known_until = self.known_until.max(lease.expires_at);
        if lease.tokens > 0 {
            if self.held.len() >= MOST_LEASES {
                self.held.remove(0);
            }
            let (lease, tokens, expires_at) = (lease.number, lease.tokens, lease.expires_at);
            self.held.push(Held { lease, tokens, used: 0, expires_at });
        } else {
            self.retry_at = now.plus_millis(i64::try_from(lease.retry_after_ms).unwrap_or(i64::MAX));
            self.denied_until = self.retry_at.min(lease.expires_at);
        }
        // Two requests may ask at once and be answered out of order: the later place of the log wins.
        if lease.seq >= self.seq {
            self.seq = lease.seq;
            self.state = lease.state;
        }
        if let Some(policy) = lease.policy.as_ref().filter(|policy| policy.version > self.policy.version) {
            self.policy = policy.clone();
        }
        lease.revocations.iter().for_each(|entry| self.learn(entry));
        self.sessions.retain(|_, at| now.since(*at) < LOG_MS);
        self.users.retain(|_, at| now.since(*at) < LOG_MS);
        self.stale_users.retain(|_, at| now.since(*at) < LOG_MS);
    }

    fn learn(&mut self, entry: &Logged) {
        let at = entry.at;
        let later = |known: &mut Timestamp| *known = at.max(*known);
        match entry.revocation {
            Revocation::Session(id) => later(self.sessions.entry(id).or_insert(at)),
            Revocation::User(id) => later(self.users.entry(id).or_insert(at)),
            Revocation::UserPermissions(id) => later(self.stale_users.entry(id).or_insert(at)),
            Revocation::Permissions => later(&mut self.stale_until),
            Revocation::Tokens => later(&mut self.void_until),
            // The state of the whole answer counts.
            Revocation::Tenant(_) => {}
        }
    }

    /// Takes out the leases that nothing more is spent of.
    fn close(&mut self, now: Timestamp) -> Vec<Spent> {
        let done = self.held.extract_if(.., |held| !held.is_live(now));
        done.map(|held| Spent { lease: held.lease, used: held.used }).collect()
    }

    fn decision(&self, allowed: bool, now: Timestamp) -> Decision {
        let held = self.held.iter().filter(|held| held.is_live(now));
        let left = held.map(|held| held.tokens.saturating_sub(held.used)).fold(0, u32::saturating_add);
        let wait = |until: Timestamp| u64::try_from(until.since(now)).unwrap_or(0);
        Decision {
            allowed,
            policy: POLICY.into(),
            limit: Limit { count: self.rate.per_minute, period_ms: 60_000, burst: self.rate.burst },
            remaining: if allowed { self.remaining.saturating_add(left) } else { 0 },
            reset_after_ms: wait(self.full_at),
            retry_after_ms: if allowed { 0 } else { wait(self.retry_at).max(1) },
        }
    }
}
