//! Limits within a tenant's: of one person, or one key, so that none of them takes what is everybody's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Rate;
use crate::{
    id::UserId,
    limits::gcra::{Check, Limit, Meters},
    time::Timestamp,
};

/// Which part of its burst an isolate admits to a party that it has not asked about yet.
const UNASKED: u32 = 160;
/// What is left is shared out to this many times as many isolates as there are, so that those that come meanwhile find some.
const SPARE: u32 = 3;

/// Whose requests count together within a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Party {
    /// A person's.
    User(UserId),
    /// An API key's.
    Key(Uuid),
}

impl Party {
    /// Name of its limit as clients read it.
    #[must_use]
    pub const fn policy(self) -> &'static str {
        match self {
            Self::User(_) => "api-user",
            Self::Key(_) => "api-key",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
}

/// What an isolate says of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Whom it speaks of.
    pub party: Party,
    /// What it is allowed at this gate.
    pub rate: Rate,
    /// Requests admitted since the isolate last said so.
    pub used: u32,
    /// Requests of the shares that it was given since: what was not used comes back.
    pub held: u32,
    /// Whether it wants a share.
    pub wants: bool,
}

/// What an isolate may admit to a party before it tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Whom.
    pub party: Party,
    /// How many requests; 0 if nothing is left.
    pub tokens: u32,
    /// Requests that are left to it beside all shares.
    pub remaining: u32,
    /// Milliseconds after which asking again is worth while; 0 if there are tokens.
    pub retry_after_ms: u64,
    /// Milliseconds until it may use its whole burst again.
    pub reset_after_ms: u64,
}

/// What may be admitted to a party at an isolate that knows nothing of it yet.
pub(super) fn unasked(rate: Rate) -> u32 {
    rate.burst.checked_div(UNASKED).unwrap_or(0).max(1)
}

/// What the parties of a tenant used.
#[derive(Debug, Clone, Default)]
pub struct Parties {
    meters: Meters,
    changed: BTreeSet<String>,
}

impl Parties {
    /// As they were kept: key, and the theoretical arrival time in microseconds.
    #[must_use]
    pub fn restore(rows: impl IntoIterator<Item = (String, i64)>) -> Self {
        Self { meters: Meters::restore(rows), changed: BTreeSet::new() }
    }

    /// Settles what an isolate says of a party, and gives it the share of one of so many isolates in what is left. A share is charged
    /// when it is given, so that what isolates use never adds up to more than there was.
    pub(super) fn settle(&mut self, told: &Told, isolates: u32, now: Timestamp) -> Share {
        let Told { party, rate, used, held, wants } = *told;
        let limit = Limit { count: rate.per_minute, period_ms: 60_000, burst: rate.burst };
        let check = Check { key: party.to_string(), policy: party.policy().into(), limit, cost: 0 };
        let settled = self.meters.charge(&check, i64::from(used).saturating_sub(i64::from(held)), now);
        let part = settled.remaining.checked_div(isolates.max(1).saturating_mul(SPARE)).unwrap_or(0);
        let tokens = if wants { part.max(1).min(settled.remaining) } else { 0 };
        let charged = self.meters.charge(&check, i64::from(tokens), now);
        if used != held || tokens > 0 {
            self.changed.insert(check.key);
        }
        let retry_after_ms = if tokens > 0 || !wants { 0 } else { settled.retry_after_ms.max(1) };
        Share { party, tokens, remaining: charged.remaining, retry_after_ms, reset_after_ms: charged.reset_after_ms }
    }

    /// What changed since this was last asked, to be kept; `None` is to be kept no more, since the party has its whole burst again.
    pub fn take_changed(&mut self, now: Timestamp) -> BTreeMap<String, Option<i64>> {
        let gone = self.meters.forget_full(now);
        let changed = std::mem::take(&mut self.changed).into_iter().map(|key| {
            let full_at = self.meters.full_at(&key);
            (key, full_at)
        });
        let mut rows: BTreeMap<String, Option<i64>> = changed.collect();
        rows.extend(gone.into_iter().map(|key| (key, None)));
        rows
    }
}
