//! `GET /users/me/mail`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{error::Problem, mail::standing::Trouble, time::Timestamp};
use zygo_store::events;

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// How mail to somebody fares.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It arrives, as far as anybody says.
    Good,
    /// It came back: only what proves the address is sent, until that is done.
    Bounced,
    /// It was reported as unwanted: only what security wants is sent.
    Complained,
}

/// Whether mail reaches somebody.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// How it fares.
    state: State,
    /// Since when, where it does not fare well.
    since: Option<Timestamp>,
    /// How that ends, where it does not fare well.
    hint: Option<&'static str>,
}

/// Answers whether mail reaches the caller.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let db = ctx.db().await?;
    let found = ctx.store(events::own_mail(&db, &ctx.lookup())).await?;
    let hint = found.map(|_| "POST /auth/verify-email/resend sends a mail that proves the address again");
    let state = match found {
        None => State::Good,
        Some((Trouble::Bounced, _)) => State::Bounced,
        Some((Trouble::Complained, _)) => State::Complained,
    };
    Ok(Reply::ok(Output { state, since: found.map(|(_, since)| since), hint }))
}
