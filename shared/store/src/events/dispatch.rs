//! Deliveries, as whoever makes them sees them. An endpoint's deliveries are made by one object at a time, which takes turns: it settles
//! what it has sent and claims what is due next, in one round trip.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    id::{DeliveryId, EventId, TenantId, WebhookId},
    time::Timestamp,
};

use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const CLAIMED: &[Type] = &[Type::UUID, Type::UUID, Type::TEXT, Type::JSONB, Type::TIMESTAMPTZ, Type::INT4, Type::INT8];

macro_rules! claim {
    ($comment:literal, $due:literal) => {
        concat!(
            "/* ",
            $comment,
            " */ WITH ",
            $due,
            " UPDATE webhook_deliveries d SET next_attempt_at = $2 + interval '2 minutes' FROM due JOIN events e ON e.id = due.event_id \
             WHERE d.id = due.id \
             RETURNING d.id, d.event_id, e.type, e.data, e.occurred_at, d.tries, d.seq"
        )
    };
}

/// What is due of an endpoint that wants no order. The lease is the time of the next attempt: whoever dies with it is followed then.
const CLAIM: Statement<PlatformScope> = Statement::new(
    "events.turn.claim",
    &[Type::UUID, Type::TIMESTAMPTZ, Type::INT8],
    CLAIMED,
    claim!(
        "events.turn.claim",
        "due AS MATERIALIZED (SELECT d.id, d.event_id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id AND w.enabled AND NOT w.ordered \
           WHERE d.webhook_id = $1 AND d.status IN ('pending', 'failing') AND d.next_attempt_at <= $2 \
           ORDER BY d.next_attempt_at LIMIT $3 FOR UPDATE OF d SKIP LOCKED)"
    ),
);

/// What is due of an endpoint that wants order: from the first that is open, as far as one after the other is due.
const CLAIM_ORDERED: Statement<PlatformScope> = Statement::new(
    "events.turn.claim_ordered",
    &[Type::UUID, Type::TIMESTAMPTZ, Type::INT8],
    CLAIMED,
    claim!(
        "events.turn.claim_ordered",
        "first AS MATERIALIZED (SELECT d.id, d.event_id, d.seq, d.next_attempt_at FROM webhook_deliveries d \
           JOIN webhooks w ON w.id = d.webhook_id AND w.enabled AND w.ordered \
           WHERE d.webhook_id = $1 AND d.status IN ('pending', 'failing') ORDER BY d.seq LIMIT $3 FOR UPDATE OF d), \
         due AS (SELECT f.id, f.event_id FROM (SELECT id, event_id, bool_and(next_attempt_at <= $2) OVER (ORDER BY seq) AS open FROM first) f WHERE f.open)"
    ),
);

const TARGET: Statement<PlatformScope> = Statement::new(
    "events.turn.target",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::UUID, Type::TEXT, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::INT4, Type::BOOL, Type::TIMESTAMPTZ],
    "/* events.turn.target */ SELECT w.tenant_id, w.url, w.headers_sealed, w.secret_sealed, \
       CASE WHEN w.previous_secret_until > $2 THEN w.previous_secret_sealed END AS previous_sealed, w.rate_per_second, w.ordered, \
       CASE WHEN w.ordered THEN (SELECT d.next_attempt_at FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status IN ('pending', 'failing') \
           ORDER BY d.seq LIMIT 1) \
         ELSE (SELECT min(d.next_attempt_at) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status IN ('pending', 'failing')) END AS next_at \
     FROM webhooks w WHERE w.id = $1 AND w.enabled",
);

/// Taken before an endpoint's deliveries are touched, as whoever changes the endpoint does: neither waits for the other's second lock.
const LOCK: Statement<PlatformScope> = Statement::new(
    "events.turn.lock",
    &[Type::UUID],
    &[Type::UUID],
    "/* events.turn.lock */ SELECT id FROM webhooks WHERE id = $1 FOR NO KEY UPDATE",
);

/// All that a turn sent, in one statement. What was taken out of its hands meanwhile stays as it is.
const SETTLE: Statement<PlatformScope> = Statement::new(
    "events.turn.settle",
    &[
        Type::UUID,
        Type::UUID_ARRAY,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT2_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT4_ARRAY,
        Type::TIMESTAMPTZ_ARRAY,
        Type::TIMESTAMPTZ_ARRAY,
    ],
    &[Type::INT8],
    "/* events.turn.settle */ WITH result AS ( \
       SELECT * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9) r (id, outcome, error, response_status, head, latency_ms, attempted_at, next_at)), \
     settled AS ( \
       UPDATE webhook_deliveries d SET status = CASE WHEN r.outcome = 'postponed' THEN d.status ELSE r.outcome END, \
         attempts = d.attempts + CASE WHEN r.outcome = 'postponed' THEN 0 ELSE 1 END, \
         tries = d.tries + CASE WHEN r.outcome = 'postponed' THEN 0 ELSE 1 END, \
         next_attempt_at = r.next_at, response_status = r.response_status, latency_ms = r.latency_ms, last_error = r.error, \
         delivered_at = CASE WHEN r.outcome = 'delivered' THEN r.attempted_at END \
       FROM result r WHERE d.webhook_id = $1 AND d.id = r.id AND d.status IN ('pending', 'failing') \
       RETURNING d.id, d.tenant_id, d.attempts, r.outcome, r.error, r.response_status, r.head, r.latency_ms, r.attempted_at), \
     kept AS ( \
       INSERT INTO webhook_attempts (id, tenant_id, delivery_id, attempt, outcome, error, response_status, response_head, latency_ms, attempted_at) \
       SELECT make_uuid_v7(attempted_at), tenant_id, id, attempts, CASE WHEN outcome = 'delivered' THEN 'delivered' ELSE 'failed' END, error, \
         response_status, head, latency_ms, attempted_at FROM settled WHERE outcome <> 'postponed'), \
     health AS (SELECT bool_or(outcome = 'delivered') AS well, min(attempted_at) FILTER (WHERE outcome IN ('failing', 'dead')) AS ill FROM result), \
     endpoint AS ( \
       UPDATE webhooks w SET failing_since = CASE WHEN h.well THEN NULL ELSE h.ill END FROM health h \
       WHERE w.id = $1 AND (h.well AND w.failing_since IS NOT NULL OR NOT h.well AND h.ill IS NOT NULL AND w.failing_since IS NULL)) \
     SELECT count(*) AS settled FROM settled",
);

const DISABLE: Statement<PlatformScope> = Statement::new(
    "events.disable",
    &[Type::UUID_ARRAY, Type::TEXT, Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* events.disable */ SELECT disable_webhooks($1, $2, $3) AS disabled",
);

const DISABLE_FAILING: Statement<PlatformScope> = Statement::new(
    "events.disable_failing",
    &[Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* events.disable_failing */ SELECT disable_webhooks((SELECT array_agg(w.id) FROM webhooks w WHERE w.enabled AND w.failing_since <= $1), \
       'failing', $2) AS disabled",
);

/// Endpoints with deliveries that are overdue, whose objects must have missed the news. One step into the index for each endpoint, however
/// much is open at it.
const LAGGING: Statement<PlatformScope> = Statement::new(
    "events.lagging",
    &[Type::TIMESTAMPTZ, Type::INT8],
    &[Type::UUID],
    "/* events.lagging */ WITH RECURSIVE open AS ( \
       (SELECT d.webhook_id FROM webhook_deliveries d WHERE d.status IN ('pending', 'failing') ORDER BY d.webhook_id LIMIT 1) \
       UNION ALL \
       SELECT (SELECT d.webhook_id FROM webhook_deliveries d WHERE d.status IN ('pending', 'failing') AND d.webhook_id > o.webhook_id \
         ORDER BY d.webhook_id LIMIT 1) FROM open o WHERE o.webhook_id IS NOT NULL) \
     SELECT o.webhook_id FROM open o WHERE EXISTS (SELECT FROM webhook_deliveries d \
       WHERE d.webhook_id = o.webhook_id AND d.status IN ('pending', 'failing') AND d.next_attempt_at <= $1) LIMIT $2",
);

/// Some of what is older than 30 days: settled deliveries, with their attempts; and events, with what was never delivered of them.
const EXPIRE: Statement<PlatformScope> = Statement::new(
    "events.expire",
    &[Type::TIMESTAMPTZ, Type::INT8],
    &[Type::INT8],
    "/* events.expire */ WITH deliveries AS ( \
       DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_deliveries d \
         WHERE d.status IN ('delivered', 'dead') AND d.created_at < $1 ORDER BY d.created_at LIMIT $2) RETURNING 1), \
     gone AS (DELETE FROM events WHERE id IN (SELECT e.id FROM events e WHERE e.occurred_at < $1 ORDER BY e.occurred_at LIMIT $2) RETURNING 1) \
     SELECT greatest((SELECT count(*) FROM deliveries), (SELECT count(*) FROM gone)) AS removed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[
    CLAIM.described(),
    CLAIM_ORDERED.described(),
    TARGET.described(),
    LOCK.described(),
    SETTLE.described(),
    DISABLE.described(),
    DISABLE_FAILING.described(),
    LAGGING.described(),
    EXPIRE.described(),
];

/// An endpoint to deliver to.
pub struct Target {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Where deliveries go.
    pub url: String,
    /// Headers, sealed.
    pub headers_sealed: Option<Vec<u8>>,
    /// Secrets, sealed.
    pub secret_sealed: Vec<u8>,
    /// Those before, while they sign.
    pub previous_sealed: Option<Vec<u8>>,
    /// Most deliveries a second.
    pub rate_per_second: Option<i32>,
    /// Whether one goes after the other.
    pub ordered: bool,
    /// When the next delivery is due that was not claimed; `None` when there is none.
    pub next_at: Option<Timestamp>,
}

impl Target {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            tenant_id: row.id("tenant_id")?,
            url: row.cell("url")?,
            headers_sealed: row.cell("headers_sealed")?,
            secret_sealed: row.cell("secret_sealed")?,
            previous_sealed: row.cell("previous_sealed")?,
            rate_per_second: row.cell("rate_per_second")?,
            ordered: row.cell("ordered")?,
            next_at: row.maybe_time("next_at")?,
        })
    }
}

/// A delivery to make.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Identifier.
    pub id: DeliveryId,
    /// The event, whose identifier is the `webhook-id`.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its payload.
    pub data: Value,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Attempts so far, since it was last asked for.
    pub tries: i32,
    seq: i64,
}

impl Claimed {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            event_id: row.id("event_id")?,
            event_type: row.cell("type")?,
            data: row.cell("data")?,
            occurred_at: row.time("occurred_at")?,
            tries: row.cell("tries")?,
            seq: row.cell("seq")?,
        })
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It is tried again then.
    Failing(Timestamp),
    /// It is not tried again.
    Dead,
    /// Nothing was sent, for a reason of ours; it counts as no attempt.
    Postponed(Timestamp),
}

impl Outcome {
    /// The delivery's status then.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failing(_) => "failing",
            Self::Dead => "dead",
            Self::Postponed(_) => "postponed",
        }
    }

    const fn next_at(self) -> Option<Timestamp> {
        match self {
            Self::Failing(at) | Self::Postponed(at) => Some(at),
            Self::Delivered | Self::Dead => None,
        }
    }
}

/// An attempt that was made.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The delivery.
    pub id: DeliveryId,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// Status of the answer.
    pub status: Option<i16>,
    /// The answer's first bytes.
    pub head: Option<String>,
    /// Milliseconds that it took.
    pub latency_ms: i32,
    /// When it was made.
    pub attempted_at: Timestamp,
}

/// Settles what was sent, and claims up to `most` of what is due, for two minutes. `None` where the endpoint is gone or switched off.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn turn(
    db: &Db,
    scope: &PlatformScope,
    endpoint: WebhookId,
    settled: &[Settled],
    most: i64,
    now: Timestamp,
) -> Result<Option<(Target, Vec<Claimed>)>, StoreError> {
    let (id, now) = (endpoint.uuid(), at(now));
    let columns = Columns::of(settled);
    let settling: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
        &id,
        &columns.ids,
        &columns.outcomes,
        &columns.errors,
        &columns.statuses,
        &columns.heads,
        &columns.latencies,
        &columns.attempted_at,
        &columns.next_at,
    ];
    let mut batch = Batch::write(db, scope);
    if !settled.is_empty() {
        batch = batch.add(&LOCK, &[&id]).add(&SETTLE, &settling);
    }
    let claim: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&id, &now, &most];
    let mut answers = batch.add(&CLAIM, &claim).add(&CLAIM_ORDERED, &claim).add(&TARGET, &[&id, &now]).run().await?;
    if !settled.is_empty() {
        // Of the lock, and of what was settled.
        answers.take();
        answers.take();
    }
    let mut claimed = [answers.take(), answers.take()].iter().flatten().map(Claimed::read).collect::<Result<Vec<_>, _>>()?;
    claimed.sort_by_key(|claimed| claimed.seq);
    Ok(answers.take().first().map(Target::read).transpose()?.map(|target| (target, claimed)))
}

/// The attempts, as a statement takes them.
struct Columns {
    ids: Vec<Uuid>,
    outcomes: Vec<&'static str>,
    errors: Vec<Option<String>>,
    statuses: Vec<Option<i16>>,
    heads: Vec<Option<String>>,
    latencies: Vec<i32>,
    attempted_at: Vec<jiff::Timestamp>,
    next_at: Vec<Option<jiff::Timestamp>>,
}

impl Columns {
    fn of(settled: &[Settled]) -> Self {
        Self {
            ids: settled.iter().map(|one| one.id.uuid()).collect(),
            outcomes: settled.iter().map(|one| one.outcome.key()).collect(),
            errors: settled.iter().map(|one| one.error.clone()).collect(),
            statuses: settled.iter().map(|one| one.status).collect(),
            heads: settled.iter().map(|one| one.head.clone()).collect(),
            latencies: settled.iter().map(|one| one.latency_ms).collect(),
            attempted_at: settled.iter().map(|one| at(one.attempted_at)).collect(),
            next_at: settled.iter().map(|one| one.outcome.next_at().map(at)).collect(),
        }
    }
}

/// Switches an endpoint off, with its event and the mails to its administrators; one that is off stays as it is.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn disable(db: &Db, scope: &PlatformScope, endpoint: WebhookId, why: &'static str, now: Timestamp) -> Result<i64, StoreError> {
    let rows = Batch::write(db, scope).add(&DISABLE, &[&vec![endpoint.uuid()], &why, &at(now)]).rows().await?;
    only(rows, "events.disable")?.cell("disabled")
}

/// Switches off what has done nothing but fail since an instant. Answers how many.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn disable_failing(db: &Db, scope: &PlatformScope, since: Timestamp, now: Timestamp) -> Result<i64, StoreError> {
    let rows = Batch::write(db, scope).add(&DISABLE_FAILING, &[&at(since), &at(now)]).rows().await?;
    only(rows, "events.disable_failing")?.cell("disabled")
}

/// Endpoints with deliveries that were due before an instant.
///
/// # Errors
/// `Unavailable`.
pub async fn lagging(db: &Db, scope: &PlatformScope, before: Timestamp, most: i64) -> Result<Vec<WebhookId>, StoreError> {
    Batch::read(db, scope).add(&LAGGING, &[&at(before), &most]).rows().await?.iter().map(|row| row.id("webhook_id")).collect()
}

/// Removes up to `most` each of the deliveries and events from before an instant; answers of which kind it removed more, how many.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn expire(db: &Db, scope: &PlatformScope, before: Timestamp, most: i64) -> Result<i64, StoreError> {
    only(Batch::write(db, scope).add(&EXPIRE, &[&at(before), &most]).rows().await?, "events.expire")?.cell("removed")
}
