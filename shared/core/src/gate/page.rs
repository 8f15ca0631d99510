//! What one isolate knows of one tenant: its leases, its parties' shares, and what was revoked.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    LEASE_MS, LOG_MS, Lease, Logged, Party, Policy, Rate, Revocation, Share, Spend, Spent, Standing, TenantState, Told,
    book::Asked,
    own::{NEVER, Own, after, limit, wait},
};
use crate::{
    id::{SessionId, UserId},
    limits::gcra::Decision,
    time::Timestamp,
};

/// Name of the plan limit as clients read it.
const POLICY: &str = "api";
/// Leases in hand from which on all are given back with the next request, so that they become one again.
const MANY_LEASES: usize = 16;
/// Leases of one tenant in hand at most, however many are asked for at once; beyond, unspent tokens are let go.
const MOST_LEASES: usize = 256;
/// Parties told of in one request at most; the others wait for the next.
const MOST_TOLD: usize = 64;

struct Held {
    gate: u32,
    lease: u64,
    tokens: u32,
    used: u32,
    granted_at: Timestamp,
    expires_at: Timestamp,
}

impl Held {
    fn is_live(&self, now: Timestamp) -> bool {
        self.used < self.tokens && now < self.expires_at
    }
}

/// What is known of one tenant.
pub(super) struct Page {
    held: Vec<Held>,
    parties: HashMap<Party, Own>,
    /// Which of its gates is asked: the isolate's own, and the next one after each that had nothing left.
    turn: u32,
    /// How many of them in a row had nothing left.
    empty: u32,
    /// Nothing to be had until then.
    denied_until: Timestamp,
    /// When the first token flows back.
    retry_at: Timestamp,
    /// What is known is in force until then.
    known_until: Timestamp,
    /// The doubt that no answer has ended yet.
    pub(super) doubted: Option<u64>,
    pub(super) touched: Timestamp,
    pub(super) seq: u64,
    pub(super) state: TenantState,
    pub(super) rate: Rate,
    remaining: u32,
    full_at: Timestamp,
    sessions: HashMap<SessionId, Timestamp>,
    users: HashMap<UserId, Timestamp>,
    stale_users: HashMap<UserId, Timestamp>,
    stale_until: Timestamp,
    void_until: Timestamp,
    pub(super) policy: Policy,
}

impl Page {
    pub(super) fn new(isolate: Uuid, rate: Rate) -> Self {
        let [turn, ..] = isolate.into_bytes();
        Self {
            held: Vec::new(),
            parties: HashMap::new(),
            turn: u32::from(turn),
            empty: 0,
            denied_until: NEVER,
            retry_at: NEVER,
            known_until: NEVER,
            doubted: None,
            touched: NEVER,
            seq: 0,
            state: TenantState::default(),
            rate,
            remaining: 0,
            full_at: NEVER,
            sessions: HashMap::new(),
            users: HashMap::new(),
            stale_users: HashMap::new(),
            stale_until: NEVER,
            void_until: NEVER,
            policy: Policy::default(),
        }
    }

    /// Which of the tenant's gates is to be asked.
    pub(super) fn gate(&self) -> u32 {
        self.turn.checked_rem(self.rate.gates()).unwrap_or(0)
    }

    pub(super) fn is_known(&self, now: Timestamp) -> bool {
        self.doubted.is_none() && now < self.known_until
    }

    pub(super) fn spend(&mut self, party: Option<(Party, Rate)>, now: Timestamp) -> Spend {
        self.touched = now;
        let Some(held) = self.held.iter_mut().find(|held| held.is_live(now)) else {
            return if now < self.denied_until { Spend::Denied(self.decision(false, now)) } else { Spend::NeedLease };
        };
        let own = match party.map(|(party, rate)| self.parties.entry(party).or_insert_with(|| Own::new(rate, now)).spend(party, now)) {
            Some(Spend::Ok(own)) => Some(own),
            Some(other) => return other,
            None => None,
        };
        held.used = held.used.saturating_add(1);
        let all = self.decision(true, now);
        Spend::Ok(own.filter(|own| own.remaining < all.remaining).unwrap_or(all))
    }

    /// Takes out the leases that nothing more is spent of; in doubt, all of them. Those of another gate wait until it is asked.
    pub(super) fn close(&mut self, gate: u32, now: Timestamp) -> Vec<Spent> {
        let all = self.doubted.is_some() || self.held.len() >= MANY_LEASES;
        self.held.retain(|held| now.since(held.granted_at) < LEASE_MS.saturating_mul(2));
        let done = self.held.extract_if(.., |held| held.gate == gate && (all || !held.is_live(now)));
        done.map(|held| Spent { lease: held.lease, used: held.used }).collect()
    }

    /// What is to be told of parties; those of whom nothing is known any more are forgotten.
    pub(super) fn tell(&mut self, now: Timestamp) -> Vec<Told> {
        let gates = self.rate.gates();
        self.parties.retain(|_, own| own.is_known(now));
        let mut due: Vec<_> = self.parties.iter_mut().filter(|(_, own)| own.is_due(now)).collect();
        // Those that somebody waits for first: untold, they would be asked for in vain.
        due.sort_unstable_by_key(|(_, own)| !own.is_wanted());
        due.into_iter().take(MOST_TOLD).map(|(party, own)| own.tell(*party, gates)).collect()
    }

    pub(super) fn accept(&mut self, asked: &Asked, lease: &Lease, now: Timestamp) {
        let expires_at = asked.at.plus_millis(lease.lasts_ms.min(LEASE_MS));
        self.touched = now;
        self.remaining = lease.remaining;
        self.full_at = after(now, lease.reset_after_ms);
        if lease.tokens > 0 {
            if self.held.len() >= MOST_LEASES {
                self.held.remove(0);
            }
            self.held.push(Held { gate: asked.gate, lease: lease.number, tokens: lease.tokens, used: 0, granted_at: asked.at, expires_at });
            self.empty = 0;
        } else {
            self.turn_to_next(asked, after(now, lease.retry_after_ms), expires_at);
        }
        self.learn_all(asked, lease, expires_at, now);
        lease.shares.iter().for_each(|share| self.take_share(asked, share, expires_at, now));
    }

    /// A gate had nothing left: the next one may, and when none has, it is to wait.
    fn turn_to_next(&mut self, asked: &Asked, retry_at: Timestamp, expires_at: Timestamp) {
        self.retry_at = if self.empty == 0 { retry_at } else { self.retry_at.min(retry_at) };
        self.empty = self.empty.saturating_add(1);
        self.turn = asked.gate.saturating_add(1);
        if self.empty >= asked.rate.gates() {
            self.denied_until = self.retry_at.min(expires_at);
            self.empty = 0;
        }
    }

    fn take_share(&mut self, asked: &Asked, share: &Share, until: Timestamp, now: Timestamp) {
        let own = self.parties.get_mut(&share.party).filter(|_| share.tokens > 0 || share.retry_after_ms > 0);
        let empty = own.is_some_and(|own| own.take(share, asked.rate.gates(), until, now));
        if empty {
            self.turn = asked.gate.saturating_add(1);
        }
    }

    fn learn_all(&mut self, asked: &Asked, lease: &Lease, expires_at: Timestamp, now: Timestamp) {
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
        self.known_until = self.known_until.max(expires_at);
        self.doubted = self.doubted.filter(|doubt| *doubt > asked.doubts);
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

    /// Whether a token says the truth, by what is known.
    pub(super) fn standing(&self, session: SessionId, user: UserId, issued_at: Timestamp) -> Standing {
        let since = |at: Option<&Timestamp>| at.is_some_and(|at| issued_at <= *at);
        // Whoever is suspended loses their sessions too; the reason is the better answer.
        if since(self.users.get(&user)) {
            Standing::UserRevoked
        } else if self.sessions.contains_key(&session) {
            Standing::SessionEnded
        } else if since(Some(&self.void_until)) {
            Standing::Void
        } else if since(self.stale_users.get(&user)) || since(Some(&self.stale_until)) {
            Standing::Stale
        } else {
            Standing::Good
        }
    }

    fn decision(&self, allowed: bool, now: Timestamp) -> Decision {
        let held = self.held.iter().filter(|held| held.is_live(now));
        let left = held.map(|held| held.tokens.saturating_sub(held.used)).fold(0, u32::saturating_add);
        Decision {
            allowed,
            policy: POLICY.into(),
            limit: limit(self.rate),
            remaining: if allowed { self.remaining.saturating_add(left) } else { 0 },
            reset_after_ms: wait(self.full_at, now),
            retry_after_ms: if allowed { 0 } else { wait(self.retry_at, now).max(1) },
        }
    }
}
