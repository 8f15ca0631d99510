//! `POST /auth/reset-password`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::Problem,
    identity::{
        email::Email,
        one_time::Purpose,
        password::Password,
        session::{EndReason, Filter},
    },
};
use zygo_runtime::random;
use zygo_store::identity::{self, PasswordChange};

use super::one_time;
use crate::{
    cookies,
    ctx::Ctx,
    json_input, outbox,
    passwords::{Turn, judge},
    reply::Reply,
    revocation,
};

/// The token of a mail, and the password that is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The token.
    token: String,
    /// Password: 12 to 128 characters, hard to guess.
    password: Password,
}

json_input!(Input);

/// Sets the password and ends every session of the person, in every tenant.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`; `PASSWORD_TOO_WEAK`, `PASSWORD_BREACHED`, which leave the token good.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<()>, Problem> {
    reset(&ctx, &input.token, &input.password).await?;
    Ok(cookies::clear(Reply::no_content()))
}

/// Redeems the token, once. The first round trip tells what the password must not be, and keeps whoever has no good token
/// from having anything hashed.
///
/// # Errors
/// As [`handle`].
pub async fn reset(ctx: &Ctx, token: &str, password: &Password) -> Result<(), Problem> {
    let token = one_time::parse(token, Purpose::ResetPassword)?;
    let turn = Turn::take(ctx.app).await?;
    let db = ctx.db().await?;
    let of = one_time::good(ctx.store(identity::peek_reset(&db, &ctx.lookup(), &token, ctx.now)).await?)?;
    let names: Vec<&str> = of.names.iter().map(String::as_str).collect();
    judge(ctx, "password", password, of.min_length, Email::parse(&of.email).ok().as_ref(), &names).await?;
    let hash = turn.hash(password.reveal())?;
    let change = PasswordChange { event_id: random::id(ctx.now), outbox_id: random::id(ctx.now), now: ctx.now };
    let ended = one_time::good(ctx.store(identity::reset_password(&db, &ctx.lookup(), &token, &hash, &change)).await?)?;
    outbox::enqueue(ctx, Some(change.queued()));
    revocation::follow(ctx, &ended, Filter::All, EndReason::PasswordChanged).await;
    Ok(())
}
