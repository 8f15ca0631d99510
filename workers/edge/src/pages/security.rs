//! `/account/security`: how an account is kept, and the second factors that keep it.

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zygo_core::{
    error::{Code, Problem},
    id::PasskeyId,
    identity::mfa::{Factor, qr},
};
use zygo_store::identity::{self, PasskeyRow};

use super::{
    dates,
    form::Form,
    frame::{self, Frame},
    notice::Notice,
    second_factor,
};
use crate::{
    ctx::Ctx,
    endpoints::identity::mfa::{backup_codes, totp_remove, totp_setup, totp_verify},
    reply::Answer,
    route::NoBody,
};

/// Where it is.
pub const PATH: &str = "/account/security";
/// What the URL of an authenticator app's secret begins with.
const SCHEME: &str = "otpauth://totp/";
/// Longest such URL, in bytes: it must fit into a code that a camera can read.
const LONGEST: usize = 1024;

#[derive(Template)]
#[template(path = "pages/security.html")]
struct Page {
    frame: Frame,
    factors: Vec<&'static str>,
    app: bool,
    codes: bool,
    passkeys: Vec<Passkey>,
}

struct Passkey {
    id: PasskeyId,
    name: String,
    domain: String,
    since: String,
}

async fn show(ctx: &Ctx, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let me = ctx.store(identity::me(&db, &ctx.lookup(), caller.user_id)).await?.ok_or(Problem::new(Code::Unauthenticated))?;
    let passkeys = ctx.store(identity::list_passkeys(&db, &ctx.lookup(), caller.user_id)).await?;
    let frame = Frame::new(ctx).with(problem);
    let view = |row: PasskeyRow| Passkey { id: row.id, name: row.name, domain: row.rp_id, since: dates::day(row.created_at, frame.language) };
    let passkeys = passkeys.into_iter().map(view).collect();
    let set_up = &me.mfa_factors;
    let factors = set_up.iter().map(|factor| second_factor::name(frame.t, *factor)).collect();
    frame::show(&Page { factors, app: set_up.contains(&Factor::Totp), codes: set_up.iter().any(|factor| factor.counts()), passkeys, frame })
}

/// Shows what keeps the account.
///
/// # Errors
/// `UNAUTHENTICATED` if the account is gone.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    show(&ctx, None).await
}

/// From the address of a form to the page that leads to it.
///
/// # Errors
/// None of its own.
pub async fn back(_: Ctx) -> Result<Answer, Problem> {
    Ok(Answer::see_other(PATH))
}

/// Shows the overview again.
///
/// # Errors
/// `UNAUTHENTICATED` if the account is gone.
pub async fn again(ctx: Ctx, _: Form, problem: Problem) -> Result<Answer, Problem> {
    show(&ctx, Some(&problem)).await
}

#[derive(Template)]
#[template(path = "pages/app.html")]
struct App<'a> {
    frame: Frame,
    url: &'a str,
    secret: String,
    /// The QR code as a `data:` URL.
    image: String,
}

/// The page that shows a secret. It is not kept for showing, so the form brings its URL along.
fn show_app(ctx: &Ctx, url: &str, problem: Option<&Problem>) -> Result<Answer, Problem> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let secret = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "secret").map(|(_, secret)| in_fours(&secret));
    let image = format!("data:image/svg+xml;base64,{}", STANDARD.encode(qr::svg(url)?));
    frame::show(&App { frame: Frame::new(ctx).with(problem), url, secret: secret.unwrap_or_default(), image })
}

/// In groups of four, as people copy it.
fn in_fours(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Begins to set up an authenticator app, and shows its secret, this once.
///
/// # Errors
/// Those of `POST /auth/mfa/totp/setup`.
pub async fn begin_app(ctx: Ctx, _: Form) -> Result<Answer, Problem> {
    let output = totp_setup::handle(ctx.clone(), NoBody).await?.into_body().ok_or(Problem::internal("a set-up without a body"))?;
    show_app(&ctx, output.url(), None)
}

#[derive(Template)]
#[template(path = "pages/codes.html")]
struct Codes {
    frame: Frame,
    codes: Vec<String>,
}

/// Confirms the app by a code of it, and shows the backup codes, this once.
///
/// # Errors
/// Those of `POST /auth/mfa/totp/verify`.
pub async fn confirm_app(ctx: Ctx, form: Form) -> Result<Answer, Problem> {
    let input = form.input(&ctx, &["code"]).await?;
    let output = totp_verify::handle(ctx.clone(), input).await?.into_body().ok_or(Problem::internal("a set-up without codes"))?;
    let mut frame = Frame::new(&ctx);
    frame.notice = Some(Notice::FactorAdded.text(frame.t));
    frame::show(&Codes { frame, codes: output.into_codes() })
}

/// Shows the secret again, for another code, as long as there is one to confirm.
///
/// # Errors
/// `UNAUTHENTICATED` if the account is gone.
pub async fn again_app(ctx: Ctx, form: Form, problem: Problem) -> Result<Answer, Problem> {
    let url = form.text("url");
    let kept = url.starts_with(SCHEME) && url.len() <= LONGEST;
    let goes_on = matches!(problem.code(), Code::MfaCodeInvalid | Code::ValidationFailed | Code::PermissionDenied);
    if kept && goes_on { show_app(&ctx, url, Some(&problem)) } else { show(&ctx, Some(&problem)).await }
}

/// Takes the app off.
///
/// # Errors
/// Those of `DELETE /auth/mfa/totp`.
pub async fn remove_app(ctx: Ctx, _: Form) -> Result<Answer, Problem> {
    totp_remove::handle(ctx, NoBody).await?;
    Ok(Answer::see_other(Notice::FactorRemoved.at(PATH)))
}

/// Makes a new set of backup codes, and shows it, this once.
///
/// # Errors
/// Those of `POST /auth/mfa/backup-codes`.
pub async fn renew_codes(ctx: Ctx, _: Form) -> Result<Answer, Problem> {
    let output = backup_codes::handle(ctx.clone(), NoBody).await?.into_body().ok_or(Problem::internal("a set without codes"))?;
    frame::show(&Codes { frame: Frame::new(&ctx), codes: output.into_codes() })
}
