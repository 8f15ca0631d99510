//! Passkeys on pages: the one thing that needs a script, since only a script can ask an authenticator.
//!
//! A page carries what the browser is told, and the ceremony to come back, in its form; the script asks the authenticator,
//! puts the answer into the form and sends it. It fetches nothing, so the pages' policy lets it connect nowhere.

use askama::Template;
use serde_json::Value;
use zygo_core::{
    error::{Code, Problem},
    http::json,
    id::PasskeyId,
};

use super::{
    forgery,
    form::Form,
    frame::{self, Frame},
    notice::Notice,
    redirect, second_factor, security, session,
};
use crate::{
    ctx::Ctx,
    endpoints::identity::passkeys::{
        Started, login_finish, login_start, register_finish, register_start, remove as remove_one, step_up_finish, step_up_start,
    },
    reply::{Answer, Reply},
    route::{Input as _, NoBody},
};

/// A ceremony, as a form carries it.
pub struct Ceremony {
    /// What comes back with the answer.
    pub sealed: String,
    /// What the browser is told, as JSON.
    pub options: String,
}

impl Ceremony {
    fn of<O: serde::Serialize>(started: Reply<Started<O>>) -> Result<Self, Problem> {
        let started = started.into_body().ok_or(Problem::internal("a ceremony without a body"))?;
        let options = serde_json::to_string(started.options()).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(Self { sealed: started.ceremony().to_owned(), options })
    }

    /// To sign in with; none at a host that has no passkeys.
    ///
    /// # Errors
    /// Those of `POST /auth/passkeys/login/start`.
    pub async fn sign_in(ctx: &Ctx) -> Result<Option<Self>, Problem> {
        Self::wanted(login_start::handle(ctx.clone(), login_start::Input::decode(&[])?).await)
    }

    /// To answer a challenge with; none for somebody who has no passkey for this host.
    ///
    /// # Errors
    /// Those of `POST /auth/passkeys/login/start`.
    pub async fn answer(ctx: &Ctx, token: &str) -> Result<Option<Self>, Problem> {
        let input = json::decode_value(serde_json::json!({ "challenge_token": token }))?;
        Self::wanted(login_start::handle(ctx.clone(), input).await)
    }

    /// To step up with; likewise.
    ///
    /// # Errors
    /// Those of `POST /auth/passkeys/step-up/start`.
    pub async fn step_up(ctx: &Ctx) -> Result<Option<Self>, Problem> {
        Self::wanted(step_up_start::handle(ctx.clone(), NoBody).await)
    }

    fn wanted<O: serde::Serialize>(started: Result<Reply<Started<O>>, Problem>) -> Result<Option<Self>, Problem> {
        match started {
            Ok(started) => Self::of(started).map(Some),
            Err(problem) if problem.code() == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// The authenticator's answer, which the script wrote into the form as JSON.
fn credential(form: &Form) -> Result<Value, Problem> {
    json::decode(form.text("credential").as_bytes()).map_err(|_| Problem::field("credential", "credential", "not an answer to this ceremony"))
}

/// What a ceremony that is over, or a passkey that opens nothing, means on a page.
fn told(problem: Problem) -> Problem {
    match problem.code() {
        Code::TokenInvalid | Code::TokenExpired | Code::TokenConsumed => forgery::problem(),
        Code::InvalidCredentials => problem.details(serde_json::json!({ "passkey": "unknown" })),
        _ => problem,
    }
}

/// From the address of the form to the page that it stands on.
///
/// # Errors
/// None of its own.
pub async fn back(_: Ctx) -> Result<Answer, Problem> {
    Ok(Answer::see_other("/sign-in"))
}

/// Signs in.
///
/// # Errors
/// Those of `POST /auth/passkeys/login/finish`.
pub async fn sign_in(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input_with(&ctx, &["ceremony"], [("credential", credential(&form)?)]).await?;
    let signed_in = login_finish::handle(ctx.clone(), input).await.map_err(told)?;
    session::proceed(&ctx, signed_in, form.get("redirect_to"))
}

/// Answers the challenge of a sign-in.
///
/// # Errors
/// Those of `POST /auth/passkeys/login/finish`; a challenge that is over is `UNAUTHENTICATED`.
pub async fn answer(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let token = second_factor::token(&ctx.head).ok_or(Problem::new(Code::Unauthenticated))?;
    let others = [
        ("challenge_token", Value::from(token)),
        ("credential", credential(&form)?),
        ("trust_device", Value::from(form.get("trust_device").is_some())),
    ];
    let input = form.input_with(&ctx, &["ceremony"], others).await?;
    let signed_in = login_finish::handle(ctx.clone(), input).await.map_err(second_factor::over)?;
    session::proceed(&ctx, signed_in, form.get("redirect_to"))
}

/// Steps up.
///
/// # Errors
/// Those of `POST /auth/passkeys/step-up/finish`.
pub async fn step_up(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input_with(&ctx, &["ceremony"], [("credential", credential(&form)?)]).await?;
    let output = step_up_finish::handle(ctx.clone(), input).await.map_err(told)?.into_body().ok_or(Problem::internal("a step-up without a body"))?;
    ctx.cookies.borrow_mut().push(session::access_cookie(output.access_token()));
    Ok(Answer::see_other(redirect::target(ctx.app, form.get("redirect_to"))))
}

#[derive(Template)]
#[template(path = "pages/passkey.html")]
struct Page<'a> {
    frame: Frame,
    ceremony: Ceremony,
    given: &'a str,
}

async fn show(ctx: &Ctx, given: &str, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let ceremony = Ceremony::of(register_start::handle(ctx.clone(), NoBody).await?)?;
    frame::show_scripted(&Page { frame: Frame::new(ctx).with(problem), ceremony, given })
}

/// Shows the form that adds a passkey.
///
/// # Errors
/// Those of `POST /auth/passkeys/register/start`.
pub async fn get_new(ctx: Ctx) -> Result<Answer, Problem> {
    show(&ctx, "", None).await
}

/// Adds it.
///
/// # Errors
/// Those of `POST /auth/passkeys/register/finish`.
pub async fn submit_new(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input_with(&ctx, &["ceremony", "name"], [("credential", credential(&form)?)]).await?;
    register_finish::handle(ctx, input).await.map_err(told)?;
    Ok(Answer::see_other(Notice::PasskeyAdded.at(security::PATH)))
}

/// Shows the form again, with another ceremony.
///
/// # Errors
/// Those of `POST /auth/passkeys/register/start`.
pub async fn again_new(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, form.text("name"), Some(&problem)).await
}

/// Removes a passkey.
///
/// # Errors
/// Those of `DELETE /auth/passkeys/{id}`.
pub async fn remove(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let id: PasskeyId = form.get("id").and_then(|id| id.parse().ok()).ok_or(Problem::new(Code::NotFound))?;
    remove_one::remove(&ctx, id).await?;
    Ok(Answer::see_other(Notice::PasskeyRemoved.at(security::PATH)))
}
