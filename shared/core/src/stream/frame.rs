//! What goes over the wire: JSON objects with a `type`, the same over a WebSocket and as Server-Sent Events.

use std::fmt::Write as _;

use serde_json::json;

use super::{Cursor, Entry};
use crate::{error::Code, time::Timestamp};

/// What begins a stream of Server-Sent Events: how long a browser waits before it comes back, in milliseconds.
pub const PREAMBLE: &str = "retry: 2000\n\n";

/// An entry: `{"type":"event","seq":…,"cursor":"…","event":{…}}`.
#[must_use]
pub fn event(entry: &Entry, cursor: Cursor) -> String {
    let mut text = String::with_capacity(entry.text.len().saturating_add(80));
    let _ = write!(text, r#"{{"type":"event","seq":{},"cursor":"{cursor}","event":{}}}"#, entry.seq, entry.text);
    text
}

/// The first: from where it goes on, and until when the stream lasts.
#[must_use]
pub fn ready(cursor: Cursor, expires_at: Timestamp) -> String {
    json!({ "type": "ready", "cursor": cursor.to_string(), "expires_at": expires_at }).to_string()
}

/// Not all that was missed is kept: `GET /events` has it, and what the client shows is to be read anew. The stream goes on from the cursor.
#[must_use]
pub fn behind(cursor: Cursor) -> String {
    json!({ "type": "behind", "cursor": cursor.to_string(), "hint": "GET /events" }).to_string()
}

/// The last: why it ends, by the code of the problem that a request would meet, and from where to come back.
#[must_use]
pub fn end(code: Code, cursor: Cursor) -> String {
    json!({ "type": "end", "code": code.as_str(), "cursor": cursor.to_string() }).to_string()
}

/// A frame as a Server-Sent Event, which is one line of data since JSON has no line ends. Its id is what the browser says when it comes back.
#[must_use]
pub fn server_sent(cursor: Cursor, frame: &str) -> String {
    format!("id: {cursor}\ndata: {frame}\n\n")
}

/// A heartbeat: moves the id and tells the page nothing.
#[must_use]
pub fn heartbeat(cursor: Cursor) -> String {
    format!("id: {cursor}\n\n")
}

/// The code that a WebSocket is closed with: the problem's status in the range that is ours (RFC 6455, 7.4.2). Its reason is the code's name.
#[must_use]
pub const fn close_code(code: Code) -> u16 {
    code.status().saturating_add(4000)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::stream::Audience;

    #[test]
    fn frames_are_json_of_one_line() {
        let cursor = Cursor { epoch: 10, seq: 3 };
        let entry = Entry { seq: 3, key: Uuid::nil(), audience: Audience::default(), text: r#"{"id":"x"}"#.into() };
        for (kind, text) in [
            ("event", event(&entry, cursor)),
            ("ready", ready(cursor, Timestamp::from_millis(0))),
            ("behind", behind(cursor)),
            ("end", end(Code::TokenExpired, cursor)),
        ] {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!((value["type"].as_str(), value["cursor"].as_str()), (Some(kind), Some("000000000000000a.3")), "{text}");
            assert!(!text.contains('\n'));
        }
    }

    #[test]
    fn close_codes_are_of_our_range() {
        for code in Code::ALL {
            assert!((4400..=4503).contains(&close_code(*code)), "{}", code.as_str());
        }
    }
}
