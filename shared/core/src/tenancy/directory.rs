//! The edge directory: what a host stands for, and the cache of it that an isolate keeps in memory.
//!
//! The caller looks here first, then in KV, D1 and at last Postgres. What keeps a flood of made-up hosts from Postgres:
//! negative entries answer repeats, and a budget bounds how many *distinct* unknown hosts an isolate asks for at all.

use std::collections::{HashMap, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{plan::Plan, slug::Slug};
use crate::{id::TenantId, time::Timestamp};

/// How long a known host is believed, in milliseconds.
pub const POSITIVE_MS: i64 = 30_000;
/// How long an unknown host is believed to be unknown, in milliseconds.
pub const NEGATIVE_MS: i64 = 10_000;
/// Unknown hosts that an isolate may ask Postgres for at once.
const BURST: i64 = 20;
/// Milliseconds until it may ask for one more.
const INTERVAL_MS: i64 = 500;

/// Whether an organisation is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// Served.
    Active,
    /// Only sign-in, billing and support.
    Suspended,
    /// To be deleted at a set date; served until then.
    Deleting,
    /// Gone; the host answers 410.
    Deleted,
    /// The platform itself, which has no host of its own.
    Internal,
}

impl TenantStatus {
    /// The statuses.
    pub const ALL: [Self; 5] = [Self::Active, Self::Suspended, Self::Deleting, Self::Deleted, Self::Internal];

    /// The key, as the API and the database write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Internal => "internal",
        }
    }

    /// The status with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.key() == key)
    }
}

/// What the directory knows of a host: a row of `hosts`, and the value that KV keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// The organisation.
    pub tenant_id: TenantId,
    /// Its slug.
    pub slug: Slug,
    /// Its plan.
    pub plan: Plan,
    /// Whether it is served.
    pub status: TenantStatus,
    /// Host to redirect to, for the old host of a renamed organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
    /// Settings that the edge reads, as configured origins.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// Grows with every change of the organisation.
    pub version: i64,
}

/// What the cache says of a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lookup<'a> {
    /// Known.
    Known(&'a DirectoryEntry),
    /// Known to be unknown.
    Unknown,
    /// Nothing fresh; ask further.
    Miss,
}

/// The hosts that an isolate remembers: bounded, and known ones are never pushed out by unknown ones.
#[derive(Debug)]
pub struct HostCache {
    known: Shelf<DirectoryEntry>,
    unknown: Shelf<()>,
    /// When the budget for asking Postgres will be whole again, in milliseconds (GCRA's theoretical arrival time).
    budget_full_at: i64,
}

impl HostCache {
    /// A cache of at most `capacity` known and as many unknown hosts.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { known: Shelf::new(capacity), unknown: Shelf::new(capacity), budget_full_at: i64::MIN }
    }

    /// What is remembered of a host (lower case, without port).
    #[must_use]
    pub fn get(&self, host: &str, now: Timestamp) -> Lookup<'_> {
        match (self.known.get(host, now), self.unknown.get(host, now)) {
            (Some(entry), _) => Lookup::Known(entry),
            (None, Some(())) => Lookup::Unknown,
            (None, None) => Lookup::Miss,
        }
    }

    /// Remembers what a look-up found. An entry older than the remembered one does not replace it: KV may lag behind.
    pub fn put(&mut self, host: &str, found: Option<DirectoryEntry>, now: Timestamp) {
        let Some(entry) = found else {
            self.known.remove(host);
            self.unknown.put(host, (), now.plus_millis(NEGATIVE_MS));
            return;
        };
        self.unknown.remove(host);
        let newer_is_known = self.known.get(host, now).is_some_and(|known| known.tenant_id == entry.tenant_id && known.version > entry.version);
        if !newer_is_known {
            self.known.put(host, entry, now.plus_millis(POSITIVE_MS));
        }
    }

    /// Forgets a host, after a change to it.
    pub fn forget(&mut self, host: &str) {
        self.known.remove(host);
        self.unknown.remove(host);
    }

    /// Takes one from the budget for asking Postgres; `false` if it is spent. Then the host is answered as unknown, and *not* remembered as such.
    ///
    /// Give it back with [`refund`](Self::refund) when the host turns out to be known, so that only unknown hosts spend it.
    pub fn may_ask_postgres(&mut self, now: Timestamp) -> bool {
        let full_at = self.budget_full_at.max(now.millis()).saturating_add(INTERVAL_MS);
        let allowed = full_at.saturating_sub(now.millis()) <= BURST.saturating_mul(INTERVAL_MS);
        if allowed {
            self.budget_full_at = full_at;
        }
        allowed
    }

    /// Gives back what [`may_ask_postgres`](Self::may_ask_postgres) took, for a host that is known.
    pub const fn refund(&mut self) {
        self.budget_full_at = self.budget_full_at.saturating_sub(INTERVAL_MS);
    }
}

/// A bounded map whose entries expire. All entries of a shelf live equally long, so the oldest are also the first to expire.
#[derive(Debug)]
struct Shelf<T> {
    capacity: usize,
    entries: HashMap<String, Kept<T>>,
    /// Hosts in the order of their arrival; a host put twice stands here twice, and only its later serial counts.
    order: VecDeque<(String, u64)>,
    serial: u64,
}

#[derive(Debug)]
struct Kept<T> {
    value: T,
    until: Timestamp,
    serial: u64,
}

impl<T> Shelf<T> {
    fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), entries: HashMap::new(), order: VecDeque::new(), serial: 0 }
    }

    fn get(&self, host: &str, now: Timestamp) -> Option<&T> {
        self.entries.get(host).filter(|kept| now < kept.until).map(|kept| &kept.value)
    }

    fn put(&mut self, host: &str, value: T, until: Timestamp) {
        self.serial = self.serial.wrapping_add(1);
        self.order.push_back((host.to_owned(), self.serial));
        self.entries.insert(host.to_owned(), Kept { value, until, serial: self.serial });
        while self.entries.len() > self.capacity || self.order.len() > self.capacity.saturating_mul(2) {
            let Some((oldest, serial)) = self.order.pop_front() else { break };
            if self.entries.get(&oldest).is_some_and(|kept| kept.serial == serial) {
                self.entries.remove(&oldest);
            }
        }
    }

    fn remove(&mut self, host: &str) {
        self.entries.remove(host);
    }
}

#[cfg(test)]
mod tests;
