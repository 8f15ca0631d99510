//! What Cloudflare for SaaS is asked about a custom hostname, and what it answers (API v4, `custom_hostnames`).

use serde::Deserialize;
use serde_json::{Value, json};

/// A custom hostname there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomHostname {
    /// Its identifier there.
    pub id: String,
    /// Whether it is served, with a certificate.
    pub is_served: bool,
}

#[derive(Deserialize)]
struct Envelope<T> {
    success: bool,
    result: Option<T>,
}

#[derive(Deserialize)]
struct Found {
    id: String,
    hostname: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    ssl: Option<Certificate>,
}

#[derive(Deserialize)]
struct Certificate {
    #[serde(default)]
    status: String,
}

impl Found {
    fn into_hostname(self, host: &str) -> Option<CustomHostname> {
        let certified = self.ssl.is_some_and(|certificate| certificate.status == "active");
        let is_name = !self.id.is_empty() && self.id.len() <= 64 && self.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (is_name && self.hostname.eq_ignore_ascii_case(host))
            .then_some(CustomHostname { id: self.id, is_served: certified && self.status == "active" })
    }
}

/// The request that makes one: with a certificate for this name alone, proved over HTTP since the name leads there.
#[must_use]
pub fn creation(host: &str) -> Value {
    json!({ "hostname": host, "ssl": { "method": "http", "type": "dv", "settings": { "min_tls_version": "1.2" } } })
}

/// The custom hostname of an answer about one; `None` if it is none of this host.
#[must_use]
pub fn one(body: &[u8], host: &str) -> Option<CustomHostname> {
    let answer: Envelope<Found> = serde_json::from_slice(body).ok()?;
    answer.result.filter(|_| answer.success)?.into_hostname(host)
}

/// The custom hostname of this host in a list; `None` if it is no list, `Some(None)` if it is not in it.
#[must_use]
pub fn in_list(body: &[u8], host: &str) -> Option<Option<CustomHostname>> {
    let answer: Envelope<Vec<Found>> = serde_json::from_slice(body).ok()?;
    let list = answer.result.filter(|_| answer.success)?;
    Some(list.into_iter().find_map(|found| found.into_hostname(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(status: &str, certificate: &str) -> Value {
        json!({ "success": true, "errors": [], "result": {
            "id": "023e105f-4ecef8ad9ca31a8372d0c353", "hostname": "app.acme.example", "status": status, "ssl": { "status": certificate } } })
    }

    #[test]
    fn served_is_what_is_active_with_an_active_certificate() {
        for (status, certificate, served) in
            [("active", "active", true), ("pending", "active", false), ("active", "pending_validation", false), ("moved", "active", false)]
        {
            let found = one(body(status, certificate).to_string().as_bytes(), "app.acme.example").unwrap();
            assert_eq!((found.id.as_str(), found.is_served), ("023e105f-4ecef8ad9ca31a8372d0c353", served), "{status} {certificate}");
        }
    }

    #[test]
    fn what_is_not_about_this_host_is_nothing() {
        let good = body("active", "active");
        assert_eq!(one(good.to_string().as_bytes(), "other.example"), None);
        let mut failed = good.clone();
        failed["success"] = false.into();
        let mut odd = good.clone();
        odd["result"]["id"] = "../zones".into();
        for body in [failed, odd, json!({ "success": true, "result": null }), json!([]), json!({})] {
            assert_eq!(one(body.to_string().as_bytes(), "app.acme.example"), None, "{body}");
        }
        let list = json!({ "success": true, "result": [good["result"]] });
        assert!(in_list(list.to_string().as_bytes(), "app.acme.example").unwrap().is_some());
        assert_eq!(in_list(list.to_string().as_bytes(), "other.example"), Some(None));
        assert_eq!(in_list(b"<html>", "other.example"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(body: Vec<u8>) {
            let _ = (one(&body, "app.acme.example"), in_list(&body, "app.acme.example"));
        }
    }
}
