//! The tenant gate: what bounds a tenant's traffic, and what makes a revocation known, with no call on most requests.
//!
//! One gate object per tenant hands each isolate a **lease** of at most [`LEASE_MS`]: tokens to spend, the
//! tenant's state, and what was revoked since the isolate last asked. Pure core on both sides: [`Gate`] for the
//! object, [`LeaseBook`] for the isolate. Invariants:
//!
//! - Tokens in the bucket and tokens out on lease together never exceed the burst, and a token is out before it is
//!   spent; so over any window no more is admitted than burst and refill, however many isolates spend at once.
//! - An isolate answers for a token's standing only from a lease that has not run out, so whatever is logged
//!   here is refused everywhere within [`LEASE_MS`].
//! - The log reaches back [`LOG_MS`], longer than an access token lives; older tokens need no entry.
//! - No two clocks are compared: tokens flow back by the gate's, and a lease ends by the isolate's, counted from when it asked.
//! - Of a plan whose traffic is too much for one object, [`Rate::gates`] objects each have an even share of the rate. The
//!   first keeps the log; the others copy it, and no lease outlives the copy that it was cut from.
//! - One [`Party`] of the tenant has a limit of its own, handed out in [`Share`]s in the same way; only the first few requests
//!   of a party that an isolate has not heard of yet pass without one.

use crate::time::Timestamp;

pub use book::{Ask, Asked, LeaseBook, Spend, Standing};
pub use bucket::Bucket;
pub use log::{Log, News};
pub use message::{Lease, LeaseRequest, Logged, Look, Policy, Revocation, Spent, TenantState};
pub use party::{Parties, Party, Share, Told};
pub use rate::Rate;
pub use watch::Watch;

mod book;
mod bucket;
mod log;
mod message;
mod own;
mod page;
mod party;
mod rate;
mod watch;

/// Longest life of a lease, in milliseconds.
pub const LEASE_MS: i64 = 10_000;
/// How old a copy of the log may be before the original is asked again, in milliseconds.
const COPY_MS: i64 = 2000;
/// How long a revocation stays in the log, in milliseconds: an access token's life and some slack.
pub const LOG_MS: i64 = 20 * 60 * 1000;

/// A tenant's gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    /// Tokens: in the bucket and out on lease. Changes with every lease.
    pub bucket: Bucket,
    /// What parties used. Changes with the leases that tell of it.
    pub parties: Parties,
    /// Revocations and the tenant's state. Changes with [`revoke`](Self::revoke) only, or, in a copy, with [`follow`](Self::follow).
    pub log: Log,
    /// The tenant's policy. Changes with [`lay_down`](Self::lay_down) only, or, in a copy, with [`follow`](Self::follow).
    pub policy: Policy,
    /// Of a copy: when the original was asked.
    pub copied_at: Option<Timestamp>,
}

impl Gate {
    /// Hands out a lease.
    pub fn lease(&mut self, request: &LeaseRequest, now: Timestamp) -> Lease {
        let grant = self.bucket.grant(request, now);
        let isolates = self.bucket.isolates(request.isolate);
        Lease {
            number: grant.number,
            tokens: grant.tokens,
            lasts_ms: LEASE_MS.saturating_sub(self.copied_at.map_or(0, |at| now.since(at).max(0))),
            retry_after_ms: grant.retry_after_ms,
            remaining: grant.remaining,
            reset_after_ms: grant.reset_after_ms,
            seq: self.log.seq(),
            revocations: self.log.since(request.since, now),
            state: self.log.state(),
            policy: (self.policy.version != request.policy).then(|| self.policy.clone()),
            shares: request.told.iter().map(|told| self.parties.settle(told, isolates, now)).collect(),
        }
    }

    /// What is left, without taking any of it.
    #[must_use]
    pub fn look(&self, rate: Rate, parties: &[Told], now: Timestamp) -> Look {
        let (remaining, on_lease, reset_after_ms) = self.bucket.look(rate, now);
        let mut settled = self.parties.clone();
        Look { remaining, on_lease, reset_after_ms, shares: parties.iter().map(|told| settled.settle(told, 1, now)).collect() }
    }

    /// Takes a policy over, unless a newer one is known; whether it did.
    pub fn lay_down(&mut self, policy: Policy) -> bool {
        let newer = policy.version > self.policy.version;
        if newer {
            self.policy = policy;
        }
        newer
    }

    /// Logs a revocation. Answers its place in the log.
    pub fn revoke(&mut self, revocation: Revocation, now: Timestamp) -> u64 {
        self.log.push(revocation, now)
    }

    /// What a copy does not know yet that knows the log up to a place and the policy in a version.
    #[must_use]
    pub fn news(&self, since: u64, policy: i64, now: Timestamp) -> News {
        News { policy: (self.policy.version != policy).then(|| self.policy.clone()), ..self.log.news(since, now) }
    }

    /// Whether a copy must ask the original before it hands out a lease: to somebody who doubts, always.
    #[must_use]
    pub fn is_behind(&self, fresh: bool, now: Timestamp) -> bool {
        fresh || self.copied_at.is_none_or(|at| now.since(at) >= COPY_MS || at > now)
    }

    /// What a copy knows: the log up to this place, the policy in this version.
    #[must_use]
    pub const fn place(&self) -> (u64, i64) {
        (self.log.seq(), self.policy.version)
    }

    /// Whether leases can still be cut from what a copy knows.
    #[must_use]
    pub fn believes(&self, now: Timestamp) -> bool {
        self.copied_at.is_some_and(|at| now.since(at) < LEASE_MS)
    }

    /// Brings a copy up to what the original knew when it was asked. An answer that was overtaken by a later one changes nothing.
    pub fn follow(&mut self, news: News, asked_at: Timestamp) {
        if news.seq < self.log.seq() {
            return;
        }
        if let Some(policy) = news.policy.clone() {
            self.lay_down(policy);
        }
        self.log.follow(news);
        self.copied_at = self.copied_at.max(Some(asked_at));
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
