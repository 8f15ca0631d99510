//! One gate per tenant: leases of tokens, and the log of what was revoked. Where the plan's traffic is too much for one object,
//! several share it ([`Rate::gates`]); the first keeps the log, which the others copy.
//!
//! Invariants (the core's, [`zygo_core::gate`], and the object's own):
//! - a lease is kept before it leaves, so an evicted gate goes on where it stood and hands out nothing twice;
//! - a revocation is kept before its caller is told so, and is in every lease handed out after, or, of a copy, in every
//!   lease that is in force ten seconds later;
//! - a tenant's stream that asked for it has heard of a revocation before its caller is told so, unless it does not answer.

#[cfg(feature = "classes")]
mod object;

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use worker::Env;
use zygo_core::{
    error::Problem,
    gate::{Ask, Lease, LeaseRequest, Look, Party, Policy, Rate, Revocation, Told},
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
    Lease { request: LeaseRequest, copy_of: Option<TenantId> },
    Revoke { revocations: Vec<Revocation>, now: Timestamp },
    LayDown { policy: Policy },
    News { since: u64, policy: i64, watcher: Option<TenantId> },
    Look { rate: Rate, parties: Vec<Told> },
}

/// A tenant's gate, the one that keeps the log.
#[derive(Debug)]
pub struct GateHandle {
    remote: Remote,
}

/// A further gate of a tenant is named by its place among them.
fn beside(env: &Env, tenant_id: TenantId, gate: u32) -> Result<Remote, Problem> {
    Remote::open(env, BINDING, &format!("{tenant_id}/{gate}"))
}

impl GateHandle {
    /// The gate of a tenant.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` if the binding is missing.
    pub fn open(env: &Env, tenant_id: TenantId) -> Result<Self, Problem> {
        Ok(Self { remote: Remote::open(env, BINDING, &tenant_id.to_string())? })
    }

    /// Asks one of a tenant's gates for a lease, with what the isolate's book ([`zygo_core::gate::LeaseBook::ask`]) wrote.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the gate cannot answer.
    pub async fn lease(env: &Env, tenant_id: TenantId, ask: Ask) -> Result<Lease, Problem> {
        let Ask { gate, request, .. } = ask;
        if gate == 0 {
            return Self::open(env, tenant_id)?.remote.call(&Op::Lease { request, copy_of: None }).await;
        }
        beside(env, tenant_id, gate)?.call(&Op::Lease { request, copy_of: Some(tenant_id) }).await
    }

    /// What a tenant of this rate has left at all its gates, and some parties of it; takes nothing.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    pub async fn look(env: &Env, tenant_id: TenantId, rate: Rate, parties: &[(Party, Rate)]) -> Result<Look, Problem> {
        let gates = rate.gates();
        let told: Vec<Told> =
            parties.iter().map(|(party, own)| Told { party: *party, rate: own.over(gates), used: 0, held: 0, wants: false }).collect();
        let looks = (0..gates).map(async |gate| {
            let remote = if gate == 0 { Self::open(env, tenant_id)?.remote } else { beside(env, tenant_id, gate)? };
            remote.call(&Op::Look { rate: rate.over(gates), parties: told.clone() }).await
        });
        Ok(Look::all(&try_join_all(looks).await?))
    }

    /// What a copy of the log does not know yet.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    #[cfg(feature = "classes")]
    pub(crate) async fn news(&self, since: u64, policy: i64) -> Result<zygo_core::gate::News, Problem> {
        self.remote.call(&Op::News { since, policy, watcher: None }).await
    }

    /// The same for the tenant's stream, which from now on is told when there is more.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    #[cfg(feature = "classes")]
    pub(crate) async fn watch(&self, tenant_id: TenantId, (since, policy): (u64, i64)) -> Result<zygo_core::gate::News, Problem> {
        self.remote.call(&Op::News { since, policy, watcher: Some(tenant_id) }).await
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
