//! `/invitation`: what the mail of an invitation leads to. Whoever is signed in accepts with a button, whoever is not signs in
//! first or makes an account here; the link has proved the address.

use askama::Template;
use zygo_core::error::{Code, Problem};

use super::{
    form::Form,
    frame::{self, Frame},
    language,
    notice::Notice,
    redirect,
};
use crate::{
    ctx::Ctx,
    endpoints::access::invitations::{self, accept, preview},
    reply::Answer,
};

const PATH: &str = "/invitation";

#[derive(Template)]
#[template(path = "pages/invitation.html")]
struct Page<'a> {
    frame: Frame,
    form: &'a Form,
    token: &'a str,
    language: &'a str,
    /// Where one signs in, and comes back from.
    sign_in: String,
    /// What the link invites to, while it works.
    invitation: Option<preview::Output>,
}

/// What a token invites to; a problem of its own goes before the one that is given.
async fn show(ctx: &Ctx, form: &Form, token: &str, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let (invitation, own) = match look(ctx, token).await {
        Ok(invitation) => (invitation, None),
        Err(problem) if problem.code() == Code::DependencyUnavailable => return Err(problem),
        Err(problem) => (None, Some(problem)),
    };
    let status = own.as_ref().filter(|_| problem.is_none()).map(Problem::status);
    let back = form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
    let page = Page {
        frame: Frame::new(ctx).with(own.as_ref().or(problem)),
        form,
        token,
        language: language::of(ctx).tag(),
        sign_in: redirect::sign_in(ctx.app, &format!("{PATH}?{back}")),
        invitation,
    };
    let mut answer = frame::show(&page)?;
    answer.status = status.unwrap_or(answer.status);
    Ok(answer)
}

async fn look(ctx: &Ctx, token: &str) -> Result<Option<preview::Output>, Problem> {
    if token.is_empty() {
        return Ok(None);
    }
    preview::look(ctx, &invitations::token(token)?).await.map(Some)
}

/// Shows what one is invited to.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    let token = ctx.query("token").unwrap_or_default();
    show(&ctx, &Form::default(), &token, None).await
}

/// Accepts.
///
/// # Errors
/// Those of `POST /invitations/{token}/accept`.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let token = invitations::token(form.text("token"))?;
    if ctx.caller().is_ok() {
        accept::as_caller(&ctx, &token).await?;
        return Ok(Answer::see_other(Notice::Joined.at(redirect::HOME)));
    }
    let input = form.input(&ctx, &["password", "first_name", "last_name", "locale"]).await?;
    accept::as_newcomer(&ctx, &token, input).await?;
    Ok(Answer::see_other(Notice::JoinedNewly.at("/sign-in")))
}

/// Shows the page again.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, &form, form.text("token"), Some(&problem)).await
}
