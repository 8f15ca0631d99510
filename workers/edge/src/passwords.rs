//! Password hashing, bounded: Argon2id takes 19 MiB and about 20 ms of the isolate each time.
//!
//! Hashing is synchronous, so one hash at a time has its memory; what must be
//! bounded is the queue behind it, which would otherwise grow past what its
//! callers still wait for.

use zygo_core::{
    error::{Code, Problem},
    identity::password,
};
use zygo_runtime::random;

use crate::app::App;

/// Requests that may wait for a hash in one isolate: about three seconds' worth.
const QUEUE: u32 = 160;

/// A place in the queue, given back when dropped.
pub struct Turn(&'static App);

impl Turn {
    /// Takes a place.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` with `Retry-After` when the queue is full.
    pub fn take(app: &'static App) -> Result<Self, Problem> {
        let waiting = app.hashing.get();
        if waiting >= QUEUE {
            return Err(Problem::new(Code::DependencyUnavailable).detail("too many sign-ins at once").retry_after(2));
        }
        app.hashing.set(waiting.saturating_add(1));
        Ok(Self(app))
    }

    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    /// `INTERNAL` if the parameters are refused.
    pub fn hash(&self, password: &str) -> Result<String, Problem> {
        password::hash(password, random::bytes())
    }

    /// Verifies a password; the same work where there is no hash to verify against.
    #[must_use]
    pub fn verify(&self, password: &str, hash: Option<&str>) -> bool {
        let verified = password::verify(password, hash.unwrap_or(password::DUMMY_HASH));
        verified && hash.is_some()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.hashing.set(self.0.hashing.get().saturating_sub(1));
    }
}
