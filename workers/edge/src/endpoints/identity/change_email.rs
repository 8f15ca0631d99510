//! `POST /users/me/change-email`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{email::Email, password::Password},
};
use zygo_runtime::random;
use zygo_store::identity::{self, NewEmailChange};

use super::{proof, views::Accepted};
use crate::{ctx::Ctx, json_input, outbox, passwords::Turn, reply::Reply};

/// The address that is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Mail address.
    email: Email,
    /// The account's password, if it has one.
    #[serde(default)]
    password: Option<Password>,
}

json_input!(Input, account = email);

/// Mails a link to the new address; nothing changes before it is used. Whether the address has an account shows nowhere.
///
/// # Errors
/// `INVALID_CREDENTIALS` without the account's password, `VALIDATION_FAILED` for the address that it has, `RATE_LIMITED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Accepted>, Problem> {
    let caller = ctx.caller()?;
    let turn = Turn::take(ctx.app).await?;
    let db = ctx.db().await?;
    let own = ctx.store(identity::own_secret(&db, &ctx.lookup(), caller.user_id)).await?.ok_or(Problem::new(Code::Unauthenticated))?;
    if own.password_hash.is_some() {
        let given = input.password.as_ref().ok_or(Problem::field("password", "required", "is required"))?;
        proof::password(&ctx, &db, &turn, &own, given).await?;
    }
    if input.email.as_str() == own.user.email {
        return Err(Problem::field("email", "unchanged", "is the address already"));
    }
    let change = NewEmailChange {
        id: random::id(ctx.now),
        user_id: caller.user_id,
        email: input.email.as_str(),
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    };
    let queued = ctx.store(identity::request_email_change(&db, &ctx.lookup(), &change)).await?;
    outbox::enqueue(&ctx, Some(queued));
    Ok(Accepted::reply())
}
