//! What a provider says of itself: `OpenID` Connect Discovery 1.0, and RFC 8414, whose members are the same.

use serde::Deserialize;
use url::Url;

use crate::error::Problem;

/// Where an issuer's document lies, after the issuer (Discovery 1.0, 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Longest URL that a provider may name, in bytes.
const MAX_URL: usize = 2048;

/// A provider's endpoints and abilities.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// The issuer, which every ID token must name; may hold `{tenantid}` where that was asked for.
    pub issuer: String,
    /// Where the browser is sent.
    pub authorization_endpoint: String,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: String,
    /// The keys of its ID tokens.
    pub jwks_uri: String,
    /// Where tokens are taken back (RFC 7009).
    #[serde(default)]
    pub revocation_endpoint: Option<String>,
    /// Where more is said of the person.
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    /// Where the person's session at the provider ends.
    #[serde(default)]
    pub end_session_endpoint: Option<String>,
    /// Whether its answers always carry `iss` (RFC 9207); one without is refused then.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// How clients may authenticate at the token endpoint; empty means `client_secret_basic`.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
}

/// The URL of an issuer's document.
#[must_use]
pub fn url(issuer: &str) -> String {
    format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer))
}

impl Metadata {
    /// Reads a discovery document, which must name the issuer that it was asked for (Discovery 1.0, 4.3): otherwise one
    /// provider could speak for another.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` with the reason for the log: what a provider says wrongly is not the caller's fault.
    pub fn parse(document: &[u8], issuer: &str) -> Result<Self, Problem> {
        let wrong = |why: &str| Problem::unavailable(format!("discovery document: {why}"));
        let metadata: Self = serde_json::from_slice(document).map_err(|_| wrong("not the JSON of one"))?;
        if metadata.issuer != issuer {
            return Err(wrong("names another issuer"));
        }
        let optional = [&metadata.revocation_endpoint, &metadata.userinfo_endpoint, &metadata.end_session_endpoint];
        let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if endpoints.into_iter().chain(optional.into_iter().flatten()).all(|endpoint| is_endpoint(endpoint)) {
            Ok(metadata)
        } else {
            Err(wrong("an endpoint is no URL to call"))
        }
    }

    /// Whether the client's secret goes into the form rather than into the `Authorization` header.
    #[must_use]
    pub fn wants_secret_in_form(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let supports = |name: &str| methods.iter().any(|method| method == name);
        supports("client_secret_post") && !supports("client_secret_basic")
    }
}

/// An absolute URL without fragment or credentials. Whether it may be called, the way out decides.
fn is_endpoint(text: &str) -> bool {
    text.len() <= MAX_URL
        && Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://op.test";

    fn document() -> Value {
        json!({
            "issuer": ISSUER, "authorization_endpoint": "https://op.test/a", "token_endpoint": "https://op.test/t",
            "jwks_uri": "https://op.test/k", "scopes_supported": ["openid"],
        })
    }

    fn parse(document: &Value) -> Result<Metadata, Problem> {
        Metadata::parse(document.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn the_document_lies_below_the_issuer() {
        for issuer in ["https://op.test/x", "https://op.test/x/"] {
            assert_eq!(url(issuer), "https://op.test/x/.well-known/openid-configuration");
        }
    }

    #[test]
    fn reads_a_document() {
        let metadata = parse(&document()).unwrap();
        assert_eq!(metadata.token_endpoint, "https://op.test/t");
        assert!(!metadata.authorization_response_iss_parameter_supported && !metadata.wants_secret_in_form());
        let mut post = document();
        post["token_endpoint_auth_methods_supported"] = json!(["client_secret_post", "private_key_jwt"]);
        assert!(parse(&post).unwrap().wants_secret_in_form());
    }

    #[test]
    fn odd_documents_are_refused() {
        let with = |key: &str, value: Value| {
            let mut document = document();
            document[key] = value;
            document
        };
        for (name, document) in [
            ("another issuer", with("issuer", json!("https://evil.test"))),
            ("issuer with a slash more", with("issuer", json!("https://op.test/"))),
            ("no token endpoint", with("token_endpoint", Value::Null)),
            ("relative", with("jwks_uri", json!("/k"))),
            ("fragment", with("authorization_endpoint", json!("https://op.test/a#f"))),
            ("credentials", with("token_endpoint", json!("https://u:p@op.test/t"))),
            ("script", with("authorization_endpoint", json!("javascript:alert(1)"))),
            ("odd optional endpoint", with("revocation_endpoint", json!("ftp://op.test"))),
            ("list", json!([])),
        ] {
            let problem = parse(&document).unwrap_err();
            assert_eq!(problem.status(), 503, "{name}");
        }
        assert!(Metadata::parse(b"<html>", ISSUER).is_err());
    }
}
