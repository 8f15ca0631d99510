//! Tells a tenant's gate what a change made stale or void.
//!
//! The request that made the change does the same at once; this makes sure of it where that one was cut short. Twice is
//! harmless: it is said as of the instant of the change, so that no token issued since then is touched.

use zygo_core::{gate::Revocation, id::TenantId, time::Timestamp};
use zygo_objects::gate::GateHandle;

use crate::run::{Failure, Work};

/// Tells the gate.
///
/// # Errors
/// `Retry` while the gate does not answer.
pub async fn run(work: &Work<'_>, tenant_id: TenantId, revocations: &[Revocation], at: Timestamp) -> Result<(), Failure> {
    GateHandle::open(work.env, tenant_id)?.revoke(revocations.to_vec(), at).await?;
    Ok(())
}
