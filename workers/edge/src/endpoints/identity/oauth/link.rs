//! `POST /auth/oauth/link`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{error::Problem, identity::social::Provider};

use super::relying::{Act, Relying};
use crate::{ctx::Ctx, flows, json_input, reply::Reply};

/// What to connect.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// At which provider.
    provider: Provider,
    /// Where the browser is sent in the end: a path, or a page at a known host.
    #[serde(default)]
    redirect_to: Option<String>,
}

json_input!(Input);

/// Where to go on.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Send the browser that got this answer's cookie there, within ten minutes.
    authorization_url: String,
}

/// Begins to connect an account elsewhere to the caller's.
///
/// # Errors
/// `NOT_FOUND` for a provider that is not configured, `VALIDATION_FAILED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let relying = Relying::at(&ctx, input.provider)?;
    let redirect_to = input.redirect_to.map(|text| flows::read_destination(&ctx, &text)).transpose()?;
    let act = Act::Link { user_id: caller.user_id, session_id: caller.session_id };
    let (authorization_url, kept) = relying.begin(&ctx, act, redirect_to).await?;
    Ok(Reply::ok(Output { authorization_url }).header("set-cookie", kept))
}
