//! One object per `Idempotency-Key` and scope: the first request works, the others get its answer.
//!
//! Invariants (the core's, [`zygo_core::idempotency`], and the object's own):
//! - at most one request holds the lock, unless it has been silent for a minute;
//! - an answer is kept before the caller is told so, and is never changed;
//! - the object is empty a day after the key's first use.

#[cfg(feature = "classes")]
mod object;

use serde::{Deserialize, Serialize};
use worker::Env;
use zygo_core::{
    error::Problem,
    idempotency::{Begun, Fingerprint, Lock, StoredAnswer},
    time::Timestamp,
};

#[cfg(feature = "classes")]
pub use object::IdempotencyObject;

use crate::rpc::Remote;

const BINDING: &str = "IDEMPOTENCY";

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Begin { fingerprint: Fingerprint, now: Timestamp },
    Finish { lock: Lock, answer: StoredAnswer },
    Abandon { lock: Lock },
}

/// One key in one scope.
#[derive(Debug)]
pub struct IdempotencyHandle {
    remote: Remote,
}

impl IdempotencyHandle {
    /// A key within a scope: who asks, and in which tenant.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` if the binding is missing.
    pub fn open(env: &Env, scope: &str, key: &str) -> Result<Self, Problem> {
        Ok(Self { remote: Remote::open(env, BINDING, &Fingerprint::object_name(scope, key))? })
    }

    /// A request arrives.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the object cannot answer, as for all operations here.
    pub async fn begin(&self, fingerprint: Fingerprint, now: Timestamp) -> Result<Begun, Problem> {
        self.remote.call(&Op::Begin { fingerprint, now }).await
    }

    /// The request that holds the lock has its answer. False if it lost the lock; the answer is not kept then.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn finish(&self, lock: Lock, answer: StoredAnswer) -> Result<bool, Problem> {
        self.remote.call(&Op::Finish { lock, answer }).await
    }

    /// The request that holds the lock had no effect. False if it lost the lock.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn abandon(&self, lock: Lock) -> Result<bool, Problem> {
        self.remote.call(&Op::Abandon { lock }).await
    }
}
