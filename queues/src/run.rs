//! Runs one job: claim the row, do the work, settle.

use serde_json::json;
use worker::Env;
use zygo_core::{error::Problem, events::job::Job, time::Timestamp};
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

/// Attempts before a job is dead.
pub const ATTEMPTS: i32 = 6;

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
    /// The instant of the run.
    pub now: Timestamp,
}

/// Why a job did not succeed.
pub enum Failure {
    /// It may succeed later.
    Retry(Problem),
    /// It never will.
    Fail(&'static str),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Retry(problem)
    }
}

/// Runs the job of a message.
///
/// Twice is harmless: a settled row is not run again, and of two runs at the
/// same moment one finds the row claimed.
pub async fn run(env: &Env, config: &Config, message: &Row, now: Timestamp) -> Next {
    match attempt(env, config, message, now).await {
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

async fn attempt(env: &Env, config: &Config, message: &Row, now: Timestamp) -> Result<Next, Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let request_id = format!("job-{}", message.outbox_id);
    let scope = PlatformScope::new("outbox job", &request_id);
    let store = |error| postgres_problem(error);
    let Some(row) = postgres::bounded(outbox::begin(&db, &scope, message.outbox_id, now)).await?.map_err(store)? else {
        return Ok(Next::Settled);
    };
    let work = Work { env, config, db: &db, scope: &scope, now };
    let result = match Job::decode(&row.kind, &row.payload) {
        Some(job) => consumers::run(&work, &job).await,
        None => Err(Failure::Fail("unknown kind of job")),
    };
    let (outcome, next) = judge(result, row.attempts, now);
    let millis = i32::try_from(clock::now().since(now)).unwrap_or(i32::MAX);
    log::line(
        log::Level::Info,
        "job",
        json!({ "outbox_id": row.id, "kind": row.kind, "attempt": row.attempts, "ms": millis, "outcome": outcome.name() }),
    );
    // What the job itself committed may be owed to somebody, however it ended.
    producer::deliver(env, &db.take_owed()).await;
    postgres::bounded(outbox::settle(&db, &scope, row.id, &outcome, millis, now)).await?.map_err(store)?;
    Ok(next)
}

/// What an error of the store is to a job: all of it may be better next time.
#[must_use]
pub fn postgres_problem(error: zygo_store::StoreError) -> Problem {
    Problem::unavailable(error.cause().to_owned())
}

fn judge(result: Result<(), Failure>, attempts: i32, now: Timestamp) -> (Outcome, Next) {
    match result {
        Ok(()) => (Outcome::Done, Next::Settled),
        Err(Failure::Fail(reason)) => (Outcome::Dead { error: reason.to_owned() }, Next::Settled),
        Err(Failure::Retry(problem)) => {
            let error = problem.log_cause().unwrap_or(problem.code().as_str()).to_owned();
            if attempts >= ATTEMPTS {
                return (Outcome::Dead { error }, Next::Settled);
            }
            let seconds = backoff(attempts, u32::from_le_bytes(random::bytes()));
            // A little after the queue's own retry, so that the sweep steps in only where that was lost.
            let at = now.plus_seconds(i64::from(seconds).saturating_add(30));
            (Outcome::Retry { at, error }, Next::Again { seconds })
        }
    }
}

/// Exponential backoff from 5 s to 10 min, each ±20 %.
fn backoff(attempts: i32, random: u32) -> u32 {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(7);
    let base = 5_u32.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(600);
    let spread = base.saturating_mul(2).checked_div(5).unwrap_or(0).max(1);
    base.saturating_sub(spread.checked_div(2).unwrap_or(0)).saturating_add(random.checked_rem(spread).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::backoff;

    #[test]
    fn waits_grow_and_stay_bounded() {
        for attempt in 1..20 {
            for random in [0, 1, 77, u32::MAX] {
                let wait = backoff(attempt, random);
                assert!((4..=720).contains(&wait), "{attempt} {wait}");
            }
        }
        assert!(backoff(6, 0) > backoff(1, 0));
    }
}
