//! What is read of the trail: pages of it, newest first.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    audit::{
        export::Change,
        filter::{EventFilter, LogFilter, Period},
    },
    id::UserId,
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

// A filter that is not asked for is NULL, and gone from the plan: parameters of a statement that is not prepared are known to the
// planner. The bounds are always there, so that the index's order is the list's.
const CHANGES: Statement<TenantScope> = Statement::new(
    "audit.changes",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    &[Type::UUID, Type::TEXT, Type::UUID, Type::TEXT, Type::TEXT, Type::UUID, Type::JSONB, Type::JSONB, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* audit.changes */ SELECT id, actor, user_id, action, resource_type, resource_id, before, after, ip, request_id, created_at \
     FROM audit_logs \
     WHERE ($1 IS NULL OR actor = $1) AND ($2 IS NULL OR action = $2) AND ($3 IS NULL OR resource_type = $3) \
       AND ($4 IS NULL OR resource_id = $4) AND created_at >= $5 AND created_at < $6 AND (created_at, id) < ($7, $8) \
     ORDER BY created_at DESC, id DESC LIMIT $9",
);

const EVENTS: Statement<TenantScope> = Statement::new(
    "audit.events",
    &[Type::TEXT, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::JSONB, Type::TEXT, Type::TIMESTAMPTZ],
    "/* audit.events */ SELECT id, kind, severity, user_id, ip, country, user_agent, details, request_id, created_at FROM security_events \
     WHERE ($1 IS NULL OR kind = $1) AND ($2 IS NULL OR severity = $2) AND ($3 IS NULL OR user_id = $3) \
       AND created_at >= $4 AND created_at < $5 AND (created_at, id) < ($6, $7) \
     ORDER BY created_at DESC, id DESC LIMIT $8",
);

const ACTIVITY: Statement<TenantScope> = Statement::new(
    "audit.activity",
    &[Type::UUID, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::JSONB, Type::TEXT, Type::TIMESTAMPTZ],
    "/* audit.activity */ SELECT id, action, ip, country, user_agent, details, request_id, created_at FROM user_activity \
     WHERE user_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4",
);

/// Whether a person is, or was, one of the scope's tenant.
const PERSON: Statement<TenantScope> = Statement::new(
    "audit.activity.person",
    &[Type::UUID],
    &[Type::BOOL],
    "/* audit.activity.person */ SELECT EXISTS (SELECT FROM user_roles WHERE user_id = $1) \
       OR EXISTS (SELECT FROM user_activity WHERE user_id = $1) AS known",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[CHANGES.described(), EVENTS.described(), ACTIVITY.described(), PERSON.described()];

/// A position in a list: creation and id of the last row shown.
pub type Position = (Timestamp, Uuid);

/// Before everything in a list that begins with the newest.
fn start(after: Option<Position>) -> (jiff::Timestamp, Uuid) {
    after.map_or((end_of_time(), Uuid::max()), |(time, id)| (at(time), id))
}

fn bounds(period: Period) -> (jiff::Timestamp, jiff::Timestamp) {
    (period.from.map_or(jiff::Timestamp::UNIX_EPOCH, at), period.to.map_or_else(end_of_time, at))
}

/// Later than any row; Postgres' own infinity has no counterpart here.
fn end_of_time() -> jiff::Timestamp {
    jiff::Timestamp::from_second(253_000_000_000).unwrap_or(jiff::Timestamp::MAX)
}

/// A page of the changes on record, newest first, after a position.
///
/// # Errors
/// `Unavailable`.
pub async fn changes(db: &Db, scope: &TenantScope, filter: &LogFilter, after: Option<Position>, limit: i64) -> Result<Vec<Change>, StoreError> {
    let ((from, to), (time, id)) = (bounds(filter.period), start(after));
    let LogFilter { actor, action, resource_type, resource_id, .. } = filter;
    let rows = Batch::read(db, scope).add(&CHANGES, &[actor, action, resource_type, resource_id, &from, &to, &time, &id, &limit]).rows().await?;
    rows.iter().map(change).collect()
}

fn change(row: &Row) -> Result<Change, StoreError> {
    Ok(Change {
        id: row.cell("id")?,
        actor: row.cell("actor")?,
        user_id: row.cell::<Option<Uuid>>("user_id")?.map(UserId::from),
        action: row.cell("action")?,
        resource_type: row.cell("resource_type")?,
        resource_id: row.cell("resource_id")?,
        before: row.cell("before")?,
        after: row.cell("after")?,
        ip: row.cell("ip")?,
        request_id: row.cell("request_id")?,
        created_at: row.time("created_at")?,
    })
}

/// A security event on record.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Identifier.
    pub id: Uuid,
    /// What happened.
    pub kind: String,
    /// How grave it is.
    pub severity: String,
    /// Whom it concerns.
    pub user_id: Option<UserId>,
    /// Client address.
    pub ip: Option<String>,
    /// Its country.
    pub country: Option<String>,
    /// User agent.
    pub user_agent: Option<String>,
    /// More.
    pub details: Value,
    /// The request.
    pub request_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// A page of the security events, newest first, after a position.
///
/// # Errors
/// `Unavailable`.
pub async fn events(db: &Db, scope: &TenantScope, filter: &EventFilter, after: Option<Position>, limit: i64) -> Result<Vec<EventRow>, StoreError> {
    let ((from, to), (time, id)) = (bounds(filter.period), start(after));
    let user_id = filter.user_id.map(UserId::uuid);
    let rows = Batch::read(db, scope).add(&EVENTS, &[&filter.kind, &filter.severity, &user_id, &from, &to, &time, &id, &limit]).rows().await?;
    rows.iter()
        .map(|row| {
            Ok(EventRow {
                id: row.cell("id")?,
                kind: row.cell("kind")?,
                severity: row.cell("severity")?,
                user_id: row.cell::<Option<Uuid>>("user_id")?.map(UserId::from),
                ip: row.cell("ip")?,
                country: row.cell("country")?,
                user_agent: row.cell("user_agent")?,
                details: row.cell("details")?,
                request_id: row.cell("request_id")?,
                created_at: row.time("created_at")?,
            })
        })
        .collect()
}

/// Something that a person did.
#[derive(Debug, Clone)]
pub struct ActivityRow {
    /// Identifier.
    pub id: Uuid,
    /// What, as `signed_in`.
    pub action: String,
    /// Client address.
    pub ip: Option<String>,
    /// Its country.
    pub country: Option<String>,
    /// User agent.
    pub user_agent: Option<String>,
    /// More.
    pub details: Value,
    /// The request.
    pub request_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// A page of what a person did in the scope's tenant, newest first, after a position; `None` for somebody who is none of its people.
///
/// # Errors
/// `Unavailable`.
pub async fn activity(
    db: &Db,
    scope: &TenantScope,
    user_id: UserId,
    after: Option<Position>,
    limit: i64,
) -> Result<Option<Vec<ActivityRow>>, StoreError> {
    let (time, id) = start(after);
    let person = user_id.uuid();
    let mut answers = Batch::read(db, scope).add(&PERSON, &[&person]).add(&ACTIVITY, &[&person, &time, &id, &limit]).run().await?;
    if !only(answers.take(), "audit.activity")?.cell("known")? {
        return Ok(None);
    }
    let rows = answers.take();
    let read = |row: &Row| {
        Ok(ActivityRow {
            id: row.cell("id")?,
            action: row.cell("action")?,
            ip: row.cell("ip")?,
            country: row.cell("country")?,
            user_agent: row.cell("user_agent")?,
            details: row.cell("details")?,
            request_id: row.cell("request_id")?,
            created_at: row.time("created_at")?,
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map(Some)
}
