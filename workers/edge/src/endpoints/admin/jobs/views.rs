//! A job as it is shown: its kind, never what it is about.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    id::{OutboxId, TenantId},
    time::Timestamp,
};
use zygo_store::admin::jobs::{JobRow, Run};

/// A job.
#[derive(Serialize, JsonSchema)]
pub struct JobView {
    /// Identifier.
    id: OutboxId,
    /// Whose; the platform's own are of the nil UUID.
    tenant_id: TenantId,
    /// Name of the job.
    kind: String,
    /// `jobs`, `mail`, `webhooks`.
    queue: String,
    /// `waiting`, `running`, `retrying`, `done`, `dead`.
    state: String,
    /// Runs so far.
    attempts: i32,
    /// Why the latest run that failed did.
    error: Option<String>,
    /// When it was owed.
    created_at: Timestamp,
    /// When it was over.
    finished_at: Option<Timestamp>,
    /// When it is taken up at the latest.
    next_at: Option<Timestamp>,
    /// The latest twenty runs, the last first.
    runs: Vec<RunView>,
}

/// A run.
#[derive(Serialize, JsonSchema)]
pub struct RunView {
    /// Its number.
    attempt: i32,
    /// `done`, `retry`, `dead`.
    outcome: String,
    /// Why it did not succeed.
    error: Option<String>,
    /// Milliseconds that it took.
    duration_ms: i32,
    /// When it ended.
    finished_at: Timestamp,
}

impl From<JobRow> for JobView {
    fn from(row: JobRow) -> Self {
        let JobRow { id, tenant_id, kind, queue, state, attempts, last_error, created_at, finished_at, next_at, runs } = row;
        let runs = runs.into_iter().map(RunView::from).collect();
        Self { id, tenant_id, kind, queue, state, attempts, error: last_error, created_at, finished_at, next_at, runs }
    }
}

impl From<Run> for RunView {
    fn from(Run { attempt, outcome, error, duration_ms, finished_at }: Run) -> Self {
        Self { attempt, outcome, error, duration_ms, finished_at }
    }
}
