//! Repairs the edge directory from Postgres after a tenant changed.
//!
//! Twice is harmless: an entry is only replaced by one of a higher version.

use zygo_core::{error::Problem, id::TenantId};
use zygo_runtime::postgres;
use zygo_store::tenancy;

use crate::{
    directory,
    run::{Failure, Work, postgres_problem},
};

/// Writes every host of a tenant.
///
/// # Errors
/// `Retry` while Postgres or D1 is away.
pub async fn run(work: &Work<'_>, tenant_id: TenantId) -> Result<(), Failure> {
    let rows = postgres::bounded(tenancy::directory_rows(work.db, work.scope, tenant_id)).await?.map_err(postgres_problem)?;
    for row in rows {
        let host = directory::host(work.config, &row.key);
        let Some(entry) = row.into_entry(|slug| work.config.hosts.tenant_host(slug)) else {
            return Err(Failure::Fail("a tenant's row does not fit the directory"));
        };
        directory::write(work.env, &host, &entry).await.map_err(|error| Problem::unavailable(error.to_string()))?;
        directory::cache(work.env, &host, Some(&entry)).await;
    }
    Ok(())
}
