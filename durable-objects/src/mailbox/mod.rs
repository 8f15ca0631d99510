//! The development mailbox: every mail and SMS that would have been sent, readable.
//!
//! One object for all. Bound and called in development only; elsewhere no route leads here. Invariants: a message
//! stands in it once, however often its job ran; no more than a thousand stay, the oldest go first.

#[cfg(feature = "classes")]
mod object;

use serde::{Deserialize, Serialize};
use worker::Env;
use zygo_core::{error::Problem, id::MessageId, time::Timestamp};

#[cfg(feature = "classes")]
pub use object::MailboxObject;

use crate::rpc::Remote;

const BINDING: &str = "MAILBOX";
const NAME: &str = "mailbox";

/// One-time secrets that stand in a message, taken out for tests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Verifies a mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<String>,
    /// Resets a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<String>,
    /// Accepts an invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// Signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magic: Option<String>,
    /// A code to type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A kept mail or SMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its identifier, the same however often its job runs.
    pub id: MessageId,
    /// Address or number.
    pub to: String,
    /// Subject; empty for an SMS.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML; empty for an SMS.
    pub html: String,
    /// Links in it.
    pub links: Vec<String>,
    /// One-time secrets in it.
    pub tokens: Tokens,
    /// When it would have been sent.
    pub sent_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Put { message: Box<Message> },
    List { to: Option<String> },
}

/// The mailbox.
#[derive(Debug)]
pub struct MailboxHandle {
    remote: Remote,
}

impl MailboxHandle {
    /// The mailbox.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` if the binding is missing.
    pub fn open(env: &Env) -> Result<Self, Problem> {
        Ok(Self { remote: Remote::open(env, BINDING, NAME)? })
    }

    /// Keeps a message. False if one with its id is kept already; that one stays.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` or `INTERNAL` if the object cannot answer.
    pub async fn put(&self, message: Message) -> Result<bool, Problem> {
        self.remote.call(&Op::Put { message: Box::new(message) }).await
    }

    /// The messages to an address or number, or all; the newest first. Case does not matter.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub async fn list(&self, to: Option<String>) -> Result<Vec<Message>, Problem> {
        self.remote.call(&Op::List { to }).await
    }
}
