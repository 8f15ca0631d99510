//! What became of a mail, as whoever carried it reports it.

use serde::Deserialize;

use crate::{
    error::{Code, Problem},
    identity::email::Email,
};

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its recipient's server took it.
    Delivered,
    /// It did not arrive this time; another may.
    Deferred,
    /// There is no such recipient, or none that takes mail from us.
    Bounced,
    /// Its recipient said that it is not wanted.
    Complained,
}

impl Fate {
    /// Its name in the database.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }
}

/// A report on a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What became of it.
    pub fate: Fate,
    /// Whom it was for.
    pub to: Vec<Email>,
}

/// The parts of Resend's events that count here (<https://resend.com/docs/webhooks/event-types>); whoever sends them may add to them.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    bounce: Option<Bounce>,
}

#[derive(Deserialize)]
struct Bounce {
    #[serde(rename = "type", default)]
    kind: String,
}

impl Report {
    /// Reads an event of Resend; `None` where it is about something else.
    ///
    /// # Errors
    /// `BAD_REQUEST` if it is no event.
    pub fn of_resend(body: &[u8]) -> Result<Option<Self>, Problem> {
        let event: Event = serde_json::from_slice(body).map_err(|_| Problem::new(Code::BadRequest).detail("not an event"))?;
        let fate = match event.kind.as_str() {
            "email.delivered" => Fate::Delivered,
            "email.delivery_delayed" => Fate::Deferred,
            "email.complained" => Fate::Complained,
            // What Resend does not send because it bounced there before.
            "email.suppressed" => Fate::Bounced,
            // Its words are those of Amazon SES: Permanent, Transient, Undetermined.
            "email.bounced" if event.data.bounce.as_ref().is_some_and(|bounce| bounce.kind != "Permanent") => Fate::Deferred,
            "email.bounced" => Fate::Bounced,
            _ => return Ok(None),
        };
        // We send to one; what is no address has no mails to stop.
        let to: Vec<Email> = event.data.to.iter().take(50).filter_map(|address| Email::parse(bare(address)).ok()).collect();
        Ok((!to.is_empty()).then_some(Self { fate, to }))
    }
}

/// The address of `Name <address>` (RFC 5322, 3.4).
fn bare(text: &str) -> &str {
    text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text, |(address, _)| address)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(event: &Value) -> Option<Report> {
        Report::of_resend(event.to_string().as_bytes()).unwrap()
    }

    fn of(kind: &str, bounce: Option<&str>) -> Value {
        json!({ "type": kind, "created_at": "2026-11-22T23:41:12.126Z", "data": {
            "email_id": "56761188-7520-42d8-8898-ff6fc54ce618", "from": "Acme <onboarding@resend.dev>", "to": ["Ada@Example.com"],
            "bounce": bounce.map(|kind| json!({ "message": "…", "subType": "General", "type": kind })), "subject": "…", "tags": {} } })
    }

    #[test]
    fn fates() {
        let table = [
            ("email.delivered", None, Some(Fate::Delivered)),
            ("email.delivery_delayed", None, Some(Fate::Deferred)),
            ("email.bounced", Some("Permanent"), Some(Fate::Bounced)),
            ("email.bounced", Some("Transient"), Some(Fate::Deferred)),
            ("email.bounced", Some("Undetermined"), Some(Fate::Deferred)),
            ("email.bounced", None, Some(Fate::Bounced)),
            ("email.suppressed", None, Some(Fate::Bounced)),
            ("email.complained", None, Some(Fate::Complained)),
            ("email.sent", None, None),
            ("email.opened", None, None),
            ("email.clicked", None, None),
            ("email.failed", None, None),
            ("contact.created", None, None),
            ("", None, None),
        ];
        for (kind, bounce, fate) in table {
            let found = read(&of(kind, bounce));
            assert_eq!(found.as_ref().map(|report| report.fate), fate, "{kind} {bounce:?}");
            assert!(found.is_none_or(|report| report.to == [Email::parse("ada@example.com").unwrap()]));
        }
    }

    #[test]
    fn recipients() {
        let to = |to: Value| read(&json!({ "type": "email.complained", "data": { "to": to } })).map(|report| report.to.len());
        assert_eq!(to(json!(["Ada <ada@example.com>", "b@example.com", "nobody"])), Some(2));
        assert_eq!(to(json!([])), None);
        assert_eq!(to(json!(["<", "<>", ">x<"])), None);
        assert_eq!(read(&json!({ "type": "email.complained" })), None);
    }

    #[test]
    fn what_is_no_event() {
        for odd in ["", "null", "[]", "{}", "{\"type\": 1}", "{\"type\": \"email.bounced\", \"data\": {\"to\": \"x\"}}", "\u{0}"] {
            assert_eq!(Report::of_resend(odd.as_bytes()).unwrap_err().code(), Code::BadRequest, "{odd}");
        }
    }
}
