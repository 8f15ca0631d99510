//! Questions to the DNS over HTTPS, in the JSON form that resolvers share.

use std::net::IpAddr;

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

/// `A`, `TXT` and `AAAA` (RFC 1035, 3.2.2; RFC 3596, 2.1).
const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;

/// What is asked of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Its texts.
    Texts,
    /// Its IPv4 addresses, whatever other name they stand under.
    Addresses,
    /// Its IPv6 addresses, likewise.
    Addresses6,
}

/// The question, at a resolver.
#[must_use]
pub fn question(resolver: &str, name: &str, ask: Ask) -> String {
    let kind = match ask {
        Ask::Texts => "TXT",
        Ask::Addresses => "A",
        Ask::Addresses6 => "AAAA",
    };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("name", name).append_pair("type", kind).finish();
    format!("{resolver}?{query}")
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Status")]
    status: u16,
    #[serde(rename = "Answer", default)]
    answers: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "type")]
    kind: u16,
    data: String,
}

/// The records of an answer; none where there is no such name. `None` if it is no answer, or the resolver could not find out.
fn records(body: &[u8]) -> Option<Vec<Record>> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    match answer.status {
        0 => Some(answer.answers),
        // NXDOMAIN (RFC 1035, 4.1.1): there is no such name.
        3 => Some(Vec::new()),
        _ => None,
    }
}

/// Whether a resolver's answer holds a text. `None` if it is no answer, or the resolver could not find out.
#[must_use]
pub fn says(body: &[u8], wanted: &str) -> Option<bool> {
    let is_it = |record: &Record| record.kind == TXT && bool::from(text(&record.data).as_bytes().ct_eq(wanted.as_bytes()));
    Some(records(body)?.iter().any(is_it))
}

/// Whether a resolver's answer leads to an address. `None` if it is no answer, or the resolver could not find out.
#[must_use]
pub fn leads_somewhere(body: &[u8]) -> Option<bool> {
    Some(records(body)?.iter().any(|record| matches!(record.kind, A | AAAA)))
}

/// The addresses that a resolver's answer names. `None` if it is no answer, if the resolver could not find out, or if an address
/// cannot be read.
#[must_use]
pub fn addresses(body: &[u8]) -> Option<Vec<IpAddr>> {
    let of_addresses = |record: &Record| matches!(record.kind, A | AAAA);
    records(body)?.iter().filter(|record| of_addresses(record)).map(|record| record.data.parse().ok()).collect()
}

/// The strings of a record, put together; some resolvers quote them, and a long text is several.
fn text(data: &str) -> String {
    if !data.starts_with('"') {
        return data.to_owned();
    }
    data.split('"').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, data: &str) -> Option<bool> {
        let body = json!({ "Status": status, "Answer": [{ "name": "x", "type": 5, "data": "a text" }, { "name": "x", "type": 16, "data": data }] });
        says(body.to_string().as_bytes(), "a text")
    }

    #[test]
    fn what_a_name_says() {
        assert_eq!(question("https://dns.test/q", "_x.acme.example", Ask::Texts), "https://dns.test/q?name=_x.acme.example&type=TXT");
        for data in ["a text", "\"a text\"", "\"a t\" \"ext\""] {
            assert_eq!(answer(0, data), Some(true), "{data}");
        }
        for data in ["", "a", "a texts", "x a text"] {
            assert_eq!(answer(0, data), Some(false), "{data}");
        }
        assert_eq!(answer(3, ""), Some(false));
        assert_eq!(answer(2, "a text"), None, "the resolver failed");
        assert_eq!(says(b"{\"Status\":0}", "a text"), Some(false), "no answers");
        assert_eq!(says(b"<html>", "a text"), None);
    }

    #[test]
    fn where_a_name_leads() {
        let leads = |status: u16, kinds: &[u16]| {
            let answers: Vec<_> = kinds.iter().map(|kind| json!({ "name": "x", "type": kind, "data": "192.0.2.1" })).collect();
            leads_somewhere(json!({ "Status": status, "Answer": answers }).to_string().as_bytes())
        };
        assert_eq!((leads(0, &[5, 1]), leads(0, &[28]), leads(0, &[5]), leads(0, &[])), (Some(true), Some(true), Some(false), Some(false)));
        assert_eq!((leads(3, &[]), leads(2, &[1]), leads_somewhere(b"")), (Some(false), None, None));
    }

    #[test]
    fn which_addresses_a_name_has() {
        let of = |status: u16, data: &[(u16, &str)]| {
            let answers: Vec<_> = data.iter().map(|(kind, data)| json!({ "name": "x", "type": kind, "data": data })).collect();
            addresses(json!({ "Status": status, "Answer": answers }).to_string().as_bytes())
        };
        assert_eq!(of(0, &[(5, "y."), (1, "192.0.2.1"), (28, "2001:db8::1")]).unwrap().len(), 2);
        assert_eq!(of(3, &[]), Some(vec![]));
        assert_eq!((of(2, &[]), of(0, &[(1, "here")]), addresses(b"")), (None, None, None));
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(body: Vec<u8>, data in ".{0,40}") {
            let _ = (says(&body, "a text"), leads_somewhere(&body), addresses(&body), text(&data));
        }
    }
}
