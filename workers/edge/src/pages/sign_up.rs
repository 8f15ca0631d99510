//! `/sign-up`

use askama::Template;
use zygo_core::error::Problem;

use super::{
    ask::Ask,
    form::Form,
    frame::{self, Frame},
    language,
};
use crate::{ctx::Ctx, endpoints::identity::signup, reply::Answer};

#[derive(Template)]
#[template(path = "pages/sign_up.html")]
struct Page<'a> {
    frame: Frame,
    form: &'a Form,
    language: &'a str,
}

fn show(ctx: &Ctx, form: &Form, problem: Option<&Problem>) -> Result<Answer, Problem> {
    frame::show(&Page { frame: Frame::new(ctx).with(problem), form, language: language::of(ctx).tag() })
}

/// Shows the form.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    show(&ctx, &Form::default(), None)
}

/// Creates the account, and says the same for a taken address.
///
/// # Errors
/// Those of `POST /auth/signup`.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["email", "password", "first_name", "last_name", "locale"]).await?;
    signup::handle(ctx, input).await?;
    Ok(Answer::see_other(Ask::Verify.sent()))
}

/// Shows the form again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, &form, Some(&problem))
}
