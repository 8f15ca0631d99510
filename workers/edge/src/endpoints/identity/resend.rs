//! `POST /auth/verify-email/resend`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{error::Problem, identity::email::Email};
use zygo_runtime::random;
use zygo_store::identity;

use super::views::Accepted;
use crate::{ctx::Ctx, json_input, outbox, reply::Reply};

/// An address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Mail address.
    email: Email,
}

json_input!(Input, account = email);

/// Sends the mail again where an unverified account has the address; says nothing of it.
///
/// # Errors
/// `VALIDATION_FAILED`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Accepted>, Problem> {
    let db = ctx.db().await?;
    let queued = ctx.store(identity::request_verification(&db, &ctx.lookup(), input.email.as_str(), random::id(ctx.now), ctx.now)).await?;
    outbox::enqueue(&ctx, queued);
    Ok(Accepted::reply())
}
