//! The generic cell rate algorithm (ITU-T I.371), over many keys at once.
//!
//! A key's whole state is its *theoretical arrival time*: the instant at which
//! its bucket will be full again. An unknown key has a full bucket, so a state
//! that lies in the past may be forgotten.
//!
//! Arithmetic is in microseconds, which stay exact in a JavaScript number, and
//! saturates: no input panics.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const MICROS: i64 = 1000;

/// How much is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Units that flow back in one period; 0 allows nothing.
    pub count: u32,
    /// Length of the period in milliseconds.
    pub period_ms: u64,
    /// Units that may be taken at once from a full bucket; 0 allows nothing.
    pub burst: u32,
}

impl Limit {
    /// `count` in each period, all of them at once if need be.
    #[must_use]
    pub const fn per(count: u32, period_ms: u64) -> Self {
        Self { count, period_ms, burst: count }
    }

    /// The same period with count and burst multiplied; saturates.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        Self { count: self.count.saturating_mul(factor), burst: self.burst.saturating_mul(factor), ..self }
    }

    /// Microseconds in which one unit flows back, at least one.
    fn interval(self) -> i64 {
        let period = i64::try_from(self.period_ms).unwrap_or(i64::MAX).saturating_mul(MICROS);
        let count = i64::from(self.count.max(1));
        // Rounded up: a limit may be a hair stricter than written, never looser.
        period.saturating_add(count.saturating_sub(1)).checked_div(count).unwrap_or(period).max(1)
    }
}

/// One key to take from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Name of the bucket; holds no address or mail in the clear that is not already the object's name.
    pub key: String,
    /// Name of the policy as clients read it.
    pub policy: Cow<'static, str>,
    /// The limit.
    pub limit: Limit,
    /// Units to take; 0 only looks.
    pub cost: u32,
}

/// The answer for the check that binds: of those refused the one with the longest wait,
/// of those allowed the one with the least left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether all checks were passed. If not, nothing was taken from any.
    pub allowed: bool,
    /// Name of the policy that binds.
    pub policy: Cow<'static, str>,
    /// Its limit.
    pub limit: Limit,
    /// Units that are left in it now.
    pub remaining: u32,
    /// Milliseconds until its bucket is full again if nothing more is taken.
    pub reset_after_ms: u64,
    /// Milliseconds until the same request can pass; 0 if allowed.
    pub retry_after_ms: u64,
}

/// Outcome of one check before the others are known.
struct Verdict {
    decision: Decision,
    /// New theoretical arrival time in microseconds.
    tat: i64,
}

fn verdict(check: &Check, tat: Option<i64>, now: i64) -> Verdict {
    let Check { limit, cost, .. } = check;
    let interval = limit.interval();
    let capacity = if limit.count == 0 { 0 } else { interval.saturating_mul(i64::from(limit.burst)) };
    let old = tat.unwrap_or(now).max(now);
    let new = old.saturating_add(interval.saturating_mul(i64::from(*cost)));
    let over = new.saturating_sub(now).saturating_sub(capacity);
    let allowed = over <= 0;
    let tat = if allowed { new } else { old };
    let ahead = tat.saturating_sub(now);
    let remaining = capacity.saturating_sub(ahead).max(0).checked_div(interval).unwrap_or(0);
    // A bucket that can never hold the cost has no instant to wait for; its period is an honest hint.
    let hopeless = interval.saturating_mul(i64::from(*cost)) > capacity;
    let retry = match (allowed, hopeless) {
        (true, _) => 0,
        (false, false) => millis_up(over),
        (false, true) => limit.period_ms.max(1),
    };
    let decision = Decision {
        allowed,
        policy: check.policy.clone(),
        limit: *limit,
        remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
        reset_after_ms: millis_up(ahead),
        retry_after_ms: retry,
    };
    Verdict { decision, tat }
}

fn millis_up(micros: i64) -> u64 {
    u64::try_from(micros.max(0)).unwrap_or(0).div_ceil(1000)
}

/// Whether `a` binds harder than `b`.
fn binds_harder(a: &Decision, b: &Decision) -> bool {
    match (a.allowed, b.allowed) {
        (false, true) => true,
        (true, false) => false,
        (false, false) => a.retry_after_ms > b.retry_after_ms,
        (true, true) => a.remaining < b.remaining,
    }
}

/// Many buckets by key.
#[derive(Debug, Clone, Default)]
pub struct Meters {
    tats: BTreeMap<String, i64>,
}

/// What a call to [`Meters::take`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The decision; `None` if there was nothing to check.
    pub decision: Option<Decision>,
    /// States that changed, as key and microseconds since the epoch, to be kept.
    pub changed: Vec<(String, i64)>,
}

impl Meters {
    /// Meters as they were kept: key and theoretical arrival time in microseconds since the epoch.
    #[must_use]
    pub fn restore(rows: impl IntoIterator<Item = (String, i64)>) -> Self {
        Self { tats: rows.into_iter().collect() }
    }

    /// Takes units that were handed out already, even if more than are left, or gives some back, where they are negative; what is
    /// owed is at most another burst. The decision says what one unit more would meet; the check's own cost counts for nothing.
    pub fn charge(&mut self, check: &Check, units: i64, now: Timestamp) -> Decision {
        let now = now.millis().saturating_mul(MICROS);
        let interval = check.limit.interval();
        let most = interval.saturating_mul(i64::from(check.limit.burst)).saturating_mul(2);
        if units != 0 {
            let old = self.tats.get(&check.key).copied().unwrap_or(now).max(now);
            self.tats.insert(check.key.clone(), old.saturating_add(interval.saturating_mul(units)).clamp(now, now.saturating_add(most)));
        }
        let known = self.tats.get(&check.key).copied();
        let next = verdict(&Check { cost: 1, ..check.clone() }, known, now).decision;
        Decision { remaining: verdict(&Check { cost: 0, ..check.clone() }, known, now).decision.remaining, ..next }
    }

    /// Forgets the keys whose buckets are full; answers which.
    pub fn forget_full(&mut self, now: Timestamp) -> Vec<String> {
        let now = now.millis().saturating_mul(MICROS);
        let full: Vec<String> = self.tats.iter().filter(|(_, tat)| **tat <= now).map(|(key, _)| key.clone()).collect();
        self.tats.retain(|_, tat| *tat > now);
        full
    }

    /// When a key's bucket is full again, in microseconds since the epoch; `None` if it is.
    #[must_use]
    pub fn full_at(&self, key: &str) -> Option<i64> {
        self.tats.get(key).copied()
    }

    /// Takes every check's cost, or, if one of them is refused, nothing at all.
    ///
    /// The same key may occur twice; the second check then sees what the first took.
    pub fn take(&mut self, checks: &[Check], now: Timestamp) -> Taken {
        let now = now.millis().saturating_mul(MICROS);
        let mut staged: BTreeMap<&str, i64> = BTreeMap::new();
        let mut binding: Option<Decision> = None;
        for check in checks {
            let known = staged.get(check.key.as_str()).or_else(|| self.tats.get(&check.key)).copied();
            let verdict = verdict(check, known, now);
            if verdict.decision.allowed && check.cost > 0 {
                staged.insert(&check.key, verdict.tat);
            }
            if binding.as_ref().is_none_or(|other| binds_harder(&verdict.decision, other)) {
                binding = Some(verdict.decision);
            }
        }
        let mut changed = Vec::new();
        if binding.as_ref().is_some_and(|decision| decision.allowed) {
            changed.extend(staged.into_iter().map(|(key, tat)| (key.to_owned(), tat)));
            self.tats.extend(changed.iter().cloned());
        }
        Taken { decision: binding, changed }
    }
}

#[cfg(test)]
mod tests;
