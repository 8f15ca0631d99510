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

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    id::{SessionId, UserId},
    tenancy::network::Network,
    time::Timestamp,
};

pub use book::{LeaseBook, Spend, Standing};
pub use bucket::Bucket;
pub use log::Log;

mod book;
mod bucket;
mod log;

/// Longest life of a lease, in milliseconds.
pub const LEASE_MS: i64 = 10_000;
/// How long a revocation stays in the log, in milliseconds: an access token's life and some slack.
pub const LOG_MS: i64 = 20 * 60 * 1000;

/// What a tenant's plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests a minute in the long run; 0 allows none.
    pub per_minute: u32,
    /// Requests at once after a rest.
    pub burst: u32,
}

impl Rate {
    /// So many requests a minute, twice as many at once.
    #[must_use]
    pub const fn per_minute(per_minute: u32) -> Self {
        Self { per_minute, burst: per_minute.saturating_mul(2) }
    }
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// Yes.
    #[default]
    Active,
    /// Sign-in, billing and support only.
    Suspended,
    /// No more.
    Deleted,
}

/// Something that access tokens still say and that no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", content = "of", rename_all = "snake_case")]
pub enum Revocation {
    /// A session ended.
    Session(SessionId),
    /// A person was suspended or removed; tokens issued until now are void.
    User(UserId),
    /// One person's role changed; tokens issued until now are stale.
    UserPermissions(UserId),
    /// Roles of the tenant changed; every token issued until now is stale.
    Permissions,
    /// Every token issued until now is void.
    Tokens,
    /// The tenant's state changed to this.
    Tenant(TenantState),
}

/// A revocation in the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// Its place; later ones are higher.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What it was.
    pub revocation: Revocation,
}

/// What an isolate spent of an earlier lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Number of the lease.
    pub lease: u64,
    /// Tokens used of it. The isolate spends no more of it after saying so.
    pub used: u32,
}

/// What the tenant lays down for every request: a copy of its settings, which the gate is told of when they change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Version of the tenant in the directory; an older one never replaces a newer one.
    pub version: i64,
    /// Where requests may come from; from anywhere, where it is empty.
    pub networks: Vec<Network>,
}

/// An isolate asks for a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Which isolate: random, made once in its life.
    pub isolate: Uuid,
    /// Last place of the log that it knows; 0 if none.
    pub since: u64,
    /// Version of the policy that it knows; 0 if none.
    #[serde(default)]
    pub policy: i64,
    /// Leases it is done with.
    pub spent: Vec<Spent>,
    /// The request's instant.
    pub now: Timestamp,
    /// What the tenant's plan allows.
    pub rate: Rate,
}

/// The gate's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its number, to report what was spent.
    pub number: u64,
    /// Requests that may pass until it runs out; 0 if the tenant has none left.
    pub tokens: u32,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// Milliseconds after which asking again is worth while; 0 if there are tokens.
    pub retry_after_ms: u64,
    /// Tokens that stay in the bucket.
    pub remaining: u32,
    /// Milliseconds until the bucket is full again.
    pub reset_after_ms: u64,
    /// The rate it was cut from.
    pub rate: Rate,
    /// Last place of the log.
    pub seq: u64,
    /// What was revoked since the place the isolate named.
    pub revocations: Vec<Logged>,
    /// Whether the tenant is served.
    pub state: TenantState,
    /// The tenant's policy, where it is another than the isolate knows.
    #[serde(default)]
    pub policy: Option<Policy>,
}

/// A tenant's gate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Gate {
    /// Tokens: in the bucket and out on lease. Changes with every lease.
    pub bucket: Bucket,
    /// Revocations and the tenant's state. Changes with [`revoke`](Self::revoke) only.
    pub log: Log,
    /// The tenant's policy. Changes with [`lay_down`](Self::lay_down) only.
    #[serde(default)]
    pub policy: Policy,
}

impl Gate {
    /// Hands out a lease.
    pub fn lease(&mut self, request: &LeaseRequest) -> Lease {
        let grant = self.bucket.grant(request);
        Lease {
            number: grant.number,
            tokens: grant.tokens,
            expires_at: request.now.plus_millis(LEASE_MS),
            retry_after_ms: grant.retry_after_ms,
            remaining: grant.remaining,
            reset_after_ms: grant.reset_after_ms,
            rate: request.rate,
            seq: self.log.seq(),
            revocations: self.log.since(request.since, request.now),
            state: self.log.state(),
            policy: (self.policy.version != request.policy).then(|| self.policy.clone()),
        }
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
}

#[cfg(test)]
mod tests;
