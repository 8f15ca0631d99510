//! `/sign-in`

use askama::Template;
use zygo_core::error::{Code, Problem};

use super::{
    form::Form,
    frame::{self, Frame},
    redirect, security, session,
};
use crate::{cookies, ctx::Ctx, endpoints::identity::login, reply::Answer};

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct Page<'a> {
    frame: Frame,
    email: &'a str,
    redirect_to: &'a str,
    unverified: bool,
    /// Where somebody whose organisation wants a second factor of them sets one up.
    set_up_at: Option<String>,
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
    frame::show(&Page { frame: Frame::new(&ctx), email: "", redirect_to: wanted.as_deref().unwrap_or_default(), unverified: false, set_up_at: None })
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
    frame::show(&Page {
        frame: Frame::new(&ctx).with(Some(&problem)),
        email: form.text("email"),
        redirect_to: form.text("redirect_to"),
        unverified: problem.code() == Code::EmailNotVerified,
        set_up_at: (problem.code() == Code::MfaRequired).then(|| redirect::public(&ctx.app.config, security::PATH)),
    })
}
