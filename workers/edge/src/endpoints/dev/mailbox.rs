//! `GET /dev/mailbox`

use serde_json::json;
use zygo_core::error::{Code, Problem};
use zygo_objects::mailbox::{MailboxHandle, Message};

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody},
};

const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Answers the messages as JSON, or as a page to a browser.
///
/// # Errors
/// `NOT_FOUND` outside development.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    if !ctx.app.config.is_development() {
        return Err(Problem::new(Code::NotFound));
    }
    let to = ctx.query("to").map(|to| to.trim().to_lowercase());
    let messages = MailboxHandle::open(&ctx.env)?.list(to).await?;
    if ctx.head.header("accept").is_some_and(|accept| accept.contains("text/html")) {
        let mut answer = Answer::text(200, "text/html; charset=utf-8", AnswerBody::Text(page(&messages)?));
        answer.headers.push(("content-security-policy", CSP.into()));
        return Ok(answer);
    }
    Ok(Answer::text(200, "application/json; charset=utf-8", AnswerBody::Text(json!({ "data": messages }).to_string())))
}

/// The messages as a page; the template's name makes it escape.
fn page(messages: &[Message]) -> Result<String, Problem> {
    let mut environment = minijinja::Environment::new();
    let broken = |error: minijinja::Error| Problem::internal(error.to_string());
    environment.add_template("mailbox.html", include_str!("mailbox.html")).map_err(broken)?;
    environment.get_template("mailbox.html").and_then(|template| template.render(minijinja::context! { messages })).map_err(broken)
}
