//! Deletes a file that nothing refers to any more.
//!
//! Twice is harmless: what is gone stays gone, and no file is ever written under a key that another had.

use zygo_core::error::Problem;

use crate::run::{Failure, Work};

/// Deletes a file.
///
/// # Errors
/// `Retry` while R2 is away.
pub async fn run(work: &Work<'_>, key: &str) -> Result<(), Failure> {
    let away = |error: worker::Error| Failure::Retry(Problem::unavailable(format!("files: {error}")));
    work.env.bucket("FILES").map_err(away)?.delete(key).await.map_err(away)
}
