//! What one isolate knows of one party: its share, and what it used.

use super::{LEASE_MS, Party, Rate, Share, Spend, Told, party::unasked};
use crate::{
    limits::gcra::{Decision, Limit},
    time::Timestamp,
};

/// What one party may use here.
pub(super) struct Own {
    rate: Rate,
    left: u32,
    /// What was used, and given, since the gate was last told.
    used: u32,
    held: u32,
    /// Whether the gate is to be asked although nothing was used.
    wanted: bool,
    /// How many of the tenant's gates in a row had nothing left for it.
    empty: u32,
    remaining: u32,
    /// What is left of the share is worth nothing from then on.
    until: Timestamp,
    /// When something flows back.
    retry_at: Timestamp,
    full_at: Timestamp,
}

pub(super) const NEVER: Timestamp = Timestamp::from_millis(i64::MIN);

pub(super) fn after(now: Timestamp, ms: u64) -> Timestamp {
    now.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

pub(super) fn wait(until: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(until.since(now)).unwrap_or(0)
}

pub(super) const fn limit(rate: Rate) -> Limit {
    Limit { count: rate.per_minute, period_ms: 60_000, burst: rate.burst }
}

impl Own {
    pub(super) fn new(rate: Rate, now: Timestamp) -> Self {
        let until = now.plus_millis(LEASE_MS);
        Self { rate, left: unasked(rate), used: 0, held: 0, wanted: false, empty: 0, remaining: rate.burst, until, retry_at: NEVER, full_at: now }
    }

    pub(super) fn spend(&mut self, party: Party, now: Timestamp) -> Spend {
        if now < self.retry_at {
            return Spend::Denied(self.decision(party, false, now));
        }
        // Its share ran out unused: as little is known of it as of one that comes for the first time.
        if now >= self.until {
            (self.left, self.until) = (unasked(self.rate), now.plus_millis(LEASE_MS));
        }
        if self.left == 0 {
            self.wanted = true;
            return Spend::NeedLease;
        }
        self.left = self.left.saturating_sub(1);
        self.used = self.used.saturating_add(1);
        self.remaining = self.remaining.saturating_sub(1);
        Spend::Ok(self.decision(party, true, now))
    }

    /// Whether something is known of it that is worth keeping.
    pub(super) fn is_known(&self, now: Timestamp) -> bool {
        self.owes() || now < self.until.max(self.retry_at)
    }

    /// Whether the gate is to be told of it sooner or later.
    const fn owes(&self) -> bool {
        self.used > 0 || self.held > 0 || self.wanted
    }

    /// Whether the gate is to be told of it now. Whoever used nothing of its share keeps it while it is good: given back with the
    /// next lease, it would have to be asked for with the next request, and so on with everybody else's.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.used > 0 || self.wanted || (self.held > 0 && now >= self.until)
    }

    /// Whether a request waits for a share.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// What the gate is told; whoever used nothing and waits for nothing gives its share back.
    pub(super) fn tell(&mut self, party: Party, gates: u32) -> Told {
        let told = Told { party, rate: self.rate.over(gates), used: self.used, held: self.held, wants: self.used > 0 || self.wanted };
        (self.left, self.used, self.held, self.wanted) = (0, 0, 0, false);
        told
    }

    /// Takes in a share; whether this gate had nothing left.
    pub(super) fn take(&mut self, share: &Share, gates: u32, until: Timestamp, now: Timestamp) -> bool {
        // Two requests may ask at once, and both be given some.
        self.left = if now < self.until { self.left } else { 0 }.saturating_add(share.tokens);
        self.held = self.held.saturating_add(share.tokens);
        self.remaining = share.remaining.saturating_add(self.left);
        self.until = until;
        self.full_at = after(now, share.reset_after_ms);
        self.empty = if share.tokens > 0 { 0 } else { self.empty.saturating_add(1) };
        if self.empty >= gates {
            self.retry_at = after(now, share.retry_after_ms);
            self.empty = 0;
        }
        share.tokens == 0
    }

    fn decision(&self, party: Party, allowed: bool, now: Timestamp) -> Decision {
        Decision {
            allowed,
            policy: party.policy().into(),
            limit: limit(self.rate),
            remaining: if allowed { self.remaining } else { 0 },
            reset_after_ms: wait(self.full_at, now),
            retry_after_ms: if allowed { 0 } else { wait(self.retry_at, now).max(1) },
        }
    }
}
