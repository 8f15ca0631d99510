//! One key, one effect: the state of an `Idempotency-Key` from its first request to its last replay.
//!
//! Pure core of the idempotency object. Invariants: between two answers at
//! most one request holds the lock; a stored answer never changes; a key keeps
//! the body it was first used with for as long as it lives.

use hmac::{Hmac, Mac, digest::KeyInit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// How long an answer is replayed, in milliseconds.
pub const KEPT_MS: i64 = 24 * 3600 * 1000;
/// After this long a request without an answer is taken for dead, in milliseconds.
pub const LOCK_MS: i64 = 60 * 1000;
/// Longest body of an answer that is kept, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// Headers of an answer that are kept beside its content type. None of them carries a secret.
pub const KEPT_HEADERS: [&str; 4] = ["content-language", "etag", "link", "location"];

/// A SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Hash of some parts; where one part ends and the next begins matters.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(format!("{:x}", hash.finalize()))
    }

    /// What identifies the request behind a key: method, path and body as they came, under a key of ours, since a body
    /// may hold a password, which a plain hash would leave to guessing.
    #[must_use]
    pub fn of_request(key: &[u8; 32], method: &str, path: &str, body: &[u8]) -> Self {
        let inner = Self::of(&[b"zygo idempotency 1", method.as_bytes(), path.as_bytes(), body]);
        // HMAC pads a short key with zeros to the hash's block; doing so here makes the constructor infallible.
        let mut block = [0; 64];
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        let mac = <Hmac<Sha256> as KeyInit>::new(&block.into()).chain_update(inner.0);
        Self(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Name of the object that keeps `key` within `scope` (who asks, and in which tenant).
    #[must_use]
    pub fn object_name(scope: &str, key: &str) -> String {
        Self::of(&[scope.as_bytes(), key.as_bytes()]).0
    }
}

/// An answer as it is replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, if there was one.
    pub content_type: Option<String>,
    /// The body; creating routes answer text.
    pub body: String,
    /// The headers among [`KEPT_HEADERS`], names in lower case.
    pub headers: Vec<(String, String)>,
}

impl StoredAnswer {
    /// An answer with those of its headers that may be kept; `None` if the body is too long to keep.
    #[must_use]
    pub fn new(status: u16, content_type: Option<String>, body: String, headers: &[(&str, &str)]) -> Option<Self> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned()))
            .filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()))
            .collect();
        (body.len() <= MAX_BODY).then_some(Self { status, content_type, body, headers })
    }
}

/// Proof of being the request that runs: the instant it began. Two holders of one key
/// begin at least [`LOCK_MS`] apart, unless the earlier one let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lock(Timestamp);

/// What a request finds at its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Begun {
    /// Nothing: do the work, then finish or abandon with this lock.
    New {
        /// Proof for finishing.
        lock: Lock,
    },
    /// A twin is running: `409 IDEMPOTENCY_IN_PROGRESS`.
    InProgress {
        /// Milliseconds after which the twin is taken for dead.
        retry_after_ms: u64,
    },
    /// The key belongs to another request: `422 IDEMPOTENCY_KEY_REUSED`.
    Reused,
    /// The answer of the first request.
    Replay {
        /// It.
        answer: StoredAnswer,
    },
}

/// What is kept for a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    fingerprint: Fingerprint,
    first_at: Timestamp,
    lock: Lock,
    answer: Option<StoredAnswer>,
}

impl Entry {
    /// When this may be forgotten.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.first_at.plus_millis(KEPT_MS)
    }
}

/// A key with or without an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(Option<Entry>);

impl Slot {
    /// The entry, if there is one.
    #[must_use]
    pub const fn entry(&self) -> Option<&Entry> {
        self.0.as_ref()
    }

    /// A request arrives.
    pub fn begin(&mut self, fingerprint: Fingerprint, now: Timestamp) -> Begun {
        let kept = self.0.take().filter(|entry| now < entry.expires_at());
        let Some(mut entry) = kept else {
            let lock = Lock(now);
            self.0 = Some(Entry { fingerprint, first_at: now, lock, answer: None });
            return Begun::New { lock };
        };
        let age = now.since(entry.lock.0);
        let begun = match &entry.answer {
            _ if entry.fingerprint != fingerprint => Begun::Reused,
            Some(answer) => Begun::Replay { answer: answer.clone() },
            None if age < LOCK_MS => Begun::InProgress { retry_after_ms: u64::try_from(LOCK_MS.saturating_sub(age)).unwrap_or(0) },
            None => {
                entry.lock = Lock(now);
                Begun::New { lock: entry.lock }
            }
        };
        self.0 = Some(entry);
        begun
    }

    /// The request that holds `lock` answers. False if the lock was lost meanwhile; nothing changes then.
    pub fn finish(&mut self, lock: Lock, answer: StoredAnswer) -> bool {
        match &mut self.0 {
            Some(entry) if entry.lock == lock && entry.answer.is_none() => {
                entry.answer = Some(answer);
                true
            }
            _ => false,
        }
    }

    /// The request that holds `lock` had no effect; the key is free again. False if the lock was lost meanwhile.
    pub fn abandon(&mut self, lock: Lock) -> bool {
        let own = self.0.as_ref().is_some_and(|entry| entry.lock == lock && entry.answer.is_none());
        if own {
            self.0 = None;
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + ms)
    }

    fn request(body: &str) -> Fingerprint {
        Fingerprint::of_request(&[7; 32], "POST", "/tenants", body.as_bytes())
    }

    fn answer(body: &str) -> StoredAnswer {
        StoredAnswer::new(201, None, body.into(), &[("ETag", "\"1\""), ("Set-Cookie", "secret")]).unwrap()
    }

    #[test]
    fn a_second_request_replays_the_first_answer() {
        let mut slot = Slot::default();
        let Begun::New { lock } = slot.begin(request("a"), at(0)) else { panic!() };
        assert_eq!(slot.begin(request("a"), at(1)), Begun::InProgress { retry_after_ms: 59_999 });
        assert_eq!(slot.begin(request("b"), at(1)), Begun::Reused);
        assert!(slot.finish(lock, answer("x")));
        assert_eq!(slot.begin(request("a"), at(KEPT_MS - 1)), Begun::Replay { answer: answer("x") });
        assert_eq!(slot.begin(request("b"), at(KEPT_MS - 1)), Begun::Reused);
        assert!(matches!(slot.begin(request("b"), at(KEPT_MS)), Begun::New { .. }));
    }

    #[test]
    fn a_dead_request_loses_its_lock() {
        let mut slot = Slot::default();
        let Begun::New { lock: dead } = slot.begin(request("a"), at(0)) else { panic!() };
        let Begun::New { lock } = slot.begin(request("a"), at(LOCK_MS)) else { panic!() };
        assert!(!slot.finish(dead, answer("late")));
        assert!(!slot.abandon(dead));
        assert!(slot.finish(lock, answer("x")));
    }

    #[test]
    fn an_abandoned_key_is_free() {
        let mut slot = Slot::default();
        let Begun::New { lock } = slot.begin(request("a"), at(0)) else { panic!() };
        assert!(slot.abandon(lock));
        assert!(matches!(slot.begin(request("b"), at(1)), Begun::New { .. }));
    }

    #[test]
    fn cookies_are_not_kept() {
        assert_eq!(answer("x").headers, [("etag".to_owned(), "\"1\"".to_owned())]);
        assert_eq!(StoredAnswer::new(200, None, "x".repeat(MAX_BODY + 1), &[]), None);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(Fingerprint::object_name("ab", "c"), Fingerprint::object_name("a", "bc"));
    }

    proptest! {
        /// Whatever happens: one holder at a time, and the first stored answer is the only one ever seen.
        #[test]
        fn one_holder_and_one_answer(steps in prop::collection::vec((0u8..4, 0i64..40_000), 1..60)) {
            let (mut slot, mut now) = (Slot::default(), 0);
            let (mut held, mut first): (Vec<(Lock, i64)>, Option<StoredAnswer>) = (Vec::new(), None);
            for (step, gap) in steps {
                now = (now + gap).min(KEPT_MS - 1);
                match (step, held.last().copied()) {
                    (2, Some((lock, _))) => {
                        let stored = answer(&now.to_string());
                        if slot.finish(lock, stored.clone()) {
                            prop_assert!(first.replace(stored).is_none(), "answered twice");
                        }
                    }
                    (3, Some((old, _))) if held.len() > 1 => {
                        let dead = held[0].0;
                        prop_assert!(dead == old || !slot.finish(dead, answer("zombie")));
                    }
                    _ => match slot.begin(request("a"), at(now)) {
                        Begun::New { lock } => {
                            prop_assert!(first.is_none());
                            prop_assert!(held.last().is_none_or(|(_, since)| now - since >= LOCK_MS));
                            held.push((lock, now));
                        }
                        Begun::InProgress { .. } => prop_assert!(first.is_none()),
                        Begun::Reused => prop_assert!(false, "same body"),
                        Begun::Replay { answer } => prop_assert_eq!(Some(&answer), first.as_ref()),
                    },
                }
            }
        }
    }
}
