//! `/reset`, `/account/security/password` and `/account/security/email`: what one signs in with, changed.

use askama::Template;
use zygo_core::error::{Code, Problem};

use super::{
    form::Form,
    frame::{self, Frame},
    notice::Notice,
    security, session,
};
use crate::{
    ctx::Ctx,
    endpoints::identity::{change_email, change_password, reset_password},
    reply::Answer,
};

#[derive(Template)]
#[template(path = "pages/reset.html")]
struct Reset<'a> {
    frame: Frame,
    token: &'a str,
    spent: bool,
}

/// Shows the form that a mail leads to.
///
/// # Errors
/// `INTERNAL`.
pub async fn get_reset(ctx: Ctx) -> Result<Answer, Problem> {
    let token = ctx.query("token").unwrap_or_default();
    frame::show(&Reset { frame: Frame::new(&ctx), token: &token, spent: false })
}

/// Sets the password.
///
/// # Errors
/// Those of `POST /auth/reset-password`.
pub async fn submit_reset(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["token", "password"]).await?;
    reset_password::handle(ctx.clone(), input).await?;
    session::forget(&ctx);
    Ok(Answer::see_other(Notice::PasswordSet.at("/sign-in")))
}

/// Shows the form again, or what became of the token.
///
/// # Errors
/// `INTERNAL`.
pub async fn again_reset(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    let spent = matches!(problem.code(), Code::TokenInvalid | Code::TokenExpired | Code::TokenConsumed);
    frame::show(&Reset { frame: Frame::new(&ctx).with(Some(&problem)), token: form.text("token"), spent })
}

#[derive(Template)]
#[template(path = "pages/change_password.html")]
struct ChangePassword {
    frame: Frame,
}

/// Shows the form.
///
/// # Errors
/// `INTERNAL`.
pub async fn get_change(ctx: Ctx) -> Result<Answer, Problem> {
    frame::show(&ChangePassword { frame: Frame::new(&ctx) })
}

/// Changes the password.
///
/// # Errors
/// Those of `POST /users/me/change-password`.
pub async fn submit_change(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["current_password", "new_password"]).await?;
    change_password::handle(ctx, input).await?;
    Ok(Answer::see_other(Notice::PasswordChanged.at(security::PATH)))
}

/// Shows the form again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again_change(ctx: Ctx, _: Form, problem: Problem) -> Result<Answer, Problem> {
    frame::show(&ChangePassword { frame: Frame::new(&ctx).with(Some(&problem)) })
}

#[derive(Template)]
#[template(path = "pages/change_email.html")]
struct ChangeEmail<'a> {
    frame: Frame,
    email: &'a str,
}

/// Shows the form.
///
/// # Errors
/// `INTERNAL`.
pub async fn get_email(ctx: Ctx) -> Result<Answer, Problem> {
    frame::show(&ChangeEmail { frame: Frame::new(&ctx), email: "" })
}

/// Asks the new address.
///
/// # Errors
/// Those of `POST /users/me/change-email`.
pub async fn submit_email(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["email", "password"]).await?;
    change_email::handle(ctx, input).await?;
    Ok(Answer::see_other(Notice::AddressAsked.at(security::PATH)))
}

/// Shows the form again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again_email(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    frame::show(&ChangeEmail { frame: Frame::new(&ctx).with(Some(&problem)), email: form.text("email") })
}
