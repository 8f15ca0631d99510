//! The log of a stream: what is told, in which order, and what is kept for whoever comes back.

use std::{
    collections::{HashSet, VecDeque},
    rc::Rc,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Audience, Cursor, Reader};

/// Entries kept for those who come back.
pub const KEPT: usize = 1000;
/// Bytes of them.
pub const KEPT_BYTES: usize = 2 * 1024 * 1024;

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// What it is known by, should it come again.
    pub key: Uuid,
    /// Who may see it.
    pub audience: Audience,
    /// What they are told: JSON.
    pub text: String,
}

/// Something with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub seq: u64,
    /// What it is known by.
    pub key: Uuid,
    /// Who may see it.
    pub audience: Audience,
    /// What they are told: JSON.
    pub text: String,
}

/// What somebody gets who comes with a cursor, or without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    /// What they missed, in order.
    From(Vec<Rc<Entry>>),
    /// Not all of that is kept: they must read anew what they show.
    Behind,
}

/// The log.
#[derive(Debug, Clone)]
pub struct Log {
    epoch: u64,
    /// Last place given.
    head: u64,
    /// Last place that is kept no longer.
    floor: u64,
    entries: VecDeque<Rc<Entry>>,
    keys: HashSet<Uuid>,
    bytes: usize,
}

impl Log {
    /// An empty log of an epoch, which is random.
    #[must_use]
    pub fn new(epoch: u64) -> Self {
        Self::restore(epoch, 0, Vec::new())
    }

    /// A log as it was kept: its last place, and the entries in order.
    #[must_use]
    pub fn restore(epoch: u64, head: u64, entries: Vec<Entry>) -> Self {
        let mut log = Self { epoch, head, floor: head, entries: VecDeque::new(), keys: HashSet::new(), bytes: 0 };
        if let Some(first) = entries.first() {
            log.floor = first.seq.saturating_sub(1);
        }
        entries.into_iter().for_each(|entry| log.push(Rc::new(entry)));
        log
    }

    /// The log's end.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        self.at(self.head)
    }

    /// The cursor of a place.
    #[must_use]
    pub const fn at(&self, seq: u64) -> Cursor {
        Cursor { epoch: self.epoch, seq }
    }

    /// Last place that is kept no longer.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// Gives places to what is not known yet, and answers that. The oldest goes where more is kept than may be.
    pub fn publish(&mut self, publications: Vec<Publication>) -> Vec<Rc<Entry>> {
        let mut told = Vec::with_capacity(publications.len());
        for Publication { key, audience, text } in publications {
            if self.keys.contains(&key) {
                continue;
            }
            self.head = self.head.saturating_add(1);
            let entry = Rc::new(Entry { seq: self.head, key, audience, text });
            self.push(Rc::clone(&entry));
            told.push(entry);
        }
        while self.entries.len() > KEPT || self.bytes > KEPT_BYTES {
            self.forget();
        }
        told
    }

    /// What somebody missed since a cursor; whoever has none begins with what comes.
    #[must_use]
    pub fn since(&self, cursor: Option<Cursor>, reader: &Reader) -> Resume {
        let Some(Cursor { epoch, seq }) = cursor else { return Resume::From(Vec::new()) };
        if epoch != self.epoch || seq < self.floor || seq > self.head {
            return Resume::Behind;
        }
        let missed = self.entries.iter().filter(|entry| entry.seq > seq && entry.audience.admits(reader));
        Resume::From(missed.cloned().collect())
    }

    fn push(&mut self, entry: Rc<Entry>) {
        self.bytes = self.bytes.saturating_add(entry.text.len());
        self.keys.insert(entry.key);
        self.entries.push_back(entry);
    }

    fn forget(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(entry.text.len());
        self.keys.remove(&entry.key);
        self.floor = entry.seq;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::PermissionSet, stream::reader::tests::reader};

    fn publication(n: u128, length: usize) -> Publication {
        Publication { key: Uuid::from_u128(n), audience: Audience::default(), text: "x".repeat(length) }
    }

    #[test]
    fn is_bounded_in_entries_and_in_bytes() {
        let mut log = Log::new(1);
        log.publish((0..2500).map(|n| publication(n, 1)).collect());
        assert_eq!((log.entries.len(), log.floor(), log.cursor().seq), (KEPT, 1500, 2500));
        log.publish((2500..2510).map(|n| publication(n, KEPT_BYTES / 4)).collect());
        assert!(log.bytes <= KEPT_BYTES && log.keys.len() == log.entries.len(), "{}", log.bytes);
        // One that is too large by itself is told, and not kept.
        assert_eq!(log.publish(vec![publication(9999, KEPT_BYTES + 1)]).len(), 1);
        assert_eq!((log.entries.len(), log.bytes, log.floor()), (0, 0, log.cursor().seq));
    }

    #[test]
    fn strange_cursors_are_behind() {
        let mut log = Log::new(5);
        log.publish(vec![publication(1, 1)]);
        let reader = reader(1, PermissionSet::ALL);
        for cursor in [Cursor { epoch: 4, seq: 1 }, Cursor { epoch: 5, seq: 2 }, Cursor { epoch: 5, seq: u64::MAX }] {
            assert_eq!(log.since(Some(cursor), &reader), Resume::Behind, "{cursor}");
        }
        assert_eq!(log.since(Some(log.cursor()), &reader), Resume::From(Vec::new()));
    }
}
