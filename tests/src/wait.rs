//! Waiting for what happens after an answer.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

/// Tries until it succeeds, for five seconds.
///
/// # Errors
/// The last failure.
pub async fn eventually<T>(attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    eventually_within(Duration::from_secs(5), attempt).await
}

/// Tries until it succeeds, for some time.
///
/// # Errors
/// The last failure.
pub async fn eventually_within<T>(limit: Duration, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    eventually_every(Duration::from_millis(50), limit, attempt).await
}

/// The same with a pause between attempts, for what takes long, or where each attempt costs or counts.
///
/// # Errors
/// The last attempt's.
pub async fn eventually_every<T>(pause: Duration, limit: Duration, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match attempt().await {
            Err(error) if Instant::now() >= deadline => return Err(error).with_context(|| format!("after {limit:?}")),
            Err(_) => sleep(pause).await,
            done => return done,
        }
    }
}
