//! Passwords that a breach has shown are refused, where a range endpoint is configured.

use std::time::Duration;

use serde_json::json;
use zygo_core::{
    error::Problem,
    identity::password::{
        Password,
        breach::{self, Range},
    },
};
use zygo_runtime::{log, outbound::Outbound};

use crate::ctx::Ctx;

/// How long somebody who sets a password waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks whether a password is known; five hex digits of its SHA-1 are all that leaves the house. Who does not answer stands in
/// nobody's way: that is logged, and the password accepted.
///
/// # Errors
/// `PASSWORD_BREACHED`, for the field at `path`.
pub async fn check(ctx: &Ctx, path: &str, password: &Password) -> Result<(), Problem> {
    let Some(endpoint) = &ctx.app.config.breach_range_url else { return Ok(()) };
    let range = Range::of(password.reveal());
    let url = format!("{endpoint}/{}", range.prefix);
    // Padding hides from observers of the line how long the true answer is.
    let answer = Outbound::get(&url).header("accept", "text/plain").header("add-padding", "true").within(PATIENCE).send(&ctx.app.config).await;
    let cause = match answer {
        Ok(answer) if answer.is_success() => {
            let known = range.count_in(&String::from_utf8_lossy(&answer.body)) > 0;
            return if known { Err(breach::problem(path)) } else { Ok(()) };
        }
        Ok(answer) => format!("answered {}", answer.status),
        Err(problem) => problem.log_cause().unwrap_or_default().to_owned(),
    };
    log::line(log::Level::Warn, "breach check left out", json!({ "request_id": ctx.request_id, "cause": cause }));
    Ok(())
}
