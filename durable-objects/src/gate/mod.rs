//! One gate per tenant: leases of tokens, and the log of what was revoked.
//!
//! Invariants (the core's, [`zygo_core::gate`], and the object's own):
//! - a lease is kept before it leaves, so an evicted gate goes on where it stood and hands out nothing twice;
//! - a revocation is kept before its caller is told so, and is in every lease handed out after.

#[cfg(feature = "classes")]
mod object;

use serde::{Deserialize, Serialize};
use worker::Env;
use zygo_core::{
    error::Problem,
    gate::{Lease, LeaseRequest, Policy, Revocation},
    id::TenantId,
    time::Timestamp,
};

#[cfg(feature = "classes")]
pub use object::GateObject;

use crate::rpc::Remote;

const BINDING: &str = "GATES";

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Lease { request: LeaseRequest },
    Revoke { revocations: Vec<Revocation>, now: Timestamp },
    LayDown { policy: Policy },
}

/// A tenant's gate.
#[derive(Debug)]
pub struct GateHandle {
    remote: Remote,
}

impl GateHandle {
    /// The gate of a tenant.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` if the binding is missing.
    pub fn open(env: &Env, tenant_id: TenantId) -> Result<Self, Problem> {
        Ok(Self { remote: Remote::open(env, BINDING, &tenant_id.to_string())? })
    }

    /// Asks for a lease, with what the isolate's book ([`zygo_core::gate::LeaseBook::ask`]) wrote.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the gate cannot answer.
    pub async fn lease(&self, request: LeaseRequest) -> Result<Lease, Problem> {
        self.remote.call(&Op::Lease { request }).await
    }

    /// Logs revocations, so that every isolate hears of them within a lease's life. Answers the log's last place.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub async fn revoke(&self, revocations: Vec<Revocation>, now: Timestamp) -> Result<u64, Problem> {
        self.remote.call(&Op::Revoke { revocations, now }).await
    }

    /// Tells the gate the tenant's policy, so that every isolate goes by it within a lease's life. An older one changes nothing.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub async fn lay_down(&self, policy: Policy) -> Result<bool, Problem> {
        self.remote.call(&Op::LayDown { policy }).await
    }
}
