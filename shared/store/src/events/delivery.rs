//! Deliveries, as their tenant's administrators see them.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    id::{DeliveryId, EventId, WebhookId},
    time::Timestamp,
};

use super::dispatch::{Settled, Target};
use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

macro_rules! columns {
    () => {
        "d.id, d.event_id, e.type, d.status, d.attempts, d.next_attempt_at, d.response_status, d.latency_ms, d.last_error, d.created_at, d.delivered_at"
    };
}

const ROW: &[Type] = &[
    Type::UUID,
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::TIMESTAMPTZ,
    Type::INT2,
    Type::INT4,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
];

/// The endpoint, that is whether there is one.
const KNOWN: Statement<TenantScope> = Statement::new(
    "events.deliveries.endpoint",
    &[Type::UUID],
    &[Type::UUID],
    "/* events.deliveries.endpoint */ SELECT id FROM webhooks WHERE id = $1",
);

const LIST: Statement<TenantScope> = Statement::new(
    "events.deliveries",
    &[Type::UUID, Type::TEXT, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    ROW,
    concat!(
        "/* events.deliveries */ SELECT ",
        columns!(),
        " FROM webhook_deliveries d JOIN events e ON e.tenant_id = d.tenant_id AND e.id = d.event_id \
         WHERE d.webhook_id = $1 AND ($2 IS NULL OR d.status = $2) AND (d.created_at, d.id) < ($3, $4) ORDER BY d.created_at DESC, d.id DESC LIMIT $5"
    ),
);

const READ: Statement<TenantScope> = Statement::new(
    "events.delivery",
    &[Type::UUID, Type::UUID],
    ROW,
    concat!(
        "/* events.delivery */ SELECT ",
        columns!(),
        " FROM webhook_deliveries d JOIN events e ON e.tenant_id = d.tenant_id AND e.id = d.event_id WHERE d.webhook_id = $1 AND d.id = $2"
    ),
);

const ATTEMPTS: Statement<TenantScope> = Statement::new(
    "events.attempts",
    &[Type::UUID],
    &[Type::INT4, Type::TEXT, Type::TEXT, Type::INT2, Type::TEXT, Type::INT4, Type::TIMESTAMPTZ],
    "/* events.attempts */ SELECT attempt, outcome, error, response_status, response_head, latency_ms, attempted_at FROM webhook_attempts \
     WHERE tenant_id = app_tenant_id() AND delivery_id = $1 ORDER BY attempt DESC LIMIT 100",
);

/// Asked for again, a delivery has its whole schedule before it; one that is under way goes out now.
const RETRY: Statement<TenantScope> = Statement::new(
    "events.retry",
    &[Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    ROW,
    concat!(
        "/* events.retry */ WITH endpoint AS (SELECT id FROM webhooks WHERE id = $1 AND enabled), \
         d AS (UPDATE webhook_deliveries d SET status = 'pending', tries = 0, next_attempt_at = $3, delivered_at = NULL \
           FROM endpoint w WHERE d.webhook_id = w.id AND d.id = $2 RETURNING d.*), \
         owed AS (SELECT owe_deliveries(webhook_id::text) FROM d) \
         SELECT ",
        columns!(),
        " FROM d JOIN events e ON e.tenant_id = d.tenant_id AND e.id = d.event_id LEFT JOIN owed ON true"
    ),
);

const REPLAY: Statement<TenantScope> = Statement::new(
    "events.replay",
    &[Type::UUID, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::INT8],
    "/* events.replay */ WITH endpoint AS (SELECT id, enabled FROM webhooks WHERE id = $1), \
     again AS (UPDATE webhook_deliveries d SET status = 'pending', tries = 0, next_attempt_at = $4 FROM endpoint w \
       WHERE w.enabled AND d.webhook_id = w.id AND d.status = 'dead' AND d.created_at >= $2 AND d.created_at < $3 RETURNING d.webhook_id), \
     counted AS (SELECT count(*) AS replayed, min(webhook_id::text) AS endpoint FROM again), \
     owed AS (SELECT owe_deliveries(endpoint) FROM counted) \
     SELECT w.enabled, c.replayed FROM endpoint w CROSS JOIN counted c LEFT JOIN owed ON true",
);

const BEGIN_TEST: Statement<TenantScope> = Statement::new(
    "events.begin_test",
    &[Type::UUID, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::UUID, Type::TEXT, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::INT4, Type::BOOL, Type::TIMESTAMPTZ, Type::JSONB],
    "/* events.begin_test */ WITH endpoint AS (SELECT * FROM webhooks WHERE id = $1), \
     event AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT $2, tenant_id, 'webhook.tested', jsonb_build_object('webhook_id', id), app_user_id(), app_request_id(), $4 FROM endpoint \
       RETURNING id, data), \
     delivery AS (INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, event_id, status, created_at) \
       SELECT $3, w.tenant_id, w.id, e.id, 'dead', $4 FROM endpoint w CROSS JOIN event e) \
     SELECT w.tenant_id, w.url, w.headers_sealed, w.secret_sealed, \
       CASE WHEN w.previous_secret_until > $4 THEN w.previous_secret_sealed END AS previous_sealed, w.rate_per_second, w.ordered, \
       NULL::timestamptz AS next_at, e.data FROM endpoint w CROSS JOIN event e",
);

const SETTLE_TEST: Statement<TenantScope> = Statement::new(
    "events.settle_test",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::INT2, Type::TEXT, Type::INT4, Type::TIMESTAMPTZ],
    &[],
    "/* events.settle_test */ WITH settled AS ( \
       UPDATE webhook_deliveries SET status = CASE WHEN $2 = 'delivered' THEN 'delivered' ELSE 'dead' END, attempts = 1, tries = 1, last_error = $3, \
         response_status = $4, latency_ms = $6, delivered_at = CASE WHEN $2 = 'delivered' THEN $7 END WHERE id = $1 RETURNING id, tenant_id) \
     INSERT INTO webhook_attempts (id, tenant_id, delivery_id, attempt, outcome, error, response_status, response_head, latency_ms, attempted_at) \
     SELECT make_uuid_v7($7), tenant_id, id, 1, CASE WHEN $2 = 'delivered' THEN 'delivered' ELSE 'failed' END, $3, $4, $5, $6, $7 FROM settled",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[
    KNOWN.described(),
    LIST.described(),
    READ.described(),
    ATTEMPTS.described(),
    RETRY.described(),
    REPLAY.described(),
    BEGIN_TEST.described(),
    SETTLE_TEST.described(),
];

/// A position in a list: creation and id of the last row shown.
pub type Position = (Timestamp, Uuid);

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Identifier.
    pub id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// `pending`, `delivered`, `failing`, `dead`.
    pub status: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the next is made.
    pub next_attempt_at: Option<Timestamp>,
    /// Status of the latest answer.
    pub response_status: Option<i16>,
    /// Milliseconds that the latest attempt took.
    pub latency_ms: Option<i32>,
    /// Why the latest attempt failed.
    pub last_error: Option<String>,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
}

impl DeliveryRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            event_id: row.id("event_id")?,
            event_type: row.cell("type")?,
            status: row.cell("status")?,
            attempts: row.cell("attempts")?,
            next_attempt_at: row.maybe_time("next_attempt_at")?,
            response_status: row.cell("response_status")?,
            latency_ms: row.cell("latency_ms")?,
            last_error: row.cell("last_error")?,
            created_at: row.time("created_at")?,
            delivered_at: row.maybe_time("delivered_at")?,
        })
    }
}

/// An attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its number.
    pub attempt: i32,
    /// `delivered` or `failed`.
    pub outcome: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Status of the answer.
    pub response_status: Option<i16>,
    /// The answer's first bytes.
    pub response_head: Option<String>,
    /// Milliseconds that it took.
    pub latency_ms: i32,
    /// When it was made.
    pub attempted_at: Timestamp,
}

/// A page of an endpoint's deliveries, newest first, after a position; `None` if there is no such endpoint.
///
/// # Errors
/// `Unavailable`.
pub async fn deliveries(
    db: &Db,
    scope: &TenantScope,
    endpoint: WebhookId,
    status: Option<&str>,
    after: Position,
    limit: i64,
) -> Result<Option<Vec<DeliveryRow>>, StoreError> {
    let (id, time) = (endpoint.uuid(), at(after.0));
    let mut answers = Batch::read(db, scope).add(&KNOWN, &[&id]).add(&LIST, &[&id, &status, &time, &after.1, &limit]).run().await?;
    if answers.take().is_empty() {
        return Ok(None);
    }
    answers.take().iter().map(DeliveryRow::read).collect::<Result<_, _>>().map(Some)
}

/// One of an endpoint's deliveries.
///
/// # Errors
/// `Unavailable`.
pub async fn delivery(
    db: &Db,
    scope: &TenantScope,
    endpoint: WebhookId,
    id: DeliveryId,
) -> Result<Option<(DeliveryRow, Vec<AttemptRow>)>, StoreError> {
    let id = id.uuid();
    let mut answers = Batch::read(db, scope).add(&READ, &[&endpoint.uuid(), &id]).add(&ATTEMPTS, &[&id]).run().await?;
    let Some(delivery) = answers.take().first().map(DeliveryRow::read).transpose()? else { return Ok(None) };
    Ok(Some((delivery, attempts(&answers.take())?)))
}

/// Attempts, the latest first.
///
/// # Errors
/// `Bug`.
pub fn attempts(rows: &[Row]) -> Result<Vec<AttemptRow>, StoreError> {
    let read = |row: &Row| {
        Ok(AttemptRow {
            attempt: row.cell("attempt")?,
            outcome: row.cell("outcome")?,
            error: row.cell("error")?,
            response_status: row.cell("response_status")?,
            response_head: row.cell("response_head")?,
            latency_ms: row.cell("latency_ms")?,
            attempted_at: row.time("attempted_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Makes a delivery due now, with its whole schedule before it. `None` if there is none, or its endpoint is switched off.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn retry(db: &Db, scope: &TenantScope, endpoint: WebhookId, id: DeliveryId, now: Timestamp) -> Result<Option<DeliveryRow>, StoreError> {
    let rows = Batch::write(db, scope).add(&RETRY, &[&endpoint.uuid(), &id.uuid(), &at(now)]).rows().await?;
    rows.first().map(DeliveryRow::read).transpose()
}

/// Makes all deliveries due now that were given up, of those owed in a period. Answers how many, and whether the endpoint is switched on;
/// `None` if there is no such endpoint.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn replay(
    db: &Db,
    scope: &TenantScope,
    endpoint: WebhookId,
    (since, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Option<(bool, i64)>, StoreError> {
    let rows = Batch::write(db, scope).add(&REPLAY, &[&endpoint.uuid(), &at(since), &at(until), &at(now)]).rows().await?;
    rows.first().map(|row| Ok((row.cell("enabled")?, row.cell("replayed")?))).transpose()
}

/// What a test is to send.
pub struct Tried {
    /// The endpoint.
    pub target: Target,
    /// The event's payload.
    pub data: Value,
}

/// Owes an endpoint an event that goes to it alone. Until it is settled, it counts as given up.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_test(
    db: &Db,
    scope: &TenantScope,
    endpoint: WebhookId,
    event: EventId,
    delivery: DeliveryId,
    now: Timestamp,
) -> Result<Option<Tried>, StoreError> {
    let rows = Batch::write(db, scope).add(&BEGIN_TEST, &[&endpoint.uuid(), &event.uuid(), &delivery.uuid(), &at(now)]).rows().await?;
    rows.first().map(|row| Ok(Tried { target: Target::read(row)?, data: row.cell("data")? })).transpose()
}

/// Writes down what came of a test.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn settle_test(db: &Db, scope: &TenantScope, settled: &Settled) -> Result<(), StoreError> {
    let Settled { id, outcome, error, status, head, latency_ms, attempted_at } = settled;
    Batch::write(db, scope)
        .add(&SETTLE_TEST, &[&id.uuid(), &outcome.key(), error, status, head, latency_ms, &at(*attempted_at)])
        .rows()
        .await
        .map(drop)
}
