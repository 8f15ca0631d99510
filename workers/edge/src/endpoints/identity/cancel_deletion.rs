//! `POST /auth/cancel-deletion`: the link that keeps an account which was to be deleted.

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{error::Problem, identity::one_time::Purpose};
use zygo_runtime::random;
use zygo_store::identity;

use super::one_time;
use crate::{ctx::Ctx, json_input, reply::Reply};

/// The token of a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The token.
    token: String,
}

json_input!(Input);

/// Opens the account again; one signs in as before.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<()>, Problem> {
    redeem(&ctx, &input.token).await?;
    Ok(Reply::no_content())
}

/// Redeems the token, once.
///
/// # Errors
/// As [`handle`].
pub async fn redeem(ctx: &Ctx, token: &str) -> Result<(), Problem> {
    let token = one_time::parse(token, Purpose::CancelDeletion)?;
    let db = ctx.db().await?;
    one_time::good(ctx.store(identity::cancel_deletion(&db, &ctx.lookup(), &token, random::id(ctx.now), ctx.now)).await?)
}
