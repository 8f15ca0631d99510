//! The transports of short messages: Twilio's HTTP API, and in development the mailbox.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zygo_core::error::Problem;
use zygo_objects::mailbox::{MailboxHandle, Message, Tokens};
use zygo_runtime::{
    config::{SmsTransport, Twilio},
    outbound::Outbound,
    random,
};

use crate::run::{Failure, Work, later};

/// Sends a message by the configured transport. `code` is the one-time secret in it, for the development mailbox.
///
/// # Errors
/// `Retry` while the transport is away or limits us, `Fail` when it refuses the message or there is none.
pub async fn send(work: &Work<'_>, to: &str, text: &str, code: &str) -> Result<(), Failure> {
    match &work.config.sms {
        None => return Err(Failure::Fail("no short messages are sent here")),
        Some(SmsTransport::Mailbox) => {}
        Some(SmsTransport::Twilio(twilio)) => post(work, twilio, to, text).await?,
    }
    if work.config.is_development() {
        let message = Message {
            id: random::id(work.now),
            to: to.to_owned(),
            subject: String::new(),
            text: text.to_owned(),
            html: String::new(),
            links: Vec::new(),
            tokens: Tokens { code: Some(code.to_owned()), ..Tokens::default() },
            sent_at: work.now,
        };
        MailboxHandle::open(work.env)?.put(message).await?;
    }
    Ok(())
}

/// `POST /2010-04-01/Accounts/{sid}/Messages.json`, a form with basic authentication (Twilio's Programmable Messaging API).
async fn post(work: &Work<'_>, twilio: &Twilio, to: &str, text: &str) -> Result<(), Failure> {
    let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", twilio.url, twilio.account);
    // Twilio tells a messaging service from a number by the identifier's first letters.
    let sender = if twilio.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
    let form =
        form_urlencoded::Serializer::new(String::new()).append_pair("To", to).append_pair(sender, &twilio.from).append_pair("Body", text).finish();
    let basic = STANDARD.encode(format!("{}:{}", twilio.account, twilio.token));
    let answer = Outbound::post(&url).header("authorization", format!("Basic {basic}")).form(form).send(work.config).await?;
    match answer.status {
        200..=299 => Ok(()),
        status @ (408 | 429 | 500..) => {
            Err(later(Problem::unavailable(format!("twilio answered {status}")), answer.retry_after.as_deref(), work.now))
        }
        _ => Err(Failure::Fail("twilio refused the message")),
    }
}
