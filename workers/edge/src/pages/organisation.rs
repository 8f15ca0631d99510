//! `/organisations/new`

use askama::Template;
use zygo_core::error::{Code, FieldError, Problem};

use super::{
    form::Form,
    frame::{self, Frame},
    notice::Notice,
    redirect,
};
use crate::{ctx::Ctx, endpoints::tenancy::create, reply::Answer};

#[derive(Template)]
#[template(path = "pages/organisation.html")]
struct Page<'a> {
    frame: Frame,
    form: &'a Form,
}

/// Shows the form.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    frame::show(&Page { frame: Frame::new(&ctx), form: &Form::default() })
}

/// Creates the organisation.
///
/// # Errors
/// Those of `POST /tenants`; a taken slug stands at its field.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["name", "slug"]).await?;
    create::handle(ctx, input).await.map_err(|problem| match problem.code() {
        Code::SlugTaken => {
            let field = FieldError::new("slug", "taken", "another organisation has it");
            Problem::new(Code::SlugTaken).details(serde_json::json!({ "fields": [field] }))
        }
        _ => problem,
    })?;
    Ok(Answer::see_other(Notice::OrganisationCreated.at(redirect::HOME)))
}

/// Shows the form again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    frame::show(&Page { frame: Frame::new(&ctx).with(Some(&problem)), form: &form })
}
