//! `POST /auth/forgot-password`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{error::Problem, identity::email::Email};
use zygo_runtime::random;
use zygo_store::identity::{self, AccountMail};

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

/// Mails a link that sets a new password where an account has the address; says nothing of it.
///
/// # Errors
/// `VALIDATION_FAILED`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Accepted>, Problem> {
    request(&ctx, AccountMail::ResetPassword, &input.email).await?;
    Ok(Accepted::reply())
}

/// Owes a mail that opens an account, if the address has one.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn request(ctx: &Ctx, mail: AccountMail, email: &Email) -> Result<(), Problem> {
    let db = ctx.db().await?;
    let queued = ctx.store(identity::request_account_mail(&db, &ctx.lookup(), mail, email.as_str(), random::id(ctx.now), ctx.now)).await?;
    outbox::enqueue(ctx, queued);
    Ok(())
}
