//! Access tokens that this isolate has verified, so that the next request need not.
//!
//! Bounded: two generations of at most [`GENERATION`] tokens. A full young
//! generation becomes the old one, and what nobody asked for since is dropped.

use std::{collections::HashMap, rc::Rc};

use zygo_core::time::Timestamp;

use crate::caller::Caller;

/// Tokens in one generation; about 1 KiB each.
pub const GENERATION: usize = 2048;

/// A token's end, by which it is found: the signature's second half, as good as random, and cheaper to hash than all of it.
type End = [u8; 32];

struct Known {
    token: Box<str>,
    caller: Rc<Caller>,
}

/// The cache.
#[derive(Default)]
pub struct TokenCache {
    young: HashMap<End, Known>,
    old: HashMap<End, Known>,
}

impl TokenCache {
    /// The caller behind a token that was verified before and has not expired.
    pub fn get(&mut self, token: &str, now: Timestamp) -> Option<Rc<Caller>> {
        let end = end(token);
        let good = |known: &Known| *known.token == *token && known.caller.expires_at > now;
        if let Some(known) = self.young.get(&end).filter(|known| good(known)) {
            return Some(Rc::clone(&known.caller));
        }
        let known = self.old.remove(&end).filter(good)?;
        self.put(token, Rc::clone(&known.caller));
        Some(known.caller)
    }

    /// Remembers a verified token.
    pub fn put(&mut self, token: &str, caller: Rc<Caller>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(end(token), Known { token: token.into(), caller });
    }
}

fn end(token: &str) -> End {
    token.as_bytes().last_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: usize) -> String {
        format!("{n:064}")
    }

    #[test]
    fn a_token_with_another_head_is_another_token() {
        let now = Timestamp::from_millis(1_000);
        let mut cache = TokenCache::default();
        cache.put(&token(1), Rc::new(Caller::nobody(now.plus_seconds(1))));
        assert!(cache.get(&token(1).replacen('0', "1", 1), now).is_none());
        assert!(cache.get("short", now).is_none());
    }

    #[test]
    fn stays_bounded_and_forgets_the_dead() {
        let now = Timestamp::from_millis(1_000);
        let mut cache = TokenCache::default();
        for n in 0..5 * GENERATION {
            cache.put(&token(n), Rc::new(Caller::nobody(now.plus_seconds(1))));
        }
        assert!(cache.young.len() + cache.old.len() <= 2 * GENERATION);
        assert!(cache.get(&token(5 * GENERATION - 1), now).is_some());
        assert!(cache.get(&token(0), now).is_none());
        assert!(cache.get(&token(5 * GENERATION - 1), now.plus_seconds(1)).is_none());
    }
}
