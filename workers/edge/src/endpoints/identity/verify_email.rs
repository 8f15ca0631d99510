//! `POST /auth/verify-email`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{error::Problem, identity::one_time::Purpose};
use zygo_runtime::random;
use zygo_store::identity::{self, UserRow};

use super::{one_time, views::UserView};
use crate::{ctx::Ctx, json_input, reply::Reply};

/// The token of a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The token.
    token: String,
}

json_input!(Input);

/// The person whose address is verified now.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The person.
    user: UserView,
}

/// Redeems the token, once.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let user = redeem(&ctx, &input.token).await?;
    Ok(Reply::ok(Output { user: (&user).into() }))
}

/// Redeems the token, once.
///
/// # Errors
/// As [`handle`].
pub async fn redeem(ctx: &Ctx, token: &str) -> Result<UserRow, Problem> {
    let token = one_time::parse(token, Purpose::VerifyEmail)?;
    let db = ctx.db().await?;
    one_time::good(ctx.store(identity::verify_email(&db, &ctx.lookup(), &token.hash(), ctx.now, random::id(ctx.now))).await?)
}
