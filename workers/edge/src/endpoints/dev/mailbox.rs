//! `GET /dev/mailbox`

use askama::Template;
use serde_json::json;
use zygo_core::error::{Code, Problem};
use zygo_objects::mailbox::{MailboxHandle, Message};

use crate::{
    ctx::Ctx,
    pages::frame::{self, Frame},
    reply::{Answer, AnswerBody},
};

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
    if ctx.head.accepts_html() {
        return frame::show(&Page { frame: Frame::bare(&ctx), messages: &messages });
    }
    Ok(Answer::text(200, "application/json; charset=utf-8", AnswerBody::Text(json!({ "data": messages }).to_string())))
}

/// The messages as a page; the file's ending makes it escape.
#[derive(Template)]
#[template(path = "endpoints/dev/mailbox.html")]
struct Page<'a> {
    frame: Frame,
    messages: &'a [Message],
}
