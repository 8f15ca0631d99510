//! The gate's tokens: how many there are, who has some on lease, and how large a share the next one gets.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LEASE_MS, LeaseRequest, Rate, Spent};
use crate::time::Timestamp;

/// A token in the units in which it flows back: a rate of n per minute is n units per millisecond.
const TOKEN: i64 = 60_000;
/// What an isolate gets that has shown no demand yet.
const FIRST: i64 = 20;
/// Longest useful pause before asking again; also what `Retry-After` rounds up to.
const PAUSE_MS: i64 = 1000;

/// Tokens out on lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Outstanding {
    number: u64,
    isolate: Uuid,
    tokens: u32,
    granted_at: Timestamp,
}

/// A token bucket that counts what it lent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Units in the bucket as of the instant; `None` before first use, when it is full.
    level: Option<(i64, Timestamp)>,
    leases: Vec<Outstanding>,
    last_number: u64,
}

/// What was granted.
pub(super) struct Grant {
    pub(super) number: u64,
    pub(super) tokens: u32,
    pub(super) retry_after_ms: u64,
    pub(super) remaining: u32,
    pub(super) reset_after_ms: u64,
}

impl Outstanding {
    /// Whether tokens of it may still be spent, or told of.
    fn is_out(&self, now: Timestamp) -> bool {
        now.since(self.granted_at).unsigned_abs() < LEASE_MS.unsigned_abs().saturating_mul(2)
    }
}

/// What the full bucket holds.
fn capacity(rate: Rate) -> i64 {
    if rate.per_minute == 0 { 0 } else { units(rate.burst) }
}

fn units(tokens: u32) -> i64 {
    i64::from(tokens).saturating_mul(TOKEN)
}

fn whole(units: i64) -> i64 {
    units.checked_div(TOKEN).unwrap_or(0)
}

/// Milliseconds in which so many units flow back; a lease's life if none ever do.
fn millis(units: i64, rate: Rate) -> i64 {
    let per_ms = i64::from(rate.per_minute);
    units.max(0).saturating_add(per_ms).saturating_sub(1).checked_div(per_ms).unwrap_or(LEASE_MS)
}

impl Bucket {
    /// Settles what the isolate reports and grants it a share of what is there.
    pub(super) fn grant(&mut self, request: &LeaseRequest, now: Timestamp) -> Grant {
        let LeaseRequest { isolate, rate, .. } = *request;
        let now = self.instant(now);
        let (returned, demand) = self.settle(&request.spent, isolate, now);
        // Reports arrive after a lease ran out; until one may still come, its tokens count as out.
        self.leases.retain(|lease| lease.is_out(now));
        let capacity = capacity(rate);
        let level = self.level(rate, returned, now);

        let tokens = self.share(isolate, whole(level), demand, rate);
        let left = level.saturating_sub(units(tokens));
        self.level = Some((left, now));
        self.last_number = self.last_number.saturating_add(1);
        let number = self.last_number;
        if tokens > 0 {
            self.leases.push(Outstanding { number, isolate, tokens, granted_at: now });
        }
        let wait = if tokens > 0 { 0 } else { millis(TOKEN.saturating_sub(left), rate).max(PAUSE_MS) };
        Grant {
            number,
            tokens,
            retry_after_ms: u64::try_from(wait).unwrap_or(0),
            remaining: u32::try_from(whole(left)).unwrap_or(0),
            reset_after_ms: u64::try_from(millis(capacity.saturating_sub(left), rate)).unwrap_or(0),
        }
    }

    /// Tokens in the bucket, tokens out on lease, and milliseconds until the bucket is full.
    pub(super) fn look(&self, rate: Rate, now: Timestamp) -> (u32, u32, u64) {
        let now = self.instant(now);
        let level = self.level(rate, 0, now);
        let wait = millis(capacity(rate).saturating_sub(level), rate);
        (u32::try_from(whole(level)).unwrap_or(0), u32::try_from(whole(self.out(now))).unwrap_or(0), u64::try_from(wait).unwrap_or(0))
    }

    /// How many isolates have tokens in hand, with the one that asks.
    pub(super) fn isolates(&self, asking: Uuid) -> u32 {
        let all: BTreeSet<Uuid> = self.leases.iter().map(|lease| lease.isolate).chain([asking]).collect();
        u32::try_from(all.len()).unwrap_or(u32::MAX)
    }

    /// The present, as the bucket counts it: its time stands still while the clock of a machine that it moved to lags behind
    /// a little, and goes by that clock where it lags behind by more.
    fn instant(&self, now: Timestamp) -> Timestamp {
        let known = self.level.map_or(now, |(_, at)| at);
        if known.since(now) > LEASE_MS { now } else { now.max(known) }
    }

    fn out(&self, now: Timestamp) -> i64 {
        self.leases.iter().filter(|lease| lease.is_out(now)).map(|lease| units(lease.tokens)).fold(0, i64::saturating_add)
    }

    /// Units in the bucket after refill and what came back, so that they and what is out are no more than the burst.
    fn level(&self, rate: Rate, returned: i64, now: Timestamp) -> i64 {
        let capacity = capacity(rate);
        let (level, at) = self.level.unwrap_or((capacity, now));
        let refill = now.since(at).max(0).saturating_mul(i64::from(rate.per_minute));
        let room = capacity.saturating_sub(self.out(now)).max(0);
        level.saturating_add(refill).saturating_add(returned).clamp(0, room)
    }

    /// Takes reported leases off the list. Answers the units that come back unspent, and the isolate's demand:
    /// the tokens it would use in one lease at the pace it used the reported ones.
    fn settle(&mut self, reports: &[Spent], isolate: Uuid, now: Timestamp) -> (i64, i64) {
        let (mut returned, mut used, mut since) = (0_i64, 0_i64, now);
        for report in reports {
            let known = self.leases.iter().position(|lease| lease.number == report.lease && lease.isolate == isolate);
            let Some(lease) = known.map(|index| self.leases.swap_remove(index)) else { continue };
            returned = returned.saturating_add(units(lease.tokens.saturating_sub(report.used)));
            used = used.saturating_add(i64::from(report.used.min(lease.tokens)));
            since = since.min(lease.granted_at);
        }
        let elapsed = now.since(since).max(100);
        (returned, used.saturating_mul(LEASE_MS).checked_div(elapsed).unwrap_or(0))
    }

    /// How much of what is available one isolate gets: half as much again as it is likely to need, but no more than
    /// an even share, nor half of all, since others may come.
    fn share(&self, isolate: Uuid, available: i64, demand: i64, rate: Rate) -> u32 {
        let others: BTreeSet<Uuid> = self.leases.iter().map(|lease| lease.isolate).filter(|other| *other != isolate).collect();
        let sharers = i64::try_from(others.len()).unwrap_or(i64::MAX).saturating_add(1).max(2);
        let held = self.leases.iter().filter(|lease| lease.isolate == isolate).map(|lease| i64::from(lease.tokens));
        let most = i64::from(rate.burst).checked_div(4).unwrap_or(0).max(FIRST);
        let want = demand.saturating_mul(3).checked_div(2).unwrap_or(0).clamp(FIRST, most);
        let want = want.saturating_sub(held.fold(0, i64::saturating_add)).max(1);
        let even = available.checked_div(sharers).unwrap_or(0).max(1);
        u32::try_from(want.min(even).min(available).max(0)).unwrap_or(0)
    }
}
