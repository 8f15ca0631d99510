//! Repairs the edge directory, and what the tenant's gate goes by, from Postgres after a tenant changed.
//!
//! Twice is harmless: an entry, and a policy, is only replaced by one of a higher version, and a host that is gone stays gone.

use serde_json::Value;
use zygo_core::{
    error::Problem,
    gate::{Policy, Revocation, TenantState},
    id::TenantId,
    tenancy::{directory::TenantStatus, network::Network},
};
use zygo_objects::gate::GateHandle;
use zygo_runtime::postgres;
use zygo_store::tenancy;

use crate::{
    directory,
    run::{Failure, Work, postgres_problem},
};

/// Writes every host of a tenant, forgets those that it has no more, and tells its gate.
///
/// # Errors
/// `Retry` while Postgres or D1 is away.
pub async fn run(work: &Work<'_>, tenant_id: TenantId) -> Result<(), Failure> {
    let rows = postgres::bounded(tenancy::directory_rows(work.db, work.scope, tenant_id)).await?.map_err(postgres_problem)?;
    let (mut hosts, mut policy, mut state) = (Vec::new(), None, TenantState::Active);
    for row in rows {
        let host = directory::host(work.config, &row.key);
        let Some(entry) = row.into_entry(|slug| work.config.hosts.tenant_host(slug)) else {
            return Err(Failure::Fail("a tenant's row does not fit the directory"));
        };
        directory::write(work.env, &host, &entry).await.map_err(|error| Problem::unavailable(error.to_string()))?;
        directory::cache(work.env, &host, Some(&entry)).await;
        state = match entry.status {
            TenantStatus::Suspended => TenantState::Suspended,
            TenantStatus::Deleted => TenantState::Deleted,
            TenantStatus::Active | TenantStatus::Deleting | TenantStatus::Internal => TenantState::Active,
        };
        policy = Some(Policy { version: entry.version, networks: networks(&entry.settings)? });
        hosts.push(host);
    }
    for gone in directory::forget_others(work.env, tenant_id, &hosts).await.map_err(|error| Problem::unavailable(error.to_string()))? {
        directory::cache(work.env, &gone, None).await;
    }
    let gate = GateHandle::open(work.env, tenant_id)?;
    if let Some(policy) = policy {
        gate.lay_down(policy).await?;
    }
    // What it knows already it does not log again.
    gate.revoke(vec![Revocation::Tenant(state)], work.now).await?;
    Ok(())
}

/// The allow-list as the gate wants it.
fn networks(settings: &Value) -> Result<Vec<Network>, Failure> {
    let list = settings.get("ip_allow_list").cloned().unwrap_or(Value::Array(Vec::new()));
    serde_json::from_value(list).map_err(|_| Failure::Fail("an allow-list that holds no networks"))
}
