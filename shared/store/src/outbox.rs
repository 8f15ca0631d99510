//! The outbox: work owed to the world, until it is settled.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use zygo_core::{
    events::job::Queue,
    id::{OutboxId, TenantId},
    time::Timestamp,
};

use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const BEGIN: Statement<PlatformScope> = Statement::new(
    "outbox.begin",
    &[Type::UUID, Type::TIMESTAMPTZ, Type::BOOL],
    &[Type::UUID, Type::UUID, Type::TEXT, Type::JSONB, Type::INT4, Type::INT4],
    "/* outbox.begin */ WITH claimed AS ( \
       UPDATE outbox SET attempts = attempts + 1, tries = tries + 1, claimed_until = $2 + interval '2 minutes', available_at = $2 + interval '2 minutes' \
       WHERE id = $1 AND settled_at IS NULL AND (claimed_until IS NULL OR claimed_until <= $2) \
         AND ($3 OR attempts = 0 OR available_at <= $2) \
       RETURNING id, tenant_id, kind, queue, payload, attempts, tries, created_at), \
     job AS ( \
       INSERT INTO jobs (id, tenant_id, kind, queue, status, attempts, created_at, updated_at) \
       SELECT id, tenant_id, kind, queue, 'running', attempts, created_at, $2 FROM claimed \
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, attempts = excluded.attempts, updated_at = excluded.updated_at) \
     SELECT id, tenant_id, kind, payload, attempts, tries FROM claimed",
);

const SETTLE: Statement<PlatformScope> = Statement::new(
    "outbox.settle",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::INT4, Type::TIMESTAMPTZ],
    &[],
    "/* outbox.settle */ WITH settled AS ( \
       UPDATE outbox SET last_error = $3, claimed_until = NULL, available_at = coalesce($4, available_at), \
         settled_at = CASE WHEN $2 <> 'retry' THEN $6 END, outcome = nullif($2, 'retry') \
       WHERE id = $1 AND settled_at IS NULL RETURNING id, tenant_id, kind, queue, attempts, created_at), \
     job AS ( \
       INSERT INTO jobs (id, tenant_id, kind, queue, status, attempts, last_error, created_at, updated_at, finished_at) \
       SELECT id, tenant_id, kind, queue, CASE WHEN $2 = 'retry' THEN 'retrying' ELSE $2 END, attempts, $3, created_at, $6, \
         CASE WHEN $2 <> 'retry' THEN $6 END FROM settled \
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, last_error = excluded.last_error, updated_at = excluded.updated_at, \
         finished_at = excluded.finished_at) \
     INSERT INTO job_attempts (id, tenant_id, job_id, attempt, outcome, error, duration_ms, finished_at) \
     SELECT make_uuid_v7($6), tenant_id, id, attempts, $2, $3, $5, $6 FROM settled",
);

const DUE: Statement<PlatformScope> = Statement::new(
    "outbox.due",
    &[Type::TIMESTAMPTZ, Type::INT8],
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT],
    "/* outbox.due */ WITH due AS MATERIALIZED ( \
       SELECT id FROM outbox WHERE settled_at IS NULL AND available_at <= $1 ORDER BY available_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
     UPDATE outbox o SET available_at = $1 + interval '2 minutes' FROM due WHERE o.id = due.id \
     RETURNING o.id, o.tenant_id, o.kind, o.queue",
);

const COUNTS: Statement<PlatformScope> = Statement::new(
    "outbox.counts",
    &[],
    &[Type::INT8, Type::INT8, Type::INT8],
    "/* outbox.counts */ SELECT count(*) FILTER (WHERE outcome IS NULL AND attempts = 0) AS fresh, \
     count(*) FILTER (WHERE outcome IS NULL AND attempts > 0) AS begun, count(*) FILTER (WHERE outcome = 'dead') AS dead \
     FROM outbox WHERE settled_at IS NULL OR outcome = 'dead'",
);

/// A run by the clock is on record like a job of one attempt; it owes nothing, so no outbox row stands behind it.
const RECORD_RUN: Statement<PlatformScope> = Statement::new(
    "outbox.record_run",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::INT4, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[],
    "/* outbox.record_run */ WITH run AS ( \
       INSERT INTO jobs (id, tenant_id, kind, queue, status, attempts, last_error, created_at, updated_at, finished_at) \
       VALUES ($1, '00000000-0000-0000-0000-000000000000', $2, 'jobs', CASE WHEN $3 IS NULL THEN 'done' ELSE 'dead' END, 1, $3, $5, $6, $6) \
       RETURNING id, tenant_id, status) \
     INSERT INTO job_attempts (id, tenant_id, job_id, attempt, outcome, error, duration_ms, finished_at) \
     SELECT make_uuid_v7($6), tenant_id, id, 1, status, $3, $4, $6 FROM run",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[BEGIN.described(), SETTLE.described(), DUE.described(), COUNTS.described(), RECORD_RUN.described()];

/// A row to put on its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The row.
    pub id: OutboxId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Name of the job.
    pub kind: String,
    /// The queue.
    pub queue: Queue,
}

impl Queued {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let name: &str = row.cell("queue")?;
        let queue = Queue::parse(name).ok_or_else(|| StoreError::Bug(format!("no queue {name}")))?;
        Ok(Self { id: row.id("id")?, tenant_id: row.id("tenant_id")?, kind: row.cell("kind")?, queue })
    }
}

/// A row that this run holds, for two minutes.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The row.
    pub id: OutboxId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Name of the job.
    pub kind: String,
    /// The job, for `Job::decode`.
    pub payload: Value,
    /// Runs so far, this one included.
    pub attempts: i32,
    /// Runs since it was owed or last asked for again, this one included; its policy counts these.
    pub tries: i32,
}

/// Claims a row. `None` if it is settled, or another run holds it; the sweep looks again when that one's two minutes are over.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin(db: &Db, scope: &PlatformScope, id: OutboxId, now: Timestamp) -> Result<Option<Begun>, StoreError> {
    claim(db, scope, id, true, now).await
}

/// The same, but a row that failed is let rest for as long as it is to.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_if_due(db: &Db, scope: &PlatformScope, id: OutboxId, now: Timestamp) -> Result<Option<Begun>, StoreError> {
    claim(db, scope, id, false, now).await
}

async fn claim(db: &Db, scope: &PlatformScope, id: OutboxId, early: bool, now: Timestamp) -> Result<Option<Begun>, StoreError> {
    let rows = Batch::write(db, scope).add(&BEGIN, &[&id.uuid(), &at(now), &early]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Begun {
        id: row.id("id")?,
        tenant_id: row.id("tenant_id")?,
        kind: row.cell("kind")?,
        payload: row.cell("payload")?,
        attempts: row.cell("attempts")?,
        tries: row.cell("tries")?,
    }))
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done.
    Done,
    /// It may work later.
    Retry {
        /// When the sweep takes it up again.
        at: Timestamp,
        /// Why it did not work.
        error: String,
    },
    /// There is nothing to do any more; it counts as done.
    Moot {
        /// Why.
        reason: &'static str,
    },
    /// It will not work any more.
    Dead {
        /// Why.
        error: String,
    },
}

impl Outcome {
    /// The outcome's name, as `job_attempts` keeps it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done | Self::Moot { .. } => "done",
            Self::Retry { .. } => "retry",
            Self::Dead { .. } => "dead",
        }
    }

    const fn error(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Moot { reason } => Some(reason),
            Self::Retry { error, .. } | Self::Dead { error } => Some(error.as_str()),
        }
    }
}

/// Ends a run and records it in `jobs` and `job_attempts`. A settled row stays as it is.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn settle(db: &Db, scope: &PlatformScope, id: OutboxId, outcome: &Outcome, duration_ms: i32, now: Timestamp) -> Result<(), StoreError> {
    let later = match outcome {
        Outcome::Retry { at: time, .. } => Some(at(*time)),
        Outcome::Done | Outcome::Moot { .. } | Outcome::Dead { .. } => None,
    };
    Batch::write(db, scope).add(&SETTLE, &[&id.uuid(), &outcome.name(), &outcome.error(), &later, &duration_ms, &at(now)]).rows().await.map(drop)
}

/// Puts a run by the clock on record in `jobs` and `job_attempts`; `error` says why it failed.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn record_run(
    db: &Db,
    scope: &PlatformScope,
    id: OutboxId,
    kind: &str,
    error: Option<&str>,
    began: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let duration_ms = i32::try_from(now.since(began)).unwrap_or(i32::MAX);
    Batch::write(db, scope).add(&RECORD_RUN, &[&id.uuid(), &kind, &error, &duration_ms, &at(began), &at(now)]).rows().await.map(drop)
}

/// Takes rows that are due, and leases them for two minutes. Sweeps may overlap: a row held by one is passed over by the other.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn due(db: &Db, scope: &PlatformScope, limit: i64, now: Timestamp) -> Result<Vec<Queued>, StoreError> {
    let rows = Batch::write(db, scope).add(&DUE, &[&at(now), &limit]).rows().await?;
    rows.iter().map(Queued::read).collect()
}

/// Unsettled and dead rows by state: `fresh` (never run), `begun`, `dead`.
///
/// # Errors
/// `Unavailable`.
pub async fn counts(db: &Db, scope: &PlatformScope) -> Result<Vec<(String, i64)>, StoreError> {
    let row = only(Batch::read(db, scope).add(&COUNTS, &[]).rows().await?, "outbox.counts")?;
    ["fresh", "begun", "dead"].into_iter().map(|state| Ok((state.to_owned(), row.cell(state)?))).collect()
}
