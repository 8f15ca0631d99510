//! A tenant's event log.

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{EventId, UserId},
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

/// A filter that is not asked for is NULL. What is older than 30 days is gone, or about to be.
const LIST: Statement<TenantScope> = Statement::new(
    "events.events",
    &[Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    &[Type::UUID, Type::TEXT, Type::INT2, Type::JSONB, Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    "/* events.events */ SELECT id, type, type_version, data, user_id, request_id, occurred_at FROM events \
     WHERE ($1 IS NULL OR wants_event(ARRAY[$1], type)) AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4) \
     ORDER BY occurred_at DESC, id DESC LIMIT $5",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described()];

/// An event on record.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Identifier, the `webhook-id` of its deliveries.
    pub id: EventId,
    /// Its type.
    pub event_type: String,
    /// Version of the payload's schema.
    pub version: i16,
    /// The payload.
    pub data: Value,
    /// Who did it.
    pub user_id: Option<UserId>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// When.
    pub occurred_at: Timestamp,
}

/// A page of a tenant's events since an instant, newest first, after a position. `filter` is a type, or its beginning and a star.
///
/// # Errors
/// `Unavailable`.
pub async fn events(
    db: &Db,
    scope: &TenantScope,
    filter: Option<&str>,
    since: Timestamp,
    after: (Timestamp, Uuid),
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    let rows = Batch::read(db, scope).add(&LIST, &[&filter, &at(since), &at(after.0), &after.1, &limit]).rows().await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(EventRow {
            id: row.id("id")?,
            event_type: row.cell("type")?,
            version: row.cell("type_version")?,
            data: row.cell("data")?,
            user_id: row.cell::<Option<Uuid>>("user_id")?.map(UserId::from),
            request_id: row.cell("request_id")?,
            occurred_at: row.time("occurred_at")?,
        })
    };
    rows.iter().map(read).collect()
}
