//! `POST /auth/confirm-email`: the link to a new address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::one_time::Purpose,
};
use zygo_runtime::random;
use zygo_store::identity::{self, Taking, UserRow};

use super::{one_time, views::UserView};
use crate::{ctx::Ctx, json_input, outbox, reply::Reply};

/// The token of a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The token.
    token: String,
}

json_input!(Input);

/// The person whose address it is now.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The person.
    user: UserView,
}

/// Makes the new address the account's; the old one gets a mail, and may take it back for seven days.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`; `EMAIL_TAKEN` if another account has proved the address meanwhile.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let user = redeem(&ctx, &input.token).await?;
    Ok(Reply::ok(Output { user: (&user).into() }))
}

/// Redeems the token, once.
///
/// # Errors
/// As [`handle`].
pub async fn redeem(ctx: &Ctx, token: &str) -> Result<UserRow, Problem> {
    let token = one_time::parse(token, Purpose::ConfirmEmail)?;
    let db = ctx.db().await?;
    let scope = ctx.lookup();
    let taking = identity::confirm_email_change(&db, &scope, &token, random::id(ctx.now), random::id(ctx.now), ctx.now);
    match one_time::good(ctx.store(taking).await?)? {
        Taking::Done((user, queued)) => {
            outbox::enqueue(ctx, Some(queued));
            Ok(user)
        }
        Taking::Taken => Err(Problem::new(Code::EmailTaken)),
    }
}
