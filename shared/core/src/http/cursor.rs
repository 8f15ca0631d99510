//! Keyset cursors: opaque to clients, tamper-evident, bound to the list that they were made for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;

use crate::error::Problem;

/// Bytes of the tag: HMAC-SHA256, cut in half (RFC 2104, section 5).
const TAG: usize = 16;
/// Longest cursor that is looked at, in characters.
const MAX_LENGTH: usize = 2048;
/// Items of a page where none are asked for.
pub const DEFAULT_LIMIT: u8 = 20;
/// Most items of a page.
pub const MAX_LIMIT: u8 = 100;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Page<T> {
    /// The items.
    pub data: Vec<T>,
    /// Where the next page begins; `null` on the last.
    pub next_cursor: Option<String>,
}

/// Writes a cursor. `context` names tenant, route and filter: a cursor of one list is none of another.
///
/// # Errors
/// `INTERNAL`, if the payload cannot be serialized.
pub fn encode<T: Serialize>(payload: &T, key: &[u8; 32], context: &str) -> Result<String, Problem> {
    let payload = serde_json::to_vec(payload).map_err(|e| Problem::internal(format!("cursor: {e}")))?;
    let mut bytes = mac(key, context, &payload)?.finalize().into_bytes().to_vec();
    bytes.truncate(TAG);
    bytes.extend_from_slice(&payload);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads a cursor that [`encode`] wrote with the same key and context.
///
/// # Errors
/// `VALIDATION_FAILED` on `cursor` for any other text.
pub fn decode<T: DeserializeOwned>(text: &str, key: &[u8; 32], context: &str) -> Result<T, Problem> {
    let invalid = || Problem::field("cursor", "cursor", "not a cursor of this list");
    if text.len() > MAX_LENGTH {
        return Err(invalid());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let (tag, payload) = bytes.split_at_checked(TAG).ok_or_else(invalid)?;
    mac(key, context, payload)?.verify_truncated_left(tag).map_err(|_| invalid())?;
    serde_json::from_slice(payload).map_err(|_| invalid())
}

/// Reads the query parameter `limit`: 1 to 100, 20 if absent.
///
/// # Errors
/// `VALIDATION_FAILED` on `limit`.
pub fn limit(text: Option<&str>) -> Result<u8, Problem> {
    let Some(text) = text else { return Ok(DEFAULT_LIMIT) };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let limit = digits.then(|| text.parse().ok()).flatten();
    limit.filter(|n| (1..=MAX_LIMIT).contains(n)).ok_or_else(|| Problem::field("limit", "range", "a whole number from 1 to 100"))
}

/// The context's length goes first, so that no end of it can be taken for the beginning of a payload.
fn mac(key: &[u8; 32], context: &str, payload: &[u8]) -> Result<Hmac<Sha256>, Problem> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Problem::internal("cursor: key"))?;
    mac.update(b"zygo cursor 1");
    mac.update(&(context.len() as u64).to_be_bytes());
    mac.update(context.as_bytes());
    mac.update(payload);
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    const KEY: [u8; 32] = [9; 32];

    #[test]
    fn a_cursor_belongs_to_its_list_and_key() {
        let cursor = encode(&("2026-01-28", 7), &KEY, "tenant a /tenants").unwrap();
        assert_eq!(decode::<(String, u8)>(&cursor, &KEY, "tenant a /tenants").unwrap(), ("2026-01-28".to_owned(), 7));
        for (key, context) in [(&KEY, "tenant b /tenants"), (&KEY, "tenant a /tenant"), (&KEY, ""), (&[8; 32], "tenant a /tenants")] {
            let problem = decode::<(String, u8)>(&cursor, key, context).unwrap_err();
            assert_eq!(problem.code(), Code::ValidationFailed);
            assert_eq!(problem.document("r")["details"]["fields"][0]["path"], "cursor");
        }
        assert!(decode::<(u8, u8)>(&cursor, &KEY, "tenant a /tenants").is_err(), "another payload type");
    }

    #[test]
    fn limits() {
        assert_eq!(limit(None).unwrap(), 20);
        assert_eq!((limit(Some("1")).unwrap(), limit(Some("100")).unwrap()), (1, 100));
        for text in ["", "0", "101", "-1", "+5", "1.5", "ten", " 5", "99999999999999999999"] {
            assert_eq!(limit(Some(text)).unwrap_err().code(), Code::ValidationFailed, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn comes_back_as_it_went(at: i64, id: u128, key: [u8; 32], context in "\\PC{0,40}") {
            let cursor = encode(&(at, id.to_string()), &key, &context).unwrap();
            proptest::prop_assert_eq!(decode::<(i64, String)>(&cursor, &key, &context).unwrap(), (at, id.to_string()));
        }

        #[test]
        fn any_change_is_seen(at: i64, place: proptest::sample::Index, letter in "[A-Za-z0-9_-]") {
            let cursor = encode(&(at, "x"), &KEY, "c").unwrap();
            let place = place.index(cursor.len());
            let mut changed = cursor.clone();
            changed.replace_range(place..=place, &letter);
            proptest::prop_assume!(changed != cursor);
            proptest::prop_assert!(decode::<(i64, String)>(&changed, &KEY, "c").is_err());
            proptest::prop_assert!(decode::<(i64, String)>(&cursor[..place], &KEY, "c").is_err());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            proptest::prop_assert!(decode::<serde_json::Value>(&text, &KEY, "c").is_err());
        }
    }
}
