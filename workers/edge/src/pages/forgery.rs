//! The token that a form carries against forgery, and the origin that it must come from.
//!
//! The page shows the cookie's token under a fresh mask each time, so that a compressed page does not give it away
//! letter by letter to somebody who can choose a part of the page (BREACH).

use serde_json::json;
use zygo_core::error::{Code, Problem};

/// Name of the form's field.
pub const FIELD: &str = "csrf";
/// Bytes of a token.
const BYTES: usize = 16;

/// The token under a mask: the mask in hexadecimal, and the token exclusive-or the mask. Nothing for what is no token.
#[must_use]
pub fn mask(token: &str, mask: [u8; BYTES]) -> Option<String> {
    let token = bytes(token)?;
    Some(mask.iter().copied().chain(xor(token, mask)).map(|byte| format!("{byte:02x}")).collect())
}

/// The token without its mask.
#[must_use]
pub fn unmask(text: &str) -> Option<String> {
    let (mask, token) = text.split_at_checked(BYTES.saturating_mul(2))?;
    Some(xor(bytes(token)?, bytes(mask)?).map(|byte| format!("{byte:02x}")).collect())
}

/// Whether this could be a token of ours.
#[must_use]
pub fn is_token(text: &str) -> bool {
    bytes(text).is_some()
}

/// Whether an `Origin` is this very host: over HTTPS, or over HTTP on this machine (RFC 6761, 6.3), where browsers take it for secure.
#[must_use]
pub fn is_own_origin(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let of_this_machine = name == "localhost" || name.ends_with(".localhost");
    let secure = scheme == "https" || (scheme == "http" && of_this_machine);
    secure && !authority.is_empty() && authority.eq_ignore_ascii_case(host)
}

/// The refusal. Its member `form` tells the page to say that nothing was done, rather than that a right is lacking.
#[must_use]
pub fn problem() -> Problem {
    Problem::new(Code::PermissionDenied)
        .detail("the form did not come from a page of this site")
        .details(json!({ "permission": null, "form": "stale" }))
}

fn xor(one: [u8; BYTES], other: [u8; BYTES]) -> impl Iterator<Item = u8> {
    one.into_iter().zip(other).map(|(one, other)| one ^ other)
}

fn bytes(text: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    if text.len() != BYTES.saturating_mul(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        let start = at.saturating_mul(2);
        *byte = u8::from_str_radix(text.get(start..start.saturating_add(2))?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_mask_comes_off_again_and_hides_the_token() {
        for byte in [0, 1, 0x5a, 255] {
            let masked = mask(TOKEN, [byte; BYTES]).unwrap();
            assert_eq!(unmask(&masked).as_deref(), Some(TOKEN));
            assert_eq!(masked.ends_with(TOKEN), byte == 0);
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        for text in ["", "00", &TOKEN[1..], &format!("{TOKEN}0"), &"g".repeat(32), &"é".repeat(16)] {
            assert!(!is_token(text) && mask(text, [1; BYTES]).is_none(), "{text}");
        }
        for text in ["", TOKEN, &TOKEN.repeat(3), &"g".repeat(64), &"é".repeat(32)] {
            assert!(unmask(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_very_host_is_the_own_origin() {
        let own = [
            ("https://getzygo.com", "getzygo.com"),
            ("https://GetZygo.com", "getzygo.com"),
            ("https://getzygo.com:8443", "getzygo.com:8443"),
            ("http://getzygo.localhost:8787", "getzygo.localhost:8787"),
            ("http://localhost:1", "localhost:1"),
        ];
        for (origin, host) in own {
            assert!(is_own_origin(origin, host), "{origin} {host}");
        }
        let foreign = [
            ("http://getzygo.com", "getzygo.com"),
            ("https://getzygo.com.evil.example", "getzygo.com"),
            ("https://evil.getzygo.com", "getzygo.com"),
            ("https://getzygo.com:444", "getzygo.com"),
            ("http://getzygo.localhost:1", "getzygo.localhost:2"),
            ("http://getzygo.localhost.example", "getzygo.localhost.example"),
            ("null", "null"),
            ("null", ""),
            ("", ""),
            ("https://", ""),
            ("ftp://getzygo.com", "getzygo.com"),
            ("https://getzygo.com/", "getzygo.com"),
        ];
        for (origin, host) in foreign {
            assert!(!is_own_origin(origin, host), "{origin} {host}");
        }
    }
}
