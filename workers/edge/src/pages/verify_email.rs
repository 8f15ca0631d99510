//! `/verify-email`, `/verify-email/resend` and `/verify-email/sent`
//!
//! Mail scanners fetch every link of a mail, so a GET only shows a button; the button redeems.

use askama::Template;
use zygo_core::error::{Code, Problem};

use super::{
    form::Form,
    frame::{self, Frame},
    notice::Notice,
};
use crate::{
    ctx::Ctx,
    endpoints::identity::{resend, verify_email},
    reply::Answer,
};

#[derive(Template)]
#[template(path = "pages/verify_email.html")]
struct Verify<'a> {
    frame: Frame,
    token: &'a str,
    spent: bool,
}

/// Shows the button.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    let token = ctx.query("token").unwrap_or_default();
    frame::show(&Verify { frame: Frame::new(&ctx), token: &token, spent: false })
}

/// Redeems the token.
///
/// # Errors
/// Those of `POST /auth/verify-email`.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["token"]).await?;
    verify_email::handle(ctx, input).await?;
    Ok(Answer::see_other(Notice::Verified.at("/sign-in")))
}

/// Shows what became of the token.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    let spent = matches!(problem.code(), Code::TokenInvalid | Code::TokenExpired | Code::TokenConsumed);
    frame::show(&Verify { frame: Frame::new(&ctx).with(Some(&problem)), token: form.text("token"), spent })
}

#[derive(Template)]
#[template(path = "pages/resend.html")]
struct Resend<'a> {
    frame: Frame,
    email: &'a str,
}

/// Shows the form that asks for another mail.
///
/// # Errors
/// `INTERNAL`.
pub async fn get_resend(ctx: Ctx) -> Result<Answer, Problem> {
    frame::show(&Resend { frame: Frame::new(&ctx), email: "" })
}

/// Sends another mail where one is owed.
///
/// # Errors
/// Those of `POST /auth/verify-email/resend`.
pub async fn submit_resend(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["email"]).await?;
    resend::handle(ctx, input).await?;
    Ok(Answer::see_other("/verify-email/sent"))
}

/// Shows the form again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again_resend(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    frame::show(&Resend { frame: Frame::new(&ctx).with(Some(&problem)), email: form.text("email") })
}

#[derive(Template)]
#[template(path = "pages/sent.html")]
struct Sent {
    frame: Frame,
}

/// Says that a mail may be on its way; the same for every address.
///
/// # Errors
/// `INTERNAL`.
pub async fn sent(ctx: Ctx) -> Result<Answer, Problem> {
    frame::show(&Sent { frame: Frame::new(&ctx) })
}
