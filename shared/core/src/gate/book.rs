//! The isolate's side of the gate: leases in hand, and what they told.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Lease, LeaseRequest, Party, Rate, TenantState, page::Page};
use crate::{
    id::{SessionId, TenantId, UserId},
    limits::gcra::Decision,
    tenancy::network,
    time::Timestamp,
};

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

/// A lease to ask for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Which of the tenant's gates is to be asked.
    pub gate: u32,
    /// What it is asked.
    pub request: LeaseRequest,
    /// To be kept until it answers.
    pub asked: Asked,
}

/// What an answer is taken in with: by whom, when and how it was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub(super) gate: u32,
    pub(super) at: Timestamp,
    pub(super) rate: Rate,
    /// Doubts of the book until then.
    pub(super) doubts: u64,
}

/// The leases of one isolate, for a bounded number of tenants.
pub struct LeaseBook {
    isolate: Uuid,
    capacity: usize,
    pages: HashMap<TenantId, Page>,
    /// How often anything was doubted: what was asked for before a doubt does not end it.
    doubts: u64,
}

impl LeaseBook {
    /// An empty book of an isolate, which is named by random bits, for at most `capacity` tenants;
    /// beyond, the one that rested longest is forgotten.
    #[must_use]
    pub fn new(isolate: Uuid, capacity: usize) -> Self {
        Self { isolate, capacity: capacity.max(1), pages: HashMap::new(), doubts: 0 }
    }

    /// Spends a token for a request of a tenant, and of what the party is allowed that makes it, if it has a limit of its own.
    pub fn spend(&mut self, tenant: TenantId, party: Option<(Party, Rate)>, now: Timestamp) -> Spend {
        self.pages.get_mut(&tenant).map_or(Spend::NeedLease, |page| page.spend(party, now))
    }

    /// The request for a lease, with what the tenant's plan allows; leases that are done with are reported in it and forgotten here.
    pub fn ask(&mut self, tenant: TenantId, rate: Rate, now: Timestamp) -> Ask {
        let page = self.page(tenant, rate, now);
        page.rate = rate;
        let asked = Asked { gate: page.gate(), at: now, rate, doubts: 0 };
        let fresh = page.doubted.is_some();
        let request = LeaseRequest {
            isolate: Uuid::nil(),
            since: page.seq,
            policy: page.policy.version,
            fresh,
            spent: page.close(asked.gate, now),
            told: page.tell(now),
            rate: rate.over(rate.gates()),
        };
        Ask { gate: asked.gate, request: LeaseRequest { isolate: self.isolate, ..request }, asked: Asked { doubts: self.doubts, ..asked } }
    }

    /// Takes in the gate's answer.
    pub fn accept(&mut self, tenant: TenantId, asked: &Asked, lease: &Lease, now: Timestamp) {
        self.page(tenant, asked.rate, now).accept(asked, lease, now);
    }

    /// Doubts what is known of a tenant, so that the gate is asked before anything else; what is left of the leases in hand is
    /// given back when it is. An answer that is on its way already settles nothing.
    pub fn doubt(&mut self, tenant: TenantId, now: Timestamp) {
        self.doubts = self.doubts.saturating_add(1);
        let doubts = self.doubts;
        let page = self.page(tenant, Rate::per_minute(0), now);
        page.doubted = Some(doubts);
    }

    /// Whether a token still says the truth: `issued_at` is when it was issued, to the millisecond if known,
    /// else its second's beginning.
    #[must_use]
    pub fn standing(&self, tenant: TenantId, session: SessionId, user: UserId, issued_at: Timestamp, now: Timestamp) -> Standing {
        self.known(tenant, now).map_or(Standing::Unknown, |page| page.standing(session, user, issued_at))
    }

    /// Whether the tenant's policy lets a client in, whose address is written as the edge gives it. No lease in force, no entry.
    #[must_use]
    pub fn admits(&self, tenant: TenantId, client: &str, now: Timestamp) -> bool {
        self.known(tenant, now).is_some_and(|page| network::admits(&page.policy.networks, client))
    }

    /// The tenant's state, if a lease in force says it.
    #[must_use]
    pub fn state(&self, tenant: TenantId, now: Timestamp) -> Option<TenantState> {
        self.known(tenant, now).map(|page| page.state)
    }

    /// The page of a tenant of whom something is known for certain.
    fn known(&self, tenant: TenantId, now: Timestamp) -> Option<&Page> {
        self.pages.get(&tenant).filter(|page| page.is_known(now))
    }

    fn page(&mut self, tenant: TenantId, rate: Rate, now: Timestamp) -> &mut Page {
        if !self.pages.contains_key(&tenant) && self.pages.len() >= self.capacity {
            let oldest = self.pages.iter().min_by_key(|(_, page)| page.touched).map(|(tenant, _)| *tenant);
            oldest.and_then(|tenant| self.pages.remove(&tenant));
        }
        let isolate = self.isolate;
        let page = self.pages.entry(tenant).or_insert_with(|| Page::new(isolate, rate));
        page.touched = now;
        page
    }
}
