//! How long the trail is kept: as the plan says.

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    audit::chain::Seal,
    id::TenantId,
    tenancy::plan::{Feature, Plan},
    time::Timestamp,
};

use super::seal::{queued, seal_of};
use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const OWE: Statement<PlatformScope> = Statement::new(
    "audit.owe_expiry",
    &[Type::TEXT_ARRAY, Type::INT8_ARRAY, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    &[Type::UUID, Type::UUID],
    "/* audit.owe_expiry */ SELECT outbox_id AS id, owed_tenant AS tenant_id FROM owe_expiry($1, $2, $3, $4, $5)",
);

const KEPT: Statement<PlatformScope> = Statement::new(
    "audit.kept",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::JSONB],
    "/* audit.kept */ SELECT t.plan, (SELECT f.value FROM tenant_features f WHERE f.tenant_id = t.id AND f.feature = 'audit_retention_days' \
       AND (f.expires_at IS NULL OR f.expires_at > $2)) AS days FROM tenants t WHERE t.id = $1",
);

const OLDEST: Statement<PlatformScope> = Statement::new(
    "audit.expirable",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* audit.expirable */ SELECT coalesce(max(last_seq), 0) AS through FROM audit_seals WHERE tenant_id = $1 AND created_at < $2",
);

const LAST: Statement<PlatformScope> = Statement::new(
    "audit.expirable.last",
    &[Type::UUID],
    &[Type::UUID, Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::TIMESTAMPTZ],
    "/* audit.expirable.last */ SELECT tenant_id, number, first_seq, last_seq, row_count, expired_through, rows_hash, rows_mixed, \
       previous_hash, hash, created_at FROM audit_seals WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1",
);

const EXPIRE: Statement<PlatformScope> = Statement::new(
    "audit.expire",
    &[Type::UUID, Type::TIMESTAMPTZ, Type::INT4],
    &[Type::INT4],
    "/* audit.expire */ SELECT expire_trail($1, $2, $3) AS removed",
);

const ADMIN_ACTION: Statement<PlatformScope> = Statement::new(
    "audit.record_admin_action",
    &[Type::UUID, Type::TEXT, Type::JSONB, Type::TIMESTAMPTZ],
    &[],
    "/* audit.record_admin_action */ INSERT INTO admin_actions (id, tenant_id, reason, details, request_id, created_at) \
     VALUES (make_uuid_v7($4), $1, $2, $3, app_request_id(), $4)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[OWE.described(), KEPT.described(), OLDEST.described(), LAST.described(), EXPIRE.described(), ADMIN_ACTION.described()];

/// Owes the removal of what is older than its tenant keeps, for `most` tenants after one; answers the rows to be enqueued, by tenant.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn owe_expiry(db: &Db, scope: &PlatformScope, after: TenantId, most: i64, now: Timestamp) -> Result<Vec<Queued>, StoreError> {
    let limit = |plan| Feature::AuditRetentionDays.in_plan(plan).limit().and_then(|days| i64::try_from(days).ok());
    let (plans, days): (Vec<&str>, Vec<i64>) = Plan::ALL.into_iter().filter_map(|plan| Some((plan.key(), limit(plan)?))).unzip();
    // Nobody's id is the platform's own, whose trail is kept for as long as there is a platform.
    let after: Uuid = after.uuid();
    let rows = Batch::write(db, scope).add(&OWE, &[&plans, &days, &at(now), &after, &most]).rows().await?;
    let mut owed = rows.iter().map(|row| queued(row, "audit.expire")).collect::<Result<Vec<_>, _>>()?;
    owed.sort_by_key(|row| row.tenant_id);
    Ok(owed)
}

/// A tenant's plan and its own arrangement of how many days the trail is kept, if it has one; `None` for no such tenant.
///
/// # Errors
/// `Unavailable`.
pub async fn kept(db: &Db, scope: &PlatformScope, tenant_id: TenantId, now: Timestamp) -> Result<Option<(String, Option<Value>)>, StoreError> {
    let rows = Batch::read(db, scope).add(&KEPT, &[&tenant_id.uuid(), &at(now)]).rows().await?;
    rows.first().map(|row| Ok((row.cell("plan")?, row.cell("days")?))).transpose()
}

/// The place up to which a tenant's rows were sealed before an instant, and its last seal.
///
/// # Errors
/// `Unavailable`.
pub async fn expirable(db: &Db, scope: &PlatformScope, tenant_id: TenantId, before: Timestamp) -> Result<(i64, Option<Seal>), StoreError> {
    let tenant = tenant_id.uuid();
    let mut answers = Batch::read(db, scope).add(&OLDEST, &[&tenant, &at(before)]).add(&LAST, &[&tenant]).run().await?;
    let through = only(answers.take(), "audit.expirable")?.cell("through")?;
    Ok((through, answers.take().first().map(seal_of).transpose()?))
}

/// Removes some of a tenant's rows from before an instant, `most` of each kind; answers how many of the kind with most.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn expire(db: &Db, scope: &PlatformScope, tenant_id: TenantId, before: Timestamp, most: i32) -> Result<i32, StoreError> {
    let rows = Batch::write(db, scope).add(&EXPIRE, &[&tenant_id.uuid(), &at(before), &most]).rows().await?;
    only(rows, "audit.expire")?.cell("removed")
}

/// Records what the platform did to a tenant, and why.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn record_admin_action(
    db: &Db,
    scope: &PlatformScope,
    tenant_id: TenantId,
    reason: &str,
    details: &Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    Batch::write(db, scope).add(&ADMIN_ACTION, &[&tenant_id.uuid(), &reason, details, &at(now)]).rows().await.map(drop)
}
