//! The transports of mail: Cloudflare's `send_email` binding, Resend's HTTP API, and in development the mailbox.

use std::collections::BTreeMap;

use serde_json::json;
use wasm_bindgen::JsValue;
use worker::{Fetch, Headers, Method, Request, RequestInit};
use zygo_core::{error::Problem, mail::Rendered};
use zygo_objects::mailbox::{MailboxHandle, Message, Tokens};
use zygo_runtime::{config::MailTransport, random};

use crate::run::{Failure, Work, later};

/// Sends a mail by the configured transport.
///
/// # Errors
/// `Retry` while the transport is away or limits us, `Fail` when it refuses the mail.
pub async fn send(work: &Work<'_>, to: &str, mail: Rendered) -> Result<(), Failure> {
    match &work.config.mail {
        MailTransport::Mailbox => {}
        MailTransport::Cloudflare => cloudflare(work, to, &mail).await?,
        MailTransport::Resend { url, key } => resend(work, url, key, to, &mail).await?,
    }
    if work.config.is_development() {
        keep(work, to, mail).await?;
    }
    Ok(())
}

async fn keep(work: &Work<'_>, to: &str, mail: Rendered) -> Result<(), Failure> {
    let message = Message {
        id: random::id(work.now),
        to: to.to_owned(),
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        links: mail.links,
        tokens: tokens(&mail.tokens),
        sent_at: work.now,
    };
    MailboxHandle::open(work.env)?.put(message).await?;
    Ok(())
}

fn tokens(found: &BTreeMap<String, String>) -> Tokens {
    let token = |name: &str| found.get(name).cloned();
    Tokens { verify: token("verify"), reset: token("reset"), invite: token("invite"), magic: token("magic"), code: token("code") }
}

async fn cloudflare(work: &Work<'_>, to: &str, mail: &Rendered) -> Result<(), Failure> {
    let away = |cause: String| Failure::Retry(Problem::unavailable(cause));
    let binding = work.env.send_email("EMAIL").map_err(|error| away(error.to_string()))?;
    let message = worker::SendEmailBuilder::new(&work.config.mail_from, to, &mail.subject);
    message.set_text(&mail.text);
    message.set_html(&mail.html);
    binding.send_with_builder(&message).await.map_err(|error| away(format!("send_email: {}", String::from(error.message()))))?;
    Ok(())
}

async fn resend(work: &Work<'_>, url: &str, key: &str, to: &str, mail: &Rendered) -> Result<(), Failure> {
    let away = |error: worker::Error| Failure::Retry(Problem::unavailable(format!("resend: {error}")));
    let headers = Headers::new();
    headers.set("authorization", &format!("Bearer {key}")).map_err(away)?;
    headers.set("content-type", "application/json").map_err(away)?;
    let body = json!({ "from": work.config.mail_from, "to": [to], "subject": mail.subject, "text": mail.text, "html": mail.html });
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(&body.to_string())));
    let request = Request::new_with_init(&format!("{url}/emails"), &init).map_err(away)?;
    let response = Fetch::Request(request).send().await.map_err(away)?;
    match response.status_code() {
        200..=299 => Ok(()),
        status @ (408 | 429 | 500..) => {
            let wish = response.headers().get("retry-after").ok().flatten();
            Err(later(Problem::unavailable(format!("resend answered {status}")), wish.as_deref(), work.now))
        }
        _ => Err(Failure::Fail("resend refused the mail")),
    }
}
