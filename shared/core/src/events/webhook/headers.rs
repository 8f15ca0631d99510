//! Headers that an endpoint wants with every delivery, such as `Authorization`.

use std::collections::BTreeMap;

use crate::error::Problem;

/// Most headers of an endpoint.
const MOST: usize = 20;
/// Longest value.
const LONGEST: usize = 1024;

/// Names that are ours, or the connection's.
const OURS: [&str; 17] = [
    "accept-encoding",
    "cdn-loop",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// Beginnings of names that are ours, the connection's, or what a proxy says of where a request comes from.
const OUR_BEGINNINGS: [&str; 6] = ["webhook-", "cf-", "proxy-", "sec-", "x-forwarded-", "x-real-"];

/// Checks headers and puts their names into lower case.
///
/// # Errors
/// `VALIDATION_FAILED` on `headers`.
pub fn read(headers: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    let refused = |code: &str, message: &str| Err(Problem::field("headers", code, message));
    if headers.len() > MOST {
        return refused("too_many", "at most 20");
    }
    let mut read = BTreeMap::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if !(1..=64).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return refused("header_name", "names are 1 to 64 of A-Za-z0-9-_");
        }
        if OURS.contains(&name.as_str()) || OUR_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
            return refused("header_reserved", "a name that deliveries use themselves");
        }
        if !(1..=LONGEST).contains(&value.len()) || value.trim() != value || !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return refused("header_value", "values are 1 to 1024 printable ASCII characters, without space at the ends");
        }
        if read.insert(name, value).is_some() {
            return refused("header_name", "a name twice");
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, value: &str) -> Option<String> {
        let problem = read(BTreeMap::from([(name.to_owned(), value.to_owned())])).err()?;
        Some(serde_json::to_value(problem.document("r")).ok()?["details"]["fields"][0]["code"].as_str()?.to_owned())
    }

    #[test]
    fn names_are_put_into_lower_case() {
        let read = read(BTreeMap::from([("Authorization".to_owned(), "Bearer x".to_owned())])).unwrap();
        assert_eq!(read.get("authorization").map(String::as_str), Some("Bearer x"));
    }

    #[test]
    fn odd_ones_are_refused() {
        for (name, value, wanted) in [
            ("", "x", "header_name"),
            ("a b", "x", "header_name"),
            ("a:b", "x", "header_name"),
            ("ä", "x", "header_name"),
            ("Host", "x", "header_reserved"),
            ("Content-Length", "1", "header_reserved"),
            ("Webhook-Signature", "x", "header_reserved"),
            ("CF-Connecting-IP", "x", "header_reserved"),
            ("X-Forwarded-For", "x", "header_reserved"),
            ("x-a", "", "header_value"),
            ("x-a", " x", "header_value"),
            ("x-a", "x\r\ny: z", "header_value"),
            ("x-a", "ä", "header_value"),
        ] {
            assert_eq!(code(name, value).as_deref(), Some(wanted), "{name}: {value}");
        }
        let many = (0..21).map(|n| (format!("x-{n}"), "x".to_owned())).collect();
        assert!(read(many).is_err());
        assert!(read(BTreeMap::from([("x-a".to_owned(), "1".to_owned()), ("X-A".to_owned(), "2".to_owned())])).is_err());
    }
}
