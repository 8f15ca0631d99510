//! `GET /dev/mails`, `GET /dev/mails/{number}/{language}`

use askama::Template;
use zygo_core::{
    error::{Code, Problem},
    mail::{Language, Rendered, samples},
};

use crate::{
    ctx::Ctx,
    pages::frame::{self, Frame},
    reply::{Answer, AnswerBody},
};

/// Mails style themselves, in attributes, and fetch nothing but an organisation's logo, which the invented one has not got.
const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Shows every mail and SMS as text, in every language, with links to what it looks like.
///
/// # Errors
/// `NOT_FOUND` outside development.
pub async fn list(ctx: Ctx) -> Result<Answer, Problem> {
    in_development(&ctx)?;
    let mut mails = Vec::new();
    for (number, mail) in samples::mails().enumerate() {
        for language in Language::ALL {
            mails.push(Sample { number, language: language.tag(), name: mail.name(), written: mail.render(language, None)? });
        }
    }
    let messages = Language::ALL.map(|language| (language.tag(), samples::short_message(language)));
    frame::show(&Page { frame: Frame::bare(&ctx), mails, messages: &messages })
}

/// Shows one as a mail program would; with `brand` in the query, in the look of an invented organisation.
///
/// # Errors
/// `NOT_FOUND` outside development, and for what there is none of.
pub async fn show(ctx: Ctx) -> Result<Answer, Problem> {
    in_development(&ctx)?;
    let number = ctx.param("number").and_then(|number| number.parse().ok()).ok_or(Problem::new(Code::NotFound))?;
    let language = Language::ALL.into_iter().find(|language| Some(language.tag()) == ctx.param("language")).ok_or(Problem::new(Code::NotFound))?;
    let mail = samples::mails().nth(number).ok_or(Problem::new(Code::NotFound))?;
    let brand = if ctx.query("brand").is_some() { samples::brand(&ctx.app.config.issuer) } else { None };
    let mut answer = Answer::text(200, "text/html; charset=utf-8", AnswerBody::Text(mail.render(language, brand.as_ref())?.html));
    answer.headers.push(("content-security-policy", CSP.into()));
    Ok(answer)
}

fn in_development(ctx: &Ctx) -> Result<(), Problem> {
    if ctx.app.config.is_development() { Ok(()) } else { Err(Problem::new(Code::NotFound)) }
}

struct Sample {
    number: usize,
    language: &'static str,
    name: &'static str,
    written: Rendered,
}

/// The page; the file's ending makes it escape.
#[derive(Template)]
#[template(path = "endpoints/dev/mails.html")]
struct Page<'a> {
    frame: Frame,
    mails: Vec<Sample>,
    messages: &'a [(&'static str, String)],
}
