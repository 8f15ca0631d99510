//! `POST /auth/verify-email`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::one_time::{OneTimeToken, Purpose},
};
use zygo_runtime::random;
use zygo_store::identity::{self, Verification};

use super::views::UserView;
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
    let token = OneTimeToken::parse(&input.token, Purpose::VerifyEmail).ok_or(Problem::new(Code::TokenInvalid))?;
    let db = ctx.db().await?;
    let outcome = ctx.store(identity::verify_email(&db, &ctx.lookup(), &token.hash(), ctx.now, random::id(ctx.now))).await?;
    match outcome {
        Verification::Verified(user) => Ok(Reply::ok(Output { user: (&user).into() })),
        Verification::Consumed => Err(Problem::new(Code::TokenConsumed)),
        Verification::Expired => Err(Problem::new(Code::TokenExpired)),
        Verification::Unknown => Err(Problem::new(Code::TokenInvalid)),
    }
}
