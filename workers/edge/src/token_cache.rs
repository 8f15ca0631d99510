//! Access tokens that this isolate has verified, so that the next request need not.
//!
//! Bounded: two generations of at most [`GENERATION`] tokens. A full young
//! generation becomes the old one, and what nobody asked for since is dropped.

use std::{collections::HashMap, rc::Rc};

use zygo_core::time::Timestamp;

use crate::caller::Caller;

/// Tokens in one generation; about 1 KiB each.
pub const GENERATION: usize = 2048;

/// The cache.
#[derive(Default)]
pub struct TokenCache {
    young: HashMap<Box<str>, Rc<Caller>>,
    old: HashMap<Box<str>, Rc<Caller>>,
}

impl TokenCache {
    /// The caller behind a token that was verified before and has not expired.
    pub fn get(&mut self, token: &str, now: Timestamp) -> Option<Rc<Caller>> {
        let alive = |caller: &&Rc<Caller>| caller.expires_at > now;
        if let Some(caller) = self.young.get(token).filter(alive) {
            return Some(Rc::clone(caller));
        }
        let caller = self.old.remove(token).filter(|caller| caller.expires_at > now)?;
        self.put(token, Rc::clone(&caller));
        Some(caller)
    }

    /// Remembers a verified token.
    pub fn put(&mut self, token: &str, caller: Rc<Caller>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token.into(), caller);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_bounded_and_forgets_the_dead() {
        let now = Timestamp::from_millis(1_000);
        let mut cache = TokenCache::default();
        for n in 0..5 * GENERATION {
            cache.put(&n.to_string(), Rc::new(Caller::nobody(now.plus_seconds(1))));
        }
        assert!(cache.young.len() + cache.old.len() <= 2 * GENERATION);
        assert!(cache.get(&(5 * GENERATION - 1).to_string(), now).is_some());
        assert!(cache.get("0", now).is_none());
        assert!(cache.get(&(5 * GENERATION - 1).to_string(), now.plus_seconds(1)).is_none());
    }
}
