//! What the code records itself; changes of data are recorded by triggers.

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{EventId, TenantId, UserId},
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const SECURITY_EVENT: Statement<TenantScope> = Statement::new(
    "audit.record_security_event",
    &[Type::UUID, Type::TEXT, Type::UUID, Type::TEXT, Type::JSONB, Type::TIMESTAMPTZ],
    &[],
    "/* audit.record_security_event */ INSERT INTO security_events (id, tenant_id, kind, user_id, ip, details, request_id, created_at) \
     VALUES ($1, app_tenant_id(), $2, $3, $4, $5, app_request_id(), $6)",
);

const FOREIGN_READ: Statement<TenantScope> = Statement::new(
    "audit.record_foreign_read",
    &[Type::TEXT, Type::UUID, Type::UUID, Type::TIMESTAMPTZ, Type::TEXT],
    &[Type::BOOL],
    "/* audit.record_foreign_read */ WITH found AS MATERIALIZED (SELECT exists_elsewhere($1, $2) AS elsewhere), \
     violation AS ( \
       INSERT INTO rls_violations (id, tenant_id, user_id, operation, table_name, row_id, route, request_id, created_at) \
       SELECT $3, app_tenant_id(), app_user_id(), 'select', $1, $2, $5, app_request_id(), $4 FROM found WHERE elsewhere), \
     event AS ( \
       INSERT INTO security_events (id, tenant_id, kind, user_id, ip, details, request_id, created_at) \
       SELECT $3, app_tenant_id(), 'rls.violation', app_user_id(), left(app_address(), 45), jsonb_build_object('operation', 'select', 'table', $1, 'row_id', $2), \
         app_request_id(), $4 FROM found WHERE elsewhere) \
     SELECT elsewhere FROM found",
);

const VIOLATION: Statement<TenantScope> = Statement::new(
    "audit.record_rls_violation",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ, Type::TEXT],
    &[],
    "/* audit.record_rls_violation */ WITH violation AS ( \
       INSERT INTO rls_violations (id, tenant_id, user_id, operation, table_name, row_id, route, request_id, created_at) \
       VALUES ($1, app_tenant_id(), app_user_id(), $2, $3, $4, $6, app_request_id(), $5)) \
     INSERT INTO security_events (id, tenant_id, kind, user_id, ip, details, request_id, created_at) \
     VALUES ($1, app_tenant_id(), 'rls.violation', app_user_id(), left(app_address(), 45), jsonb_build_object('operation', $2, 'table', $3, 'row_id', $4), \
       app_request_id(), $5)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[SECURITY_EVENT.described(), FOREIGN_READ.described(), VIOLATION.described()];

/// Something that the security trail keeps.
#[derive(Debug, Clone)]
pub struct SecurityEvent {
    /// Identifier.
    pub id: EventId,
    /// Where it happened.
    pub tenant_id: TenantId,
    /// Whom it concerns.
    pub user_id: Option<UserId>,
    /// What happened, as `token.tenant_mismatch`.
    pub kind: String,
    /// Client address.
    pub ip: Option<String>,
    /// More; no secrets, no addresses.
    pub details: Value,
    /// The instant.
    pub now: Timestamp,
}

/// Records a security event.
///
/// # Errors
/// `Unavailable`.
pub async fn record_security_event(db: &Db, scope: &LookupScope, event: &SecurityEvent) -> Result<(), StoreError> {
    let scope = scope.within(event.tenant_id, event.user_id);
    Batch::write(db, &scope)
        .add(&SECURITY_EVENT, &[&event.id.uuid(), &event.kind, &event.user_id.map(UserId::uuid), &event.ip, &event.details, &at(event.now)])
        .rows()
        .await
        .map(drop)
}

/// A read by id found nothing in the scope's tenant. If the row exists in another, that is recorded, under `event_id` in
/// both trails; answers whether it was.
///
/// # Errors
/// `Unavailable`; `Bug` for a table without rows of tenants.
pub async fn record_foreign_read(
    db: &Db,
    scope: &TenantScope,
    table: &str,
    row_id: Uuid,
    route: &str,
    event_id: EventId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rows = Batch::write(db, scope).add(&FOREIGN_READ, &[&table, &row_id, &event_id.uuid(), &at(now), &route]).rows().await?;
    only(rows, "audit.record_foreign_read")?.cell("elsewhere")
}

/// What a refused statement was about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Read rows.
    Select,
    /// Add a row.
    Insert,
    /// Change a row.
    Update,
    /// Remove a row.
    Delete,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A statement that a policy or a missing grant refused.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Identifier, in both trails.
    pub id: EventId,
    /// What it was about to do.
    pub operation: Operation,
    /// In which table.
    pub table: String,
    /// To which row, if that is known.
    pub row_id: Option<Uuid>,
    /// The route's pattern.
    pub route: String,
    /// The instant.
    pub now: Timestamp,
}

/// Records a statement that a policy refused (`StoreError::Forbidden`).
///
/// # Errors
/// `Unavailable`.
pub async fn record_rls_violation(db: &Db, scope: &TenantScope, violation: &Violation) -> Result<(), StoreError> {
    let operation = violation.operation.as_str();
    Batch::write(db, scope)
        .add(&VIOLATION, &[&violation.id.uuid(), &operation, &violation.table, &violation.row_id, &at(violation.now), &violation.route])
        .rows()
        .await
        .map(drop)
}
