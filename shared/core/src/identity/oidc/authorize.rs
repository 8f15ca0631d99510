//! The authorization request (RFC 6749, 4.1.1): where the browser is sent.

use url::Url;

use crate::error::Problem;

/// An authorization request for a code.
#[derive(Debug, Clone)]
pub struct Authorization<'a> {
    /// The provider's authorization endpoint.
    pub endpoint: &'a str,
    /// Our client there.
    pub client_id: &'a str,
    /// Where the browser is to come back to, as registered, letter by letter.
    pub redirect_uri: &'a str,
    /// Scopes, a blank between them.
    pub scope: &'a str,
    /// The flow's state.
    pub state: &'a str,
    /// The flow's nonce; `None` where the provider gives no ID token.
    pub nonce: Option<&'a str>,
    /// The S256 challenge of the flow's verifier.
    pub challenge: &'a str,
    /// What the provider wants beside (`prompt`, `access_type`, `response_mode`, …).
    pub more: &'a [(&'a str, &'a str)],
}

impl Authorization<'_> {
    /// The URL to send the browser to.
    ///
    /// # Errors
    /// `INTERNAL` if the endpoint is no URL.
    pub fn url(&self) -> Result<String, Problem> {
        let mut url = Url::parse(self.endpoint).map_err(|_| Problem::internal("the authorization endpoint is no URL"))?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", self.client_id);
            query.append_pair("redirect_uri", self.redirect_uri);
            query.append_pair("scope", self.scope);
            query.append_pair("state", self.state);
            if let Some(nonce) = self.nonce {
                query.append_pair("nonce", nonce);
            }
            query.append_pair("code_challenge", self.challenge);
            query.append_pair("code_challenge_method", "S256");
            query.extend_pairs(self.more);
        }
        Ok(url.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Authorization<'static> {
        Authorization {
            endpoint: "https://op.test/authorize",
            client_id: "c 1",
            redirect_uri: "https://api.test/callback",
            scope: "openid email",
            state: "s.t&u",
            nonce: Some("n"),
            challenge: "x",
            more: &[("prompt", "select_account")],
        }
    }

    #[test]
    fn every_parameter_stands_in_the_url_once() {
        assert_eq!(
            request().url().unwrap(),
            "https://op.test/authorize?response_type=code&client_id=c+1&redirect_uri=https%3A%2F%2Fapi.test%2Fcallback&scope=openid+email\
             &state=s.t%26u&nonce=n&code_challenge=x&code_challenge_method=S256&prompt=select_account"
        );
    }

    #[test]
    fn a_query_of_the_endpoint_stays() {
        let request = Authorization { endpoint: "https://op.test/a?tenant=1", nonce: None, ..request() };
        let url = request.url().unwrap();
        assert!(url.starts_with("https://op.test/a?tenant=1&response_type=code&") && !url.contains("nonce"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        assert!(Authorization { endpoint: "authorize", ..request() }.url().is_err());
    }
}
