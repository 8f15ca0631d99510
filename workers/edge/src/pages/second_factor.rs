//! `/sign-in/second-factor` and `/account/confirm`: a second factor, to sign in, and again before something grave.
//!
//! Between the password and the code the browser holds the challenge's token in a cookie of its own.

use askama::Template;
use serde_json::Value;
use zygo_core::{
    error::{Code, Problem},
    identity::mfa::Factor,
};

use super::{
    form::Form,
    frame::{self, Frame},
    passkeys::Ceremony,
    redirect, session,
    texts::Texts,
};
use crate::{
    cookies,
    ctx::Ctx,
    endpoints::identity::{
        mfa::{challenge, step_up},
        sign_in::Challenge,
    },
    pipeline::head::Head,
    reply::Answer,
};

const COOKIE: &str = "__Host-zygo_challenge";
const CHALLENGE: &str = "/sign-in/second-factor";
const STEP_UP: &str = "/account/confirm";
/// What can be typed, in the order that it is offered in.
const TYPED: [Factor; 4] = [Factor::Totp, Factor::Sms, Factor::Email, Factor::BackupCode];
/// What to offer where nobody says what there is. A code by mail is of a single challenge, which says so.
const USUAL: [Factor; 3] = [Factor::Totp, Factor::Sms, Factor::BackupCode];

/// The token of the challenge that this browser was given.
#[must_use]
pub fn token(head: &Head) -> Option<&str> {
    head.cookie(COOKIE)
}

/// The cookie of a challenge.
fn kept(challenge: &Challenge) -> String {
    cookies::kept(COOKIE, challenge.token(), u32::try_from(challenge.expires_in()).unwrap_or_default())
}

/// The cookie of a challenge that is over.
#[must_use]
pub fn spent() -> String {
    cookies::kept(COOKIE, "", 0)
}

/// Leads to where a challenge is answered, and from there to the wanted page.
#[must_use]
pub fn ask(ctx: &Ctx, challenge: &Challenge, wanted: Option<&str>) -> Answer {
    ctx.cookies.borrow_mut().push(kept(challenge));
    Answer::see_other(href(challenge, &redirect::target(ctx.app, wanted)))
}

fn href(challenge: &Challenge, back: &str) -> String {
    let factors: Vec<&str> = challenge.factors().iter().map(|factor| factor.key()).collect();
    let query: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("with", &factors.join(" ")).append_pair("redirect_to", back).finish();
    format!("{CHALLENGE}?{query}")
}

#[derive(Template)]
#[template(path = "pages/second_factor.html")]
struct Page<'a> {
    frame: Frame,
    action: &'static str,
    factor: Factor,
    others: Vec<Other>,
    with: String,
    redirect_to: &'a str,
    /// Whether this can be answered at all; a challenge that is over cannot.
    open: bool,
    /// What a passkey is asked with, where there is one.
    passkey: Option<Ceremony>,
    /// Whether a code can be typed.
    codes: bool,
    /// Whether one is to be sent first.
    unsent: bool,
}

impl Page<'_> {
    /// What to do for a code.
    const fn lead(&self) -> &'static str {
        let t = self.frame.t;
        match self.factor {
            Factor::Sms if self.unsent => t.code_sms_ask,
            Factor::Sms => t.code_sms_lead,
            Factor::Email => t.code_email_lead,
            Factor::BackupCode => t.code_backup_lead,
            Factor::Totp | Factor::Passkey => t.code_totp_lead,
        }
    }
}

/// Another factor to answer with.
struct Other {
    name: &'static str,
    href: String,
}

/// What a page shows: from the address at first, from the form after a wrong answer.
struct Shown<'a> {
    factor: &'a str,
    with: &'a str,
    redirect_to: &'a str,
    /// Whether a code is on its way already.
    sent: bool,
}

impl<'a> Shown<'a> {
    fn of(form: &'a Form) -> Self {
        Self { factor: form.text("factor"), with: form.text("with"), redirect_to: form.text("redirect_to"), sent: true }
    }

    /// What can be typed here.
    fn offered(&self, ctx: &Ctx) -> Vec<Factor> {
        let listed = |factor: &Factor| self.with.split_ascii_whitespace().any(|key| key == factor.key());
        let known: Vec<Factor> = TYPED.into_iter().filter(listed).collect();
        if self.with.is_empty() { USUAL.into_iter().filter(|factor| *factor != Factor::Sms || ctx.app.config.sms.is_some()).collect() } else { known }
    }
}

async fn show(ctx: &Ctx, action: &'static str, shown: &Shown<'_>, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let frame = Frame::new(ctx).with(problem);
    // The list only says what to offer; what counts stands in the account.
    let offered = shown.offered(ctx);
    let factor = offered.iter().copied().find(|factor| factor.key() == shown.factor).or_else(|| offered.first().copied());
    let others = offered.iter().filter(|other| Some(**other) != factor);
    let others = others.map(|other| Other { name: name(frame.t, *other), href: link(action, *other, shown) }).collect();
    let open = problem.is_none_or(|problem| !is_over(problem.code())) && (action != CHALLENGE || token(&ctx.head).is_some());
    let passkey = if open { passkey(ctx, action, shown.with).await } else { None };
    let codes = passkey.is_none() || factor.is_some();
    let factor = factor.unwrap_or(Factor::Totp);
    let unsent = factor == Factor::Sms && !shown.sent;
    let page = Page { frame, action, factor, others, with: shown.with.to_owned(), redirect_to: shown.redirect_to, open, passkey, codes, unsent };
    frame::show_scripted(&page)
}

/// What a passkey is asked with, where it may be one; that there is none keeps nobody from typing a code.
async fn passkey(ctx: &Ctx, action: &str, with: &str) -> Option<Ceremony> {
    let asked = match (action, token(&ctx.head)) {
        (STEP_UP, _) => Ceremony::step_up(ctx).await,
        (_, Some(token)) if with.split_ascii_whitespace().any(|key| key == Factor::Passkey.key()) => Ceremony::answer(ctx, token).await,
        _ => return None,
    };
    asked.ok().flatten()
}

/// What a challenge's token that is none, or no longer, means here: one begins anew.
#[must_use]
pub fn over(problem: Problem) -> Problem {
    match problem.code() {
        Code::TokenInvalid | Code::TokenExpired | Code::TokenConsumed => Problem::new(Code::Unauthenticated),
        _ => problem,
    }
}

/// From the address of a passkey's form to the page that it stands on.
///
/// # Errors
/// None of its own.
pub async fn back(_: Ctx) -> Result<Answer, Problem> {
    Ok(Answer::see_other(CHALLENGE))
}

/// The same, of a step-up.
///
/// # Errors
/// None of its own.
pub async fn back_step_up(_: Ctx) -> Result<Answer, Problem> {
    Ok(Answer::see_other(STEP_UP))
}

/// The page that takes the code which was sent.
fn on_its_way(action: &str, form: &Form) -> Answer {
    Answer::see_other(format!("{}&sent=yes", link(action, Factor::Sms, &Shown::of(form))))
}

fn link(action: &str, factor: Factor, shown: &Shown<'_>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("factor", factor.key()).append_pair("with", shown.with).append_pair("redirect_to", shown.redirect_to);
    format!("{action}?{}", query.finish())
}

/// What a factor is called.
#[must_use]
pub const fn name(t: &Texts, factor: Factor) -> &'static str {
    match factor {
        Factor::Totp => t.factor_totp,
        Factor::Sms => t.factor_sms,
        Factor::Passkey => t.factor_passkey,
        Factor::BackupCode => t.factor_backup,
        Factor::Email => t.factor_email,
    }
}

const fn is_over(code: Code) -> bool {
    matches!(code, Code::Unauthenticated | Code::AccountLocked)
}

async fn asked(ctx: Ctx, action: &'static str) -> Result<Answer, Problem> {
    let part = |name| ctx.query(name).unwrap_or_default();
    let (factor, with, redirect_to) = (part("factor"), part("with"), part("redirect_to"));
    let sent = ctx.query("sent").is_some();
    show(&ctx, action, &Shown { factor: &factor, with: &with, redirect_to: &redirect_to, sent }, None).await
}

async fn answered(ctx: &Ctx, action: &'static str, form: &Form, problem: &Problem) -> Result<Answer, Problem> {
    let shown = Shown { sent: form.get("sent").is_some(), ..Shown::of(form) };
    show(ctx, action, &shown, Some(problem)).await
}

/// Asks for the second factor of a sign-in.
///
/// # Errors
/// `INTERNAL`.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    asked(ctx, CHALLENGE).await
}

/// Answers the challenge.
///
/// # Errors
/// Those of `POST /auth/mfa/challenge`; a challenge that is over is `UNAUTHENTICATED`, for here one begins anew.
pub async fn submit(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let token = token(&ctx.head).ok_or(Problem::new(Code::Unauthenticated))?;
    let others = [("challenge_token", Value::from(token)), ("trust_device", Value::from(form.get("trust_device").is_some()))];
    let input = form.input_with(&ctx, &["factor", "code"], others).await?;
    let signed_in = challenge::handle(ctx.clone(), input).await.map_err(over)?.map(|output| match output {
        challenge::Output::SignedIn(signed_in) => Some(signed_in),
        challenge::Output::Sent(_) => None,
    });
    match signed_in.transpose() {
        Some(signed_in) => session::proceed(&ctx, signed_in, form.get("redirect_to")),
        None => Ok(on_its_way(CHALLENGE, &form)),
    }
}

/// Asks again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    answered(&ctx, CHALLENGE, &form, &problem).await
}

/// Asks for a second factor again.
///
/// # Errors
/// `INTERNAL`.
pub async fn get_step_up(ctx: Ctx) -> Result<Answer, Problem> {
    asked(ctx, STEP_UP).await
}

/// Takes it, and goes back to where it was wanted.
///
/// # Errors
/// Those of `POST /auth/mfa/step-up`.
pub async fn submit_step_up(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["factor", "code"]).await?;
    match step_up::handle(ctx.clone(), input).await?.into_body().ok_or(Problem::internal("a step-up without a body"))? {
        step_up::Output::Fresh(fresh) => {
            ctx.cookies.borrow_mut().push(session::access_cookie(fresh.access_token()));
            Ok(Answer::see_other(redirect::target(ctx.app, form.get("redirect_to"))))
        }
        step_up::Output::Sent(_) => Ok(on_its_way(STEP_UP, &form)),
    }
}

/// Asks again.
///
/// # Errors
/// `INTERNAL`.
pub async fn again_step_up(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    answered(&ctx, STEP_UP, &form, &problem).await
}
