//! An organisation's logo: where it is, and that the one before goes.

use tokio_postgres::types::Type;
use zygo_core::{events::job::Queue, id::OutboxId, time::Timestamp};

use super::TENANT;
use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    identity::TenantRow,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

const SET: Statement<TenantScope> = Statement::new(
    "tenancy.set_logo",
    &[Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* tenancy.set_logo */ WITH old AS ( \
       SELECT id, substring(logo_url FROM '/logos/' || id || '/([^/?#]+)$') AS file FROM tenants WHERE id = app_tenant_id() FOR NO KEY UPDATE), \
     changed AS (UPDATE tenants t SET logo_url = $1, updated_at = $3 FROM old WHERE t.id = old.id RETURNING t.id, t.version), \
     job AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT $2, id, 'files.remove', 'jobs', \
         jsonb_build_object('kind', 'files.remove', 'key', 'tenants/' || id || '/logos/' || file), $3, $3 + interval '30 seconds' \
       FROM old WHERE file IS NOT NULL), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($3), id, 'tenant.updated', jsonb_build_object('tenant_id', id, 'version', version), app_user_id(), \
         app_request_id(), $3 FROM changed) \
     SELECT old.file IS NOT NULL AS replaced FROM old JOIN changed USING (id)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[SET.described()];

/// Sets where the scope's organisation's logo is; the file of the one before is owed its removal. `None` if the organisation is gone.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn set_logo(
    db: &Db,
    scope: &TenantScope,
    url: &str,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<(TenantRow, Option<Queued>)>, StoreError> {
    let mut answers = Batch::write(db, scope).add(&SET, &[&url, &outbox_id.uuid(), &at(now)]).add(&TENANT, &[]).run().await?;
    let (set, tenant) = (answers.take(), answers.take());
    let (Some(set), Some(tenant)) = (set.first(), tenant.first()) else { return Ok(None) };
    let replaced: bool = set.cell("replaced")?;
    let queued = Queued { id: outbox_id, tenant_id: scope.tenant_id(), kind: "files.remove".to_owned(), queue: Queue::Jobs };
    Ok(Some((TenantRow::read(tenant)?, replaced.then_some(queued))))
}
