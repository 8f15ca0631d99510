//! One object per thing that may happen once: the state of a sign-in through a provider, an assertion's identifier.
//!
//! Invariants:
//! - of all who take a thing, also at the same moment, one is told that they are the first;
//! - a thing is remembered until the instant that the first taker named, after which it must be worthless by itself;
//! - the object is empty after that.

#[cfg(feature = "classes")]
mod object;

use serde::{Deserialize, Serialize};
use worker::Env;
use zygo_core::{error::Problem, idempotency::Fingerprint, time::Timestamp};

#[cfg(feature = "classes")]
pub use object::OnceObject;

use crate::rpc::Remote;

const BINDING: &str = "ONCE";

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Take { until: Timestamp },
}

/// One thing.
#[derive(Debug)]
pub struct OnceHandle {
    remote: Remote,
}

impl OnceHandle {
    /// A thing of a kind. Its name may be a secret or of any length: the object is named by a hash of both.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` if the binding is missing.
    pub fn open(env: &Env, kind: &str, name: &str) -> Result<Self, Problem> {
        Ok(Self { remote: Remote::open(env, BINDING, &Fingerprint::object_name(kind, name))? })
    }

    /// Takes it; true for the first alone. `until` is when it is worthless by itself.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the object cannot answer; whether it was taken is not known then.
    pub async fn take(&self, until: Timestamp) -> Result<bool, Problem> {
        self.remote.call(&Op::Take { until }).await
    }
}
