//! Exact limits: one object per client address, account, user or tenant.
//!
//! Invariants:
//! - a call takes from all of its buckets or from none ([`zygo_core::limits::gcra`]);
//! - what was taken is kept before the answer leaves, so neither eviction nor a restart gives it back;
//! - a bucket that is full again is forgotten within an hour, and an object without buckets is empty.

#[cfg(feature = "classes")]
mod object;

use serde::{Deserialize, Serialize};
use worker::Env;
use zygo_core::{
    error::Problem,
    limits::{
        gcra::{Check, Decision},
        policy::Call,
    },
    time::Timestamp,
};

#[cfg(feature = "classes")]
pub use object::LimitsObject;

use crate::rpc::Remote;

const BINDING: &str = "LIMITS";

#[derive(Serialize, Deserialize)]
struct Take {
    checks: Vec<Check>,
    now: Timestamp,
}

/// The limits objects.
#[derive(Debug)]
pub struct LimitsHandle;

impl LimitsHandle {
    /// Takes from one object. `None` if there was nothing to check.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the object cannot answer. What the limits guard must then
    /// not happen: these limits are never to leak.
    pub async fn check(env: &Env, object: &str, checks: Vec<Check>, now: Timestamp) -> Result<Option<Decision>, Problem> {
        Remote::open(env, BINDING, object)?.call(&Take { checks, now }).await
    }

    /// Makes an action's calls in order. Answers the first refusal, or the decision with the least left.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn admit(env: &Env, calls: Vec<Call>, now: Timestamp) -> Result<Option<Decision>, Problem> {
        let mut tightest: Option<Decision> = None;
        for Call { object, checks } in calls {
            let Some(decision) = Self::check(env, &object, checks, now).await? else { continue };
            if !decision.allowed {
                return Ok(Some(decision));
            }
            tightest = Some(match tightest {
                Some(other) if other.remaining <= decision.remaining => other,
                _ => decision,
            });
        }
        Ok(tightest)
    }
}
