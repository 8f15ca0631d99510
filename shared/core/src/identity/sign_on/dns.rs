//! Proof of a domain: a TXT record below it.

use super::MailDomain;
use crate::http::dns::{self, Ask};

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
    dns::question(resolver, &record_name(domain), Ask::Texts)
}

/// Whether a resolver's answer holds the record. `None` if it is no answer, or the resolver could not find out.
#[must_use]
pub fn proves(body: &[u8], token: &str) -> Option<bool> {
    dns::says(body, &record_value(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proves_a_domain() {
        const TOKEN: &str = "0123456789abcdef";
        let domain = MailDomain::parse("acme.example").unwrap();
        assert_eq!(question("https://dns.test/q", &domain), "https://dns.test/q?name=_zygo-sign-on.acme.example&type=TXT");
        let body = |data: String| serde_json::json!({ "Status": 0, "Answer": [{ "name": "x", "type": 16, "data": data }] }).to_string();
        assert_eq!(proves(body(format!("zygo-sign-on={TOKEN}")).as_bytes(), TOKEN), Some(true));
        for data in ["zygo-sign-on=", "zygo-sign-on=0123456789abcdeX", TOKEN] {
            assert_eq!(proves(body(data.to_owned()).as_bytes(), TOKEN), Some(false), "{data}");
        }
    }
}
