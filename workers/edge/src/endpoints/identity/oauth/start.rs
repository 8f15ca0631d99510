//! `GET /auth/oauth/{provider}`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{error::Problem, text::Locale};

use super::relying::{Act, Relying};
use crate::{ctx::Ctx, flows, reply::Answer};

/// What may be said of the sign-in.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Where the browser is sent with its session in cookies: a path, or a page at a known host. Without it the provider's
    /// answer is answered with the session itself.
    pub redirect_to: Option<String>,
    /// `true` puts the refresh token into a cookie also where the session is answered.
    pub cookie: Option<bool>,
    /// Language of the account, if one is made (BCP 47).
    pub locale: Option<String>,
}

/// Sends the browser to the provider.
///
/// # Errors
/// `NOT_FOUND` for a provider that is not configured, `VALIDATION_FAILED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    let relying = Relying::of_path(&ctx)?;
    let redirect_to = ctx.query("redirect_to").map(|text| flows::read_destination(&ctx, &text)).transpose()?;
    let cookie = match ctx.query("cookie").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::field("cookie", "boolean", "true or false")),
    };
    let locale = match ctx.query("locale") {
        Some(tag) => Some(Locale::parse(&tag).map_err(|invalid| Problem::field("locale", invalid.code, invalid.message))?),
        None => None,
    };
    let (url, kept) = relying.begin(&ctx, Act::SignIn { cookie, locale }, redirect_to).await?;
    let mut answer = Answer::see_other(url);
    answer.headers.push(("set-cookie", kept));
    Ok(answer)
}
