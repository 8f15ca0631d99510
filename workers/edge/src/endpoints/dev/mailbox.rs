//! `GET /dev/mailbox`

use askama::Template;
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
        let page = Page { messages: &messages }.render().map_err(|error| Problem::internal(error.to_string()))?;
        let mut answer = Answer::text(200, "text/html; charset=utf-8", AnswerBody::Text(page));
        answer.headers.push(("content-security-policy", CSP.into()));
        return Ok(answer);
    }
    Ok(Answer::text(200, "application/json; charset=utf-8", AnswerBody::Text(json!({ "data": messages }).to_string())))
}

/// The messages as a page; the file's ending makes it escape.
#[derive(Template)]
#[template(path = "endpoints/dev/mailbox.html")]
struct Page<'a> {
    messages: &'a [Message],
}
