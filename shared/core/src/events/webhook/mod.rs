//! Webhooks: what an endpoint is told, how that is signed, and when it is told again.
//!
//! Deliveries follow Standard Webhooks 1.0: <https://github.com/standard-webhooks/standard-webhooks>.

pub mod filter;
pub mod headers;
pub mod schedule;
pub mod secret;
pub mod verify;

use serde::Serialize;
use serde_json::Value;

use crate::time::Timestamp;

/// How long the old secret signs beside the new one, in seconds.
pub const OVERLAP_SECONDS: i64 = 24 * 3600;
/// How long an endpoint may do nothing but fail before it is switched off, in seconds.
pub const PATIENCE_SECONDS: i64 = 5 * 24 * 3600;
/// Most endpoints of a tenant, whatever its plan says.
pub const MOST: i64 = 500;
/// How long an endpoint may take to answer, in milliseconds.
pub const ANSWER_MILLIS: u64 = 15_000;
/// How much of an answer is read, in bytes.
pub const ANSWER_READ: usize = 64 * 1024;
/// How much of an answer is kept, in bytes.
pub const ANSWER_KEPT: usize = 4 * 1024;

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: Timestamp,
    data: &'a Value,
}

/// The body of a delivery.
///
/// # Errors
/// When the payload cannot be written as JSON.
pub fn body(event_type: &str, occurred_at: Timestamp, data: &Value) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Body { event_type, timestamp: occurred_at, data })
}

/// What is kept of an answer: its first bytes as text, without what a text column cannot hold.
#[must_use]
pub fn head(answer: &[u8]) -> String {
    let kept = answer.get(..ANSWER_KEPT).unwrap_or(answer);
    let mut text: String = String::from_utf8_lossy(kept).chars().filter(|c| *c != '\0').collect();
    // A replacement character is longer than the byte that it stands for.
    while text.len() > ANSWER_KEPT {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_names_type_instant_and_data() {
        let body = body("user.invited", Timestamp::from_millis(1_700_000_000_123), &json!({ "b": 1, "a": "ä" })).unwrap();
        assert_eq!(body, r#"{"type":"user.invited","timestamp":"2023-11-14T22:13:20.123Z","data":{"b":1,"a":"ä"}}"#);
    }

    proptest::proptest! {
        #[test]
        fn a_head_fits_its_column(answer: Vec<u8>, times in 1_usize..200) {
            let head = head(&answer.repeat(times));
            proptest::prop_assert!(head.len() <= ANSWER_KEPT && !head.contains('\0'));
        }
    }
}
