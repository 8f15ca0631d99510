//! Cross-origin requests: a tenant's own hosts and its configured origins, and nobody else.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::Invalid;

/// Request headers that a page may send.
pub const ALLOW_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, x-csrf-token, x-request-id";
/// Response headers that a page may read.
pub const EXPOSE_HEADERS: &str = "etag, idempotency-replayed, location, ratelimit, ratelimit-policy, retry-after, server-timing, x-request-id";
/// How long a browser may remember a preflight's answer, in seconds; two hours is the most that Chromium does.
pub const MAX_AGE_SECONDS: &str = "7200";

/// An origin whose pages a tenant lets call it (RFC 6454): over HTTPS, or of this machine. In lower case, without a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Origin(String);

impl Origin {
    /// Reads `https://crm.example.com`, perhaps with a port.
    ///
    /// # Errors
    /// `origin`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let origin = text.to_ascii_lowercase();
        let of_this_machine = origin.strip_prefix("http://").is_some_and(|authority| {
            let host = authority.split(':').next().unwrap_or_default();
            host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1"
        });
        let whole = url::Url::parse(&origin).is_ok_and(|url| url.origin().ascii_serialization() == origin);
        let fits = whole && is_origin(&origin) && origin.len() <= 300 && (origin.starts_with("https://") || of_this_machine);
        if fits { Ok(Self(origin)) } else { Err(Invalid::new("origin", "not an origin such as https://crm.example.com")) }
    }

    /// The origin as browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for Origin {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 300, "examples": ["https://crm.example.com", "http://localhost:3000"] })
    }
}

/// What the answer says of its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// No `Origin` came along: not a page's doing.
    SameOrigin,
    /// A page of this origin may read the answer, and send credentials.
    Allowed(String),
    /// No page of that origin may read the answer.
    Refused,
}

impl Cors {
    /// Decides on an `Origin` header.
    ///
    /// `own_hosts` are the tenant's host names, without port: allowed over HTTPS at its usual port, and, for names of this machine
    /// (`localhost` and below, RFC 6761), over HTTP at any. `configured` are whole origins, as `https://crm.example.com`.
    #[must_use]
    pub fn decide(origin: Option<&str>, own_hosts: &[&str], configured: &[&str]) -> Self {
        let Some(origin) = origin else { return Self::SameOrigin };
        let origin = origin.to_ascii_lowercase();
        let is_configured = configured.iter().any(|c| is_origin(c) && c.trim_end_matches('/').eq_ignore_ascii_case(&origin));
        if is_origin(&origin) && (is_configured || is_own(&origin, own_hosts)) { Self::Allowed(origin) } else { Self::Refused }
    }

    /// The headers of an answer. `methods` are those that the route allows, for a preflight.
    ///
    /// `Vary: Origin` goes with every answer, for a cache must not hand one origin's answer to another.
    #[must_use]
    pub fn headers(&self, preflight_methods: Option<&str>) -> Vec<(&'static str, String)> {
        let mut headers = vec![("vary", "Origin".to_owned())];
        let Self::Allowed(origin) = self else { return headers };
        headers.push(("access-control-allow-origin", origin.clone()));
        headers.push(("access-control-allow-credentials", "true".to_owned()));
        match preflight_methods {
            Some(methods) => headers.extend([
                ("access-control-allow-methods", methods.to_owned()),
                ("access-control-allow-headers", ALLOW_HEADERS.to_owned()),
                ("access-control-max-age", MAX_AGE_SECONDS.to_owned()),
            ]),
            None => headers.push(("access-control-expose-headers", EXPOSE_HEADERS.to_owned())),
        }
        headers
    }
}

/// Whether a text is a scheme, a host and perhaps a port, and nothing more: not `null`, not `*`, no path, no control characters.
fn is_origin(text: &str) -> bool {
    let rest = text.trim_end_matches('/');
    let host = rest.strip_prefix("https://").or_else(|| rest.strip_prefix("http://"));
    host.is_some_and(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']')))
}

fn is_own(origin: &str, own_hosts: &[&str]) -> bool {
    let own = |host: &str| own_hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
    if let Some(host) = origin.strip_prefix("https://") {
        return own(host);
    }
    let Some(authority) = origin.strip_prefix("http://") else { return false };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    let of_this_machine = host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1";
    of_this_machine && own(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &[&str] = &["acme.app.zygo.tech", "crm.acme.example"];
    const LOCAL: &[&str] = &["acme.app.localhost", "127.0.0.1"];
    const CONFIGURED: &[&str] = &["https://shop.example.com", "http://localhost:3000", "https://tools.example.com:8443/", "*", "null", ""];

    #[test]
    fn origins_are_whole_and_safe() {
        for good in
            ["https://crm.example.com", "https://CRM.example.com:8443", "http://localhost:3000", "http://acme.localhost", "http://127.0.0.1:8787"]
        {
            assert_eq!(Origin::parse(good).unwrap().as_str(), good.to_ascii_lowercase());
        }
        let long = format!("https://{}.example", "x".repeat(300));
        for bad in [
            "",
            "*",
            "null",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example:443",
            "http://a.example",
            "https://u@a.example",
            "https://*.example",
            "ftp://a.example",
            "https://a.example ",
            "https://a.example\nx",
            "https://a b",
            "http://localhost.evil.example",
            &long,
        ] {
            assert_eq!(Origin::parse(bad).unwrap_err().code, "origin", "{bad:?}");
        }
    }

    #[test]
    fn own_hosts_and_configured_origins_are_allowed() {
        for origin in [
            "https://acme.app.zygo.tech",
            "https://CRM.acme.example",
            "https://shop.example.com",
            "http://localhost:3000",
            "https://tools.example.com:8443",
        ] {
            assert_eq!(Cors::decide(Some(origin), OWN, CONFIGURED), Cors::Allowed(origin.to_ascii_lowercase()), "{origin}");
        }
        for origin in ["http://acme.app.localhost:8787", "http://127.0.0.1:8787", "http://acme.app.localhost"] {
            assert_eq!(Cors::decide(Some(origin), LOCAL, &[]), Cors::Allowed(origin.into()), "{origin}");
        }
        assert_eq!(Cors::decide(None, OWN, CONFIGURED), Cors::SameOrigin);
    }

    #[test]
    fn everybody_else_is_refused() {
        for origin in [
            "",
            "null",
            "*",
            "https://",
            "https://evil.example",
            "http://acme.app.zygo.tech",
            "https://acme.app.zygo.tech:8443",
            "https://acme.app.zygo.tech.evil.example",
            "https://evilacme.app.zygo.tech",
            "https://globex.app.zygo.tech",
            "https://shop.example.com:444",
            "http://shop.example.com",
            "http://localhost:3001",
            "https://shop.example.com/x",
            "https://acme.app.zygo.tech\r\nx: y",
            "https://user@acme.app.zygo.tech",
            "file://",
            "acme.app.zygo.tech",
        ] {
            assert_eq!(Cors::decide(Some(origin), OWN, CONFIGURED), Cors::Refused, "{origin:?}");
        }
    }

    #[test]
    fn headers() {
        assert_eq!(Cors::Refused.headers(Some("GET")), [("vary", "Origin".to_owned())]);
        let allowed = Cors::Allowed("https://a.example".into());
        let names = |preflight| allowed.headers(preflight).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(
            names(Some("GET, HEAD")),
            [
                "vary",
                "access-control-allow-origin",
                "access-control-allow-credentials",
                "access-control-allow-methods",
                "access-control-allow-headers",
                "access-control-max-age"
            ]
        );
        assert_eq!(names(None).last(), Some(&"access-control-expose-headers"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_allowed_is_one_clean_line(origin in "(https?://)?\\PC{0,40}") {
            if let Cors::Allowed(origin) = Cors::decide(Some(&origin), OWN, CONFIGURED) {
                proptest::prop_assert!(origin.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
