//! `/sign-in`

use askama::Template;
use zygo_core::error::{Code, Problem};

use super::{
    federated::{self, Way},
    form::Form,
    frame::{self, Frame},
    passkeys::Ceremony,
    redirect, security, session,
};
use crate::{cookies, ctx::Ctx, endpoints::identity::login, reply::Answer};

const SIGN_ON: &str = "/sign-in/organisation";

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct Page<'a> {
    frame: Frame,
    email: &'a str,
    redirect_to: &'a str,
    unverified: bool,
    /// Where somebody whose organisation wants a second factor of them sets one up.
    set_up_at: Option<String>,
    /// What a passkey is asked with, where the host has any.
    passkey: Option<Ceremony>,
    /// Providers to sign in with.
    ways: Vec<Way>,
    /// Where an organisation's own sign-on is found.
    sign_on: String,
}

/// Shows the form, with what went wrong.
///
/// # Errors
/// `INTERNAL`.
pub async fn show(ctx: &Ctx, email: &str, redirect_to: &str, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let code = problem.map(Problem::code);
    frame::show_scripted(&Page {
        frame: Frame::new(ctx).with(problem),
        email,
        redirect_to,
        unverified: code == Some(Code::EmailNotVerified),
        set_up_at: (code == Some(Code::MfaRequired)).then(|| redirect::public(&ctx.app.config, security::PATH)),
        passkey: Ceremony::sign_in(ctx).await?,
        ways: federated::ways(ctx, redirect_to),
        sign_on: if redirect_to.is_empty() { SIGN_ON.to_owned() } else { redirect::with_way_back(SIGN_ON, redirect_to) },
    })
}

/// Shows the form; whoever still has a session in this browser goes on at once.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    let wanted = ctx.query("redirect_to");
    if cookies::present(&ctx.head) {
        return Ok(Answer::see_other(redirect::target(ctx.app, wanted.as_deref())));
    }
    show(&ctx, "", wanted.as_deref().unwrap_or_default(), None).await
}

/// Signs in with a password.
///
/// # Errors
/// Those of `POST /auth/login`.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["email", "password"]).await?;
    let signed_in = login::handle(ctx.clone(), input).await?;
    session::proceed(&ctx, signed_in, form.get("redirect_to"))
}

/// Shows the form again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, form.text("email"), form.text("redirect_to"), Some(&problem)).await
}
