//! Proof of a domain: a TXT record below it, asked for over DNS-over-HTTPS in the JSON form that resolvers share.

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::MailDomain;

/// `TXT` (RFC 1035, 3.2.2).
const TXT: u16 = 16;

/// Where the record stands; the underscore keeps it away from names of hosts (RFC 8552).
#[must_use]
pub fn record_name(domain: &MailDomain) -> String {
    format!("_zygo-sign-on.{}", domain.as_str())
}

/// What the record says.
#[must_use]
pub fn record_value(token: &str) -> String {
    format!("zygo-sign-on={token}")
}

/// The question, at a resolver.
#[must_use]
pub fn question(resolver: &str, domain: &MailDomain) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("name", &record_name(domain)).append_pair("type", "TXT").finish();
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

/// Whether a resolver's answer holds the record. `None` if it is no answer, or the resolver could not find out.
#[must_use]
pub fn proves(body: &[u8], token: &str) -> Option<bool> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let wanted = record_value(token);
    match answer.status {
        0 => Some(answer.answers.iter().any(|record| record.kind == TXT && bool::from(text(&record.data).as_bytes().ct_eq(wanted.as_bytes())))),
        // NXDOMAIN (RFC 1035, 4.1.1): there is no such name.
        3 => Some(false),
        _ => None,
    }
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
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn answer(status: u16, data: &str) -> Option<bool> {
        let body = serde_json::json!({ "Status": status, "Answer": [
            { "name": "x", "type": 5, "data": format!("zygo-sign-on={TOKEN}") }, { "name": "x", "type": 16, "data": data }] });
        proves(body.to_string().as_bytes(), TOKEN)
    }

    #[test]
    fn what_proves_a_domain() {
        let domain = MailDomain::parse("acme.example").unwrap();
        assert_eq!(question("https://dns.test/q", &domain), "https://dns.test/q?name=_zygo-sign-on.acme.example&type=TXT");
        for data in [format!("zygo-sign-on={TOKEN}"), format!("\"zygo-sign-on={TOKEN}\""), "\"zygo-sign-on=01234567\" \"89abcdef\"".to_owned()] {
            assert_eq!(answer(0, &data), Some(true), "{data}");
        }
        for data in ["", "zygo-sign-on=", "zygo-sign-on=0123456789abcdeX", "x zygo-sign-on=0123456789abcdef"] {
            assert_eq!(answer(0, data), Some(false), "{data}");
        }
        assert_eq!(answer(3, ""), Some(false));
        assert_eq!(answer(2, &format!("zygo-sign-on={TOKEN}")), None, "the resolver failed");
        assert_eq!(proves(b"{\"Status\":0}", TOKEN), Some(false), "no answers");
        assert_eq!(proves(b"<html>", TOKEN), None);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(body: Vec<u8>, data in ".{0,40}") {
            let _ = proves(&body, TOKEN);
            let _ = text(&data);
        }
    }
}
