//! The gate's log of revocations.

use serde::{Deserialize, Serialize};

use super::{LOG_MS, Logged, Policy, Revocation, TenantState};
use crate::time::Timestamp;

/// Entries kept at most, so that an answer stays small. Beyond, the older half becomes one entry that voids
/// every token: people refresh theirs once more, and nobody slips through.
const MOST: usize = 1024;

/// Revocations of the last [`LOG_MS`] milliseconds in order, and the tenant's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    entries: Vec<Logged>,
    seq: u64,
    state: TenantState,
}

/// What a copy of a log does not know yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// First place that the original still has; whatever stood before is covered by what stands there now.
    pub first: u64,
    /// Last place given out.
    pub seq: u64,
    /// What was logged since.
    pub entries: Vec<Logged>,
    /// Whether the tenant is served.
    pub state: TenantState,
    /// The tenant's policy, where the copy has another.
    pub policy: Option<Policy>,
}

fn fresh(entry: &Logged, now: Timestamp) -> bool {
    now.since(entry.at) < LOG_MS
}

impl Log {
    /// Adds a revocation and answers its place. A state that the tenant has already is none.
    pub(super) fn push(&mut self, revocation: Revocation, now: Timestamp) -> u64 {
        if let Revocation::Tenant(state) = revocation {
            if state == self.state {
                return self.seq;
            }
            self.state = state;
        }
        self.entries.retain(|entry| fresh(entry, now));
        if self.entries.len() >= MOST {
            self.condense();
        }
        self.append(revocation, now);
        self.seq
    }

    fn append(&mut self, revocation: Revocation, at: Timestamp) {
        self.seq = self.seq.saturating_add(1);
        self.entries.push(Logged { seq: self.seq, at, revocation });
    }

    /// Replaces the older half. The entry that stands for it is new in the log, so that every isolate hears of it.
    fn condense(&mut self) {
        let latest = self.entries.iter().take(MOST / 2).map(|entry| entry.at).max();
        self.entries.drain(..self.entries.len().min(MOST / 2));
        if let Some(at) = latest {
            self.append(Revocation::Tokens, at);
        }
    }

    /// Entries after a place.
    pub(super) fn since(&self, seq: u64, now: Timestamp) -> Vec<Logged> {
        self.entries.iter().filter(|entry| entry.seq > seq && fresh(entry, now)).copied().collect()
    }

    /// What a copy does not know that knows the log up to a place.
    pub(super) fn news(&self, seq: u64, now: Timestamp) -> News {
        let first = self.entries.first().map_or(self.seq, |entry| entry.seq);
        News { first, seq: self.seq, entries: self.since(seq, now), state: self.state, policy: None }
    }

    /// Brings a copy up to date.
    pub(super) fn follow(&mut self, news: News) {
        let known = self.seq;
        self.entries.retain(|entry| entry.seq >= news.first);
        self.entries.extend(news.entries.into_iter().filter(|entry| entry.seq > known));
        self.seq = news.seq;
        self.state = news.state;
    }

    /// Last place given out.
    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }

    /// The tenant's state.
    pub(super) const fn state(&self) -> TenantState {
        self.state
    }
}
