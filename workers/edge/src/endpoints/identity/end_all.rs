//! `POST /auth/sessions/end-all`: the link of every security notice.

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::Problem,
    identity::{
        one_time::Purpose,
        session::{EndReason, Filter},
    },
};
use zygo_store::identity;

use super::one_time;
use crate::{cookies, ctx::Ctx, json_input, reply::Reply, revocation};

/// The token of a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The token.
    token: String,
}

json_input!(Input);

/// Ends every session of whom the mail went to, in every tenant.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<()>, Problem> {
    redeem(&ctx, &input.token).await?;
    Ok(cookies::clear(Reply::no_content()))
}

/// Redeems the token, once.
///
/// # Errors
/// As [`handle`].
pub async fn redeem(ctx: &Ctx, token: &str) -> Result<(), Problem> {
    let token = one_time::parse(token, Purpose::EndSessions)?;
    let db = ctx.db().await?;
    let ended = one_time::good(ctx.store(identity::end_sessions_by_token(&db, &ctx.lookup(), &token.hash(), ctx.now)).await?)?;
    revocation::follow(ctx, &ended, Filter::All, EndReason::EndedByLink).await;
    Ok(())
}
