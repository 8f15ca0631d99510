//! Runs one job: claim the row, do the work, settle.

use serde_json::json;
use worker::Env;
use zygo_core::{
    error::Problem,
    events::{job::Job, retry::Policy, webhook::schedule},
    id::OutboxId,
    time::Timestamp,
};
use zygo_runtime::{
    Config, clock, log,
    postgres::{self, Role},
    random,
};
use zygo_store::{
    Db, PlatformScope,
    outbox::{self, Outcome},
};

use crate::{Row, consumers, producer};

/// Why a job is dead whose kind this program does not know, or no longer: an older payload stays decodable, so it is another program's.
const UNKNOWN: &str = "unknown kind of job";
/// Why a job is dead whose last run did not live to say how it ended.
const NEVER_ENDED: &str = "it never came to an end";
/// Waits that are shorter than this are the queue's, in seconds; the others are the sweep's, which a queue that gives up cannot end.
const SWEPT: u32 = 60;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing more to do.
    Settled,
    /// Look again later.
    Again {
        /// Seconds to wait.
        seconds: u32,
    },
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Its queue, which waited for as long as it was told to.
    Queue,
    /// Those that a queue gave up on, and did not wait with: what failed rests until the sweep takes it up.
    DeadLetters,
}

/// What a job works with.
pub struct Work<'a> {
    /// Bindings.
    pub env: &'a Env,
    /// Configuration.
    pub config: &'a Config,
    /// Connection of the platform's role.
    pub db: &'a Db,
    /// Scope of the platform's jobs.
    pub scope: &'a PlatformScope,
    /// The row of the job.
    pub outbox_id: OutboxId,
    /// The instant of the run.
    pub now: Timestamp,
}

/// Why a job did not succeed.
pub enum Failure {
    /// It may succeed later.
    Retry(Problem),
    /// It never will.
    Fail(&'static str),
    /// There is nothing to do any more, for a reason worth keeping.
    Moot(&'static str),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Retry(problem)
    }
}

/// Tries again, and not before somebody else's `Retry-After` is over.
#[must_use]
pub fn later(problem: Problem, retry_after: Option<&str>, now: Timestamp) -> Failure {
    let seconds = retry_after
        .and_then(|text| schedule::wish(text, now))
        .and_then(|wish| u32::try_from(wish.since(now).saturating_add(999).checked_div(1000)?).ok());
    Failure::Retry(match seconds {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    })
}

/// Runs the job of a message.
///
/// Twice is harmless: a settled row is not run again, and of two runs at the
/// same moment one finds the row claimed.
pub async fn run(env: &Env, config: &Config, message: &Row, source: Source, now: Timestamp) -> Next {
    match attempt(env, config, message, source, now).await {
        Ok(next) => next,
        Err(problem) => {
            log::line(
                log::Level::Warn,
                "job could not be settled",
                json!({ "outbox_id": message.outbox_id, "kind": message.kind, "cause": problem.log_cause() }),
            );
            Next::Again { seconds: 10 }
        }
    }
}

async fn attempt(env: &Env, config: &Config, message: &Row, source: Source, now: Timestamp) -> Result<Next, Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let request_id = format!("job-{}", message.outbox_id);
    let scope = PlatformScope::new("outbox job", &request_id);
    let store = |error| postgres_problem(error);
    let begun = match source {
        Source::Queue => postgres::bounded(outbox::begin(&db, &scope, message.outbox_id, now)).await?,
        Source::DeadLetters => postgres::bounded(outbox::begin_if_due(&db, &scope, message.outbox_id, now)).await?,
    };
    let Some(row) = begun.map_err(store)? else {
        return Ok(Next::Settled);
    };
    let work = Work { env, config, db: &db, scope: &scope, outbox_id: row.id, now };
    let tries = u32::try_from(row.tries).unwrap_or(u32::MAX);
    let (outcome, next) = match Job::decode(&row.kind, &row.payload) {
        None => dead(UNKNOWN),
        Some(job) if tries > job.policy().attempts => dead(NEVER_ENDED),
        Some(job) => judge(consumers::run(&work, &job).await, job.policy(), tries, now),
    };
    let millis = i32::try_from(clock::now().since(now)).unwrap_or(i32::MAX);
    log::line(
        log::Level::Info,
        "job",
        json!({ "outbox_id": row.id, "kind": row.kind, "attempt": row.attempts, "ms": millis, "outcome": outcome.name() }),
    );
    // What the job itself committed may be owed to somebody, however it ended.
    producer::announce(env, &db.take_owed()).await;
    postgres::bounded(outbox::settle(&db, &scope, row.id, &outcome, millis, now)).await?.map_err(store)?;
    Ok(next)
}

/// What an error of the store is to a job: all of it may be better next time.
#[must_use]
pub fn postgres_problem(error: zygo_store::StoreError) -> Problem {
    Problem::unavailable(error.cause().to_owned())
}

fn dead(reason: &str) -> (Outcome, Next) {
    (Outcome::Dead { error: reason.to_owned() }, Next::Settled)
}

fn judge(result: Result<(), Failure>, policy: Policy, tries: u32, now: Timestamp) -> (Outcome, Next) {
    let problem = match result {
        Ok(()) => return (Outcome::Done, Next::Settled),
        Err(Failure::Moot(reason)) => return (Outcome::Moot { reason }, Next::Settled),
        Err(Failure::Fail(reason)) => return dead(reason),
        Err(Failure::Retry(problem)) => problem,
    };
    let error = problem.log_cause().unwrap_or(problem.code().as_str()).to_owned();
    match policy.wait(tries, problem.retry_after_seconds(), u32::from_le_bytes(random::bytes())) {
        None => dead(&error),
        // A little after the queue's own retry, so that the sweep steps in only where that was lost.
        Some(seconds) if seconds < SWEPT => {
            (Outcome::Retry { at: now.plus_seconds(i64::from(seconds).saturating_add(30)), error }, Next::Again { seconds })
        }
        Some(seconds) => (Outcome::Retry { at: now.plus_seconds(i64::from(seconds)), error }, Next::Settled),
    }
}
