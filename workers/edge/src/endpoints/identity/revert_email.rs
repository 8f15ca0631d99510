//! `POST /auth/revert-email`: the link to the old address, for whoever did not change it.

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        one_time::Purpose,
        session::{EndReason, Filter},
    },
};
use zygo_runtime::random;
use zygo_store::identity::{self, Taking};

use super::one_time;
use crate::{cookies, ctx::Ctx, json_input, outbox, reply::Reply, revocation};

/// The token of a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The token.
    token: String,
}

json_input!(Input);

/// Gives the account its old address back and ends every session. Its password is gone, since a stranger may know it; a mail
/// that sets a new one follows.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`; `EMAIL_TAKEN` if another account has proved the address meanwhile.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<()>, Problem> {
    redeem(&ctx, &input.token).await?;
    Ok(cookies::clear(Reply::no_content()))
}

/// Redeems the token, once.
///
/// # Errors
/// As [`handle`].
pub async fn redeem(ctx: &Ctx, token: &str) -> Result<(), Problem> {
    let token = one_time::parse(token, Purpose::RevertEmail)?;
    let db = ctx.db().await?;
    let scope = ctx.lookup();
    let taking = identity::revert_email_change(&db, &scope, &token, random::id(ctx.now), random::id(ctx.now), ctx.now);
    match one_time::good(ctx.store(taking).await?)? {
        Taking::Done((ended, queued)) => {
            outbox::enqueue(ctx, Some(queued));
            revocation::follow(ctx, &ended, Filter::All, EndReason::AddressReverted).await;
            Ok(())
        }
        Taking::Taken => Err(Problem::new(Code::EmailTaken)),
    }
}
