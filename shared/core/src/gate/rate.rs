//! What a plan allows, and how it is shared out.

use serde::{Deserialize, Serialize};

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

    /// How many gate objects share the tenant's traffic: one, and four from the largest plan's rate on.
    #[must_use]
    pub const fn gates(self) -> u32 {
        if self.per_minute < SPLIT_FROM { 1 } else { 4 }
    }

    /// The even share of one of so many gates.
    #[must_use]
    pub fn over(self, gates: u32) -> Self {
        let part = |whole: u32| whole.checked_div(gates).unwrap_or(whole);
        Self { per_minute: part(self.per_minute), burst: part(self.burst) }
    }

    /// What one person or key of the tenant gets of it: half, but no less than the smallest plan's whole. `None` where that is
    /// no less than what all have together.
    #[must_use]
    pub fn of_one_party(self) -> Option<Self> {
        let half = |whole: u32| whole.checked_div(2).unwrap_or(whole);
        let own = Self { per_minute: half(self.per_minute).max(PARTY_LEAST), burst: half(self.burst).max(PARTY_LEAST.saturating_mul(2)) };
        (own.per_minute < self.per_minute && own.burst < self.burst).then_some(own)
    }
}

/// Calls a minute from which on a tenant's gate is split: the largest plan's.
const SPLIT_FROM: u32 = 12_000;
/// Calls a minute that one party always has, where the plan has as many.
const PARTY_LEAST: u32 = 60;
