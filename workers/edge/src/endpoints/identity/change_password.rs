//! `POST /users/me/change-password`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        email::Email,
        password::Password,
        session::{EndReason, Filter},
    },
};
use zygo_runtime::random;
use zygo_store::identity::{self, PasswordChange};

use super::proof;
use crate::{
    ctx::Ctx,
    json_input, outbox,
    passwords::{Turn, judge},
    reply::Reply,
    revocation,
};

/// The old password and the new one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The password that holds now.
    current_password: Password,
    /// The one that is to be: 12 to 128 characters, hard to guess.
    new_password: Password,
}

json_input!(Input);

/// Changes the password and ends the caller's other sessions.
///
/// # Errors
/// `INVALID_CREDENTIALS` for another password than the present one, and for an account without one, which sets its first by
/// mail; `PASSWORD_TOO_WEAK`, `PASSWORD_BREACHED`, `RATE_LIMITED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<()>, Problem> {
    let caller = ctx.caller()?;
    let turn = Turn::take(ctx.app).await?;
    let db = ctx.db().await?;
    let own = ctx.store(identity::own_secret(&db, &ctx.lookup(), caller.user_id)).await?.ok_or(Problem::new(Code::Unauthenticated))?;
    let old = proof::password(&ctx, &db, &turn, &own, &input.current_password).await?;
    let names: Vec<&str> = [&own.user.first_name, &own.user.last_name].into_iter().flatten().map(String::as_str).collect();
    let email = Email::parse(&own.user.email).ok();
    judge(&ctx, "new_password", &input.new_password, own.min_length, email.as_ref(), &names).await?;
    let new = turn.hash(input.new_password.reveal())?;
    let change = PasswordChange { event_id: random::id(ctx.now), outbox_id: random::id(ctx.now), now: ctx.now };
    let scope = ctx.lookup();
    let ended = identity::change_password(&db, &scope, caller.user_id, (old, &new), caller.session_id, &change);
    // Another change came first, so the password that was proved is not the present one any more.
    let ended = ctx.store(ended).await?.ok_or(Problem::new(Code::InvalidCredentials))?;
    outbox::enqueue(&ctx, Some(change.queued()));
    revocation::follow(&ctx, &ended, Filter::Others(caller.session_id), EndReason::PasswordChanged).await;
    Ok(Reply::no_content())
}
