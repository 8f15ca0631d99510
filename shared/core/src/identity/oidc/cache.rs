//! What an isolate remembers of providers: discovery documents and key sets, for an hour, and when it last asked.

use std::{collections::HashMap, rc::Rc};

use crate::time::Timestamp;

/// How long a document is believed, in milliseconds.
const FRESH_MS: i64 = 60 * 60 * 1000;

/// How long after asking one asks again because a key is unknown, in milliseconds: a flood of tokens with made-up keys must
/// not become a flood of requests to the provider.
const AGAIN_MS: i64 = 30 * 1000;

/// Documents by their URL.
#[derive(Debug)]
pub struct Cache<T> {
    room: usize,
    entries: HashMap<String, Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    value: Rc<T>,
    fetched_at: Timestamp,
}

impl<T> Cache<T> {
    /// A cache of that many documents.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { room, entries: HashMap::new() }
    }

    /// The document, if it is young enough.
    #[must_use]
    pub fn get(&self, url: &str, now: Timestamp) -> Option<Rc<T>> {
        self.entries.get(url).filter(|entry| now.since(entry.fetched_at) < FRESH_MS).map(|entry| Rc::clone(&entry.value))
    }

    /// Whether the document is old enough to ask for a newer one.
    #[must_use]
    pub fn may_ask_again(&self, url: &str, now: Timestamp) -> bool {
        self.entries.get(url).is_none_or(|entry| now.since(entry.fetched_at) >= AGAIN_MS)
    }

    /// Keeps a document that was just fetched. A full cache gives up its oldest.
    pub fn put(&mut self, url: &str, value: T, now: Timestamp) -> Rc<T> {
        if self.entries.len() >= self.room && !self.entries.contains_key(url) {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.fetched_at).map(|(url, _)| url.clone());
            oldest.map(|url| self.entries.remove(&url));
        }
        let value = Rc::new(value);
        self.entries.insert(url.to_owned(), Entry { value: Rc::clone(&value), fetched_at: now });
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_believed_for_an_hour_and_asked_for_again_after_half_a_minute() {
        let at = Timestamp::from_millis;
        let mut cache = Cache::new(2);
        assert!(cache.get("a", at(0)).is_none() && cache.may_ask_again("a", at(0)));
        cache.put("a", 1, at(0));
        assert_eq!(cache.get("a", at(FRESH_MS - 1)).as_deref(), Some(&1));
        assert!(cache.get("a", at(FRESH_MS)).is_none());
        assert!(!cache.may_ask_again("a", at(AGAIN_MS - 1)) && cache.may_ask_again("a", at(AGAIN_MS)));
    }

    #[test]
    fn a_full_cache_gives_up_its_oldest() {
        let mut cache = Cache::new(2);
        for (time, url) in [(3, "a"), (1, "b"), (4, "c"), (5, "a")] {
            cache.put(url, time, Timestamp::from_millis(time));
        }
        let now = Timestamp::from_millis(6);
        assert_eq!(["a", "b", "c"].map(|url| cache.get(url, now).as_deref().copied()), [Some(5), None, Some(4)]);
    }
}
