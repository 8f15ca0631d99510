//! Signing in by way of somebody else: links to the providers, the page that finds an organisation's own, and the one that a browser comes
//! back to from either.

use askama::Template;
use zygo_core::{
    error::{Code, Problem},
    identity::{email::Email, social::Provider},
};
use zygo_store::identity;

use super::{
    form::Form,
    frame::{self, Frame},
    redirect, second_factor, sign_in,
};
use crate::{ctx::Ctx, endpoints::identity::sign_in::Challenge, reply::Answer};

/// Where a browser comes back to, with `then` where it wanted to go.
const ARRIVED: &str = "/sign-in/arrived";

/// A provider to sign in with.
pub struct Way {
    /// What it is called.
    pub name: &'static str,
    /// Where it begins.
    pub href: String,
}

/// A path of the API, from which the browser comes back to `then`.
fn through(path: &str, then: &str) -> String {
    let arrived = match then {
        "" => ARRIVED.to_owned(),
        then => format!("{ARRIVED}?{}", form_urlencoded::Serializer::new(String::new()).append_pair("then", then).finish()),
    };
    redirect::with_way_back(path, &arrived)
}

/// The providers that we are a client of.
#[must_use]
pub fn ways(ctx: &Ctx, then: &str) -> Vec<Way> {
    let known = |provider: &Provider| ctx.app.config.oauth_clients.get(provider.key()).is_some();
    let way = |provider: Provider| Way { name: provider.name(), href: through(&format!("/auth/oauth/{}", provider.key()), then) };
    Provider::ALL.into_iter().filter(known).map(way).collect()
}

/// Where a flow's destination is the page that browsers come back to, the challenge becomes the pages' own: `None` for any other.
#[must_use]
pub fn challenged(ctx: &Ctx, challenge: &Challenge, destination: &str) -> Option<Answer> {
    let query = destination.strip_prefix(ARRIVED)?;
    let mut parts = form_urlencoded::parse(query.strip_prefix('?').unwrap_or_default().as_bytes());
    let then = parts.find(|(name, _)| name == "then").map(|(_, then)| then.into_owned());
    Some(second_factor::ask(ctx, challenge, then.as_deref()))
}

/// Goes on to where the browser wanted to go, or says why nobody is signed in.
///
/// # Errors
/// `INTERNAL`.
pub async fn arrived(ctx: Ctx) -> Result<Answer, Problem> {
    let then = ctx.query("then");
    let code = ctx.query("error").map(|code| Code::ALL.iter().copied().find(|known| known.as_str() == code).unwrap_or(Code::InvalidCredentials));
    let Some(code) = code else { return Ok(Answer::see_other(redirect::target(ctx.app, then.as_deref()))) };
    let problem = Problem::new(code).details(serde_json::json!({ "provider": "refused" }));
    sign_in::show(&ctx, "", then.as_deref().unwrap_or_default(), Some(&problem)).await
}

#[derive(Template)]
#[template(path = "pages/organisation_sign_in.html")]
struct Page<'a> {
    frame: Frame,
    email: &'a str,
    redirect_to: &'a str,
}

/// Asks for the address whose organisation is wanted.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    let redirect_to = ctx.query("redirect_to").unwrap_or_default();
    frame::show(&Page { frame: Frame::new(&ctx), email: "", redirect_to: &redirect_to })
}

/// Leads to the organisation's provider.
///
/// # Errors
/// `VALIDATION_FAILED` for what is no address, or has no organisation's provider; `RATE_LIMITED`.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    ctx.admit(None).await?;
    let email = Email::parse(form.text("email")).map_err(|invalid| Problem::field("email", invalid.code, invalid.message))?;
    let db = ctx.db().await?;
    let found = ctx.store(identity::discover_connection(&db, &ctx.lookup(), email.domain())).await?;
    let found = found.ok_or_else(|| Problem::field("email", "no_sign_on", "no organisation signs its people on by this domain"))?;
    Ok(Answer::see_other(through(&format!("/auth/sso/{}/{}", found.kind, found.id), form.text("redirect_to"))))
}

/// Asks again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    frame::show(&Page { frame: Frame::new(&ctx).with(Some(&problem)), email: form.text("email"), redirect_to: form.text("redirect_to") })
}
