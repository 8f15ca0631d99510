//! The transports of mail: Cloudflare's `send_email` binding, Resend's HTTP API, and in development the mailbox.

use std::collections::BTreeMap;

use serde_json::json;
use wasm_bindgen::JsValue;
use worker::{EmailAddress, Fetch, Headers, Method, Request, RequestInit, SendEmailBuilder};
use zygo_core::{
    error::Problem,
    mail::{Rendered, report::Fate, standing::Trouble},
};
use zygo_objects::mailbox::{MailboxHandle, Message, Tokens};
use zygo_runtime::{config::MailTransport, postgres, random};
use zygo_store::events::{self, Reported};

use crate::run::{Failure, Work, later, postgres_problem};

/// What the `send_email` binding says of a recipient at whom mail bounced, or who complained.
const SUPPRESSED: &str = "E_RECIPIENT_SUPPRESSED";
/// What it says when it takes no more today, and after how many seconds it is asked again.
const DAILY: (&str, u32) = ("E_DAILY_LIMIT_EXCEEDED", 3_600);
/// What it says of a mail that it will not take however often it is given it. Whatever is wrong with us, and not with the mail, may be put
/// right while the job is patient.
const REFUSED: [&str; 5] = ["E_VALIDATION_ERROR", "E_FIELD_MISSING", "E_TOO_MANY_RECIPIENTS", "E_RECIPIENT_NOT_ALLOWED", "E_CONTENT_TOO_LARGE"];

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
    // Name and address apart: the binding takes an address, not a header (https://developers.cloudflare.com/email-service/api/send-emails).
    let (name, address) = sender(&work.config.mail_from);
    let message = match name {
        Some(name) => SendEmailBuilder::new_with_email_address_and_str(&EmailAddress::new(name, address), to, &mail.subject),
        None => SendEmailBuilder::new(address, to, &mail.subject),
    };
    message.set_text(&mail.text);
    message.set_html(&mail.html);
    let Err(error) = binding.send_with_builder(&message).await else { return Ok(()) };
    match js_sys::Reflect::get(&error, &JsValue::from_str("code")).ok().and_then(|code| code.as_string()).as_deref() {
        Some(SUPPRESSED) => {
            suppressed(work, to).await?;
            Err(Failure::Moot(Trouble::Bounced.reason()))
        }
        Some(code) if REFUSED.contains(&code) => Err(Failure::Fail("cloudflare refused the mail")),
        Some(code) if code == DAILY.0 => Err(Failure::Retry(Problem::unavailable(format!("send_email: {code}")).retry_after(DAILY.1))),
        // What it says may name the address.
        code => Err(away(format!("send_email: {}", code.unwrap_or("no code")))),
    }
}

/// The name and the address in `MAIL_FROM`, which is an address, or `Name <address>`.
fn sender(from: &str) -> (Option<&str>, &str) {
    let parts = from.trim().strip_suffix('>').and_then(|from| from.rsplit_once('<'));
    match parts.map(|(name, address)| (name.trim().trim_matches('"'), address.trim())) {
        Some(("", address)) => (None, address),
        Some((name, address)) => (Some(name), address),
        None => (None, from.trim()),
    }
}

/// Cloudflare has no report for us of what bounced: it tells whoever sends there next.
async fn suppressed(work: &Work<'_>, to: &str) -> Result<(), Failure> {
    let hashes = work.config.seal_keys.address_hashes(to);
    let id = format!("cloudflare {}", work.outbox_id);
    let reported = Reported { id: &id, address: to, hashes: &hashes, fate: Fate::Bounced };
    postgres::bounded(events::note_mail(work.db, work.scope, &reported, work.now)).await?.map_err(postgres_problem)?;
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

#[cfg(test)]
mod tests {
    use super::sender;

    #[test]
    fn who_sends() {
        let table = [
            ("Zygo <no-reply@zygo.example>", (Some("Zygo"), "no-reply@zygo.example")),
            ("\"Zygo, Inc.\" <no-reply@zygo.example>", (Some("Zygo, Inc."), "no-reply@zygo.example")),
            ("<no-reply@zygo.example>", (None, "no-reply@zygo.example")),
            (" no-reply@zygo.example ", (None, "no-reply@zygo.example")),
        ];
        for (from, parts) in table {
            assert_eq!(sender(from), parts, "{from}");
        }
    }
}
