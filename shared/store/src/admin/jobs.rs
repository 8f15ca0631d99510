//! Jobs of all tenants: what waits, what ran and how it ended, and running it again. Never what a job is about: only its kind.

use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    id::{OutboxId, TenantId},
    time::Timestamp,
};

use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

const ROW: &[Type] = &[
    Type::UUID,
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::JSONB,
];

// The columns of a page's rows, with the latest runs of each.
macro_rules! shown {
    () => {
        "SELECT p.id, p.tenant_id, p.kind, p.queue, p.state, p.attempts, p.last_error, p.created_at, p.finished_at, \
           CASE WHEN p.finished_at IS NULL THEN o.available_at END AS next_at, \
           (SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') FROM ( \
             SELECT a.attempt, a.outcome, a.error, a.duration_ms, a.finished_at FROM job_attempts a \
             WHERE a.tenant_id = p.tenant_id AND a.job_id = p.id ORDER BY a.attempt DESC, a.id DESC LIMIT 20) r) AS runs \
         FROM page p LEFT JOIN outbox o ON o.id = p.id ORDER BY "
    };
}

// What has run has a row in `jobs`; what has not waits in the outbox alone.
macro_rules! ran {
    () => {
        "SELECT j.id, j.tenant_id, j.kind, j.queue, j.status AS state, j.attempts, j.last_error, j.created_at, j.finished_at FROM jobs j WHERE "
    };
}
macro_rules! waits {
    () => {
        "SELECT w.id, w.tenant_id, w.kind, w.queue, 'waiting', 0, NULL, w.created_at, NULL FROM outbox w \
         WHERE w.settled_at IS NULL AND w.attempts = 0 AND "
    };
}

const LIST: Statement<PlatformScope> = Statement::new(
    "admin.jobs",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    ROW,
    concat!(
        "/* admin.jobs */ WITH page AS ((",
        ran!(),
        "($1 IS NULL OR j.kind = $1) AND ($2 IS NULL OR j.queue = $2) AND ($3 IS NULL OR j.status = $3) AND (j.created_at, j.id) < ($4, $5) \
           ORDER BY j.created_at DESC, j.id DESC LIMIT $6) UNION ALL (",
        waits!(),
        "($1 IS NULL OR w.kind = $1) AND ($2 IS NULL OR w.queue = $2) AND ($3 IS NULL OR $3 = 'waiting') AND (w.created_at, w.id) < ($4, $5) \
           ORDER BY w.created_at DESC, w.id DESC LIMIT $6) ORDER BY created_at DESC, id DESC LIMIT $6) ",
        shown!(),
        "p.created_at DESC, p.id DESC"
    ),
);

const DEAD: Statement<PlatformScope> = Statement::new(
    "admin.jobs.dead",
    &[Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    ROW,
    concat!(
        "/* admin.jobs.dead */ WITH page AS (SELECT d.id, d.tenant_id, d.kind, d.queue, 'dead' AS state, d.attempts, d.last_error, d.created_at, \
           d.settled_at AS finished_at FROM outbox d WHERE d.outcome = 'dead' AND ($1 IS NULL OR d.kind = $1) AND ($2 IS NULL OR d.queue = $2) \
             AND (d.settled_at, d.id) < ($3, $4) ORDER BY d.settled_at DESC, d.id DESC LIMIT $5) ",
        shown!(),
        "p.finished_at DESC, p.id DESC"
    ),
);

const READ: Statement<PlatformScope> = Statement::new(
    "admin.jobs.read",
    &[Type::UUID],
    ROW,
    concat!(
        "/* admin.jobs.read */ WITH page AS (",
        ran!(),
        "j.id = $1 UNION ALL ",
        waits!(),
        "w.id = $1 AND NOT EXISTS (SELECT FROM jobs k WHERE k.id = w.id)) ",
        shown!(),
        "p.id"
    ),
);

// Run again, a job has the whole patience of its policy before it; who asked for it is on record.
macro_rules! again {
    ($name:literal, $which:literal, $reason:literal) => {
        concat!(
            "/* ",
            $name,
            " */ WITH again AS (UPDATE outbox SET settled_at = NULL, outcome = NULL, tries = 0, claimed_until = NULL, \
               available_at = $2 + interval '30 seconds' WHERE id = $1 AND ",
            $which,
            " RETURNING id, tenant_id, kind, queue), \
             job AS (UPDATE jobs j SET status = 'retrying', finished_at = NULL, updated_at = $2 FROM again a WHERE j.id = a.id), \
             noted AS (INSERT INTO admin_actions (id, tenant_id, admin_user_id, reason, details, request_id, created_at) \
               SELECT make_uuid_v7($2), tenant_id, app_user_id(), '",
            $reason,
            "', jsonb_build_object('job_id', id, 'kind', kind), app_request_id(), $2 FROM again) \
             SELECT id, tenant_id, kind, queue FROM again"
        )
    };
}

const QUEUED: &[Type] = &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT];

const RETRY: Statement<PlatformScope> = Statement::new(
    "admin.jobs.retry",
    &[Type::UUID, Type::TIMESTAMPTZ],
    QUEUED,
    again!("admin.jobs.retry", "(outcome = 'dead' OR settled_at IS NULL AND (claimed_until IS NULL OR claimed_until <= $2))", "job retried"),
);

const REQUEUE: Statement<PlatformScope> = Statement::new(
    "admin.jobs.requeue",
    &[Type::UUID, Type::TIMESTAMPTZ],
    QUEUED,
    again!("admin.jobs.requeue", "outcome = 'dead'", "dead job requeued"),
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), DEAD.described(), READ.described(), RETRY.described(), REQUEUE.described()];

/// A position in a list: an instant and the id of the last row shown.
pub type Position = (Timestamp, Uuid);

/// Which jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Of a kind.
    pub kind: Option<&'a str>,
    /// On a queue.
    pub queue: Option<&'a str>,
    /// In a state; a list of dead ones has but one.
    pub state: Option<&'a str>,
}

/// A run of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Run {
    /// Its number.
    pub attempt: i32,
    /// `done`, `retry`, `dead`.
    pub outcome: String,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// Milliseconds that it took.
    pub duration_ms: i32,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Identifier.
    pub id: OutboxId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Name of the job.
    pub kind: String,
    /// The queue.
    pub queue: String,
    /// `waiting`, `running`, `retrying`, `done`, `dead`.
    pub state: String,
    /// Runs so far.
    pub attempts: i32,
    /// Why the latest run that failed did.
    pub last_error: Option<String>,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// When the sweep takes it up, if nobody does before.
    pub next_at: Option<Timestamp>,
    /// The latest twenty runs, the last first.
    pub runs: Vec<Run>,
}

impl JobRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let runs: Value = row.cell("runs")?;
        Ok(Self {
            id: row.id("id")?,
            tenant_id: row.id("tenant_id")?,
            kind: row.cell("kind")?,
            queue: row.cell("queue")?,
            state: row.cell("state")?,
            attempts: row.cell("attempts")?,
            last_error: row.cell("last_error")?,
            created_at: row.time("created_at")?,
            finished_at: row.maybe_time("finished_at")?,
            next_at: row.maybe_time("next_at")?,
            runs: serde_json::from_value(runs).map_err(|error| StoreError::Bug(format!("runs of a job: {error}")))?,
        })
    }
}

/// A page of all jobs, the latest owed first, after a position.
///
/// # Errors
/// `Unavailable`, `Denied`.
pub async fn list(db: &Db, scope: &PlatformScope, filter: Filter<'_>, after: Position, limit: i64) -> Result<Vec<JobRow>, StoreError> {
    let Filter { kind, queue, state } = filter;
    let rows = Batch::read(db, scope).add(&LIST, &[&kind, &queue, &state, &at(after.0), &after.1, &limit]).rows().await?;
    rows.iter().map(JobRow::read).collect()
}

/// A page of dead jobs, the latest to die first, after a position.
///
/// # Errors
/// `Unavailable`, `Denied`.
pub async fn dead(db: &Db, scope: &PlatformScope, filter: Filter<'_>, after: Position, limit: i64) -> Result<Vec<JobRow>, StoreError> {
    let rows = Batch::read(db, scope).add(&DEAD, &[&filter.kind, &filter.queue, &at(after.0), &after.1, &limit]).rows().await?;
    rows.iter().map(JobRow::read).collect()
}

/// What became of the wish to run a job again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// It goes onto its queue.
    Owed(Queued, JobRow),
    /// It is done, just running, or a run by the clock.
    Not(JobRow),
    /// There is no such job.
    Unknown,
}

/// Runs a job again that waits, failed, or is dead.
///
/// # Errors
/// `Unavailable`, `Retry`, `Denied`.
pub async fn retry(db: &Db, scope: &PlatformScope, id: OutboxId, now: Timestamp) -> Result<Again, StoreError> {
    again(db, scope, &RETRY, id, now).await
}

/// Runs a dead job again.
///
/// # Errors
/// `Unavailable`, `Retry`, `Denied`.
pub async fn requeue(db: &Db, scope: &PlatformScope, id: OutboxId, now: Timestamp) -> Result<Again, StoreError> {
    again(db, scope, &REQUEUE, id, now).await
}

async fn again(db: &Db, scope: &PlatformScope, which: &Statement<PlatformScope>, id: OutboxId, now: Timestamp) -> Result<Again, StoreError> {
    let id = id.uuid();
    let mut answers = Batch::write(db, scope).add(which, &[&id, &at(now)]).add(&READ, &[&id]).run().await?;
    let queued = answers.take().first().map(Queued::read).transpose()?;
    let job = answers.take().first().map(JobRow::read).transpose()?;
    Ok(match (queued, job) {
        (Some(queued), Some(job)) => Again::Owed(queued, job),
        (_, Some(job)) => Again::Not(job),
        (_, None) => Again::Unknown,
    })
}
