//! What isolates and gates say to each other.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Party, Rate, Share, Told};
use crate::{
    id::{SessionId, UserId},
    tenancy::network::Network,
    time::Timestamp,
};

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
    /// Whether it has reason to doubt what it knows, so that no copy of the log will do.
    #[serde(default)]
    pub fresh: bool,
    /// Leases it is done with.
    pub spent: Vec<Spent>,
    /// What parties used since it last said so.
    #[serde(default)]
    pub told: Vec<Told>,
    /// What the tenant's plan allows at this gate.
    pub rate: Rate,
}

/// The gate's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its number, to report what was spent.
    pub number: u64,
    /// Requests that may pass until it runs out; 0 if the tenant has none left.
    pub tokens: u32,
    /// Milliseconds from when it was asked for until it runs out.
    pub lasts_ms: i64,
    /// Milliseconds after which asking again is worth while; 0 if there are tokens.
    pub retry_after_ms: u64,
    /// Tokens that stay in the bucket.
    pub remaining: u32,
    /// Milliseconds until the bucket is full again.
    pub reset_after_ms: u64,
    /// Last place of the log.
    pub seq: u64,
    /// What was revoked since the place the isolate named.
    pub revocations: Vec<Logged>,
    /// Whether the tenant is served.
    pub state: TenantState,
    /// The tenant's policy, where it is another than the isolate knows.
    #[serde(default)]
    pub policy: Option<Policy>,
    /// What is left to the parties that were told of.
    #[serde(default)]
    pub shares: Vec<Share>,
}

/// What a gate has left, to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Tokens in the bucket.
    pub remaining: u32,
    /// Tokens that isolates have in hand; how many of them are spent they say when they next ask.
    pub on_lease: u32,
    /// Milliseconds until the bucket is full again.
    pub reset_after_ms: u64,
    /// What is left to the parties that were asked about.
    pub shares: Vec<Share>,
}

impl Look {
    /// What several gates of a tenant have left together.
    #[must_use]
    pub fn all(gates: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> u32| gates.iter().map(of).fold(0, u32::saturating_add);
        let parties = gates.first().map(|look| look.shares.as_slice()).unwrap_or_default();
        let of = |party: Party| gates.iter().flat_map(|look| &look.shares).filter(move |share| share.party == party);
        let shares = parties.iter().map(|first| Share {
            party: first.party,
            tokens: of(first.party).map(|share| share.tokens).fold(0, u32::saturating_add),
            remaining: of(first.party).map(|share| share.remaining).fold(0, u32::saturating_add),
            retry_after_ms: of(first.party).map(|share| share.retry_after_ms).min().unwrap_or(0),
            reset_after_ms: of(first.party).map(|share| share.reset_after_ms).max().unwrap_or(0),
        });
        Self {
            remaining: sum(|look| look.remaining),
            on_lease: sum(|look| look.on_lease),
            reset_after_ms: gates.iter().map(|look| look.reset_after_ms).max().unwrap_or(0),
            shares: shares.collect(),
        }
    }
}
