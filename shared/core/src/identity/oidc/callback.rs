//! The authorization response (RFC 6749, 4.1.2; RFC 9207): what the browser comes back with.

use super::id_token;
use crate::error::{Code, Problem};

/// Longest parameter that is looked at, in bytes.
const MAX: usize = 8 * 1024;

/// The parameters of an authorization response.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Callback {
    /// The state that the request was made with.
    pub state: Option<String>,
    /// What Apple says of the person, at the first sign-in only: JSON.
    pub user: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

impl Callback {
    /// Reads a query string or a form body.
    ///
    /// # Errors
    /// `BAD_REQUEST` where a parameter comes twice (RFC 6749, 3.1) or is overlong.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let odd = |why: &str| Problem::new(Code::BadRequest).detail(why);
        let mut callback = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let slot = match &*name {
                "state" => &mut callback.state,
                "code" => &mut callback.code,
                "iss" => &mut callback.iss,
                "error" => &mut callback.error,
                "user" => &mut callback.user,
                _ => continue,
            };
            if value.len() > MAX {
                return Err(odd("a parameter is overlong"));
            }
            if slot.replace(value.into_owned()).is_some() {
                return Err(odd("a parameter comes twice"));
            }
        }
        Ok(callback)
    }

    /// The same as a query string, for handing it on to the host that the flow began at.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("state", &self.state), ("code", &self.code), ("iss", &self.iss), ("error", &self.error), ("user", &self.user)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// The code, if the provider gave one and is who we asked (RFC 9207, 2.4). Call it when the state is known to be ours.
    /// `iss_always` says that the provider's answers always carry its name.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` where the person or the provider said no, `DEPENDENCY_UNAVAILABLE` where the provider could not,
    /// `TOKEN_INVALID` where another issuer answered, `BAD_REQUEST` for an answer that is neither.
    pub fn code(&self, issuer: &str, iss_always: bool) -> Result<&str, Problem> {
        let mixed_up = match &self.iss {
            Some(iss) => !id_token::is_issuer(issuer, iss),
            None => iss_always,
        };
        if mixed_up {
            return Err(Problem::new(Code::TokenInvalid).cause("authorization response of another issuer"));
        }
        if let Some(error) = &self.error {
            return Err(refusal(error));
        }
        self.code.as_deref().filter(|code| !code.is_empty()).ok_or(Problem::new(Code::BadRequest).detail("neither a code nor an error"))
    }
}

/// What an error of the authorization endpoint (RFC 6749, 4.1.2.1; `OpenID` Connect Core, 3.1.2.6) is to the caller.
fn refusal(error: &str) -> Problem {
    match error {
        "server_error" | "temporarily_unavailable" => Problem::unavailable("authorization endpoint: says it is unavailable"),
        // These are faults of our registration or request.
        "invalid_request" | "invalid_scope" | "unauthorized_client" | "unsupported_response_type" => {
            Problem::unavailable(format!("authorization endpoint: {error}"))
        }
        // Denied by the person, or the provider could not sign them in; the words are the provider's and stay out of ours.
        _ => Problem::new(Code::InvalidCredentials).detail("the provider did not sign you in"),
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://op.test";

    fn code_of(query: &str, always: bool) -> Result<String, Code> {
        Callback::parse(query).and_then(|callback| callback.code(ISSUER, always).map(str::to_owned)).map_err(|problem| problem.code())
    }

    #[test]
    fn a_code_is_taken_from_the_issuer_that_was_asked() {
        assert_eq!(code_of("state=s&code=c", false), Ok("c".into()));
        assert_eq!(code_of("state=s&code=c&iss=https%3A%2F%2Fop.test", true), Ok("c".into()));
        assert_eq!(code_of("state=s&code=c&iss=https%3A%2F%2Fop.test&session_state=1", false), Ok("c".into()));
    }

    #[test]
    fn an_issuer_for_many_directories_is_any_of_them() {
        let template = "https://op.test/{tenantid}/v2.0";
        let answer = |iss: &str| Callback::parse(&format!("code=c&iss={iss}")).unwrap().code(template, true).is_ok();
        assert!(answer("https://op.test/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"));
        for iss in ["https://op.test/x/v2.0", "https://op.test/{tenantid}/v2.0", "https://evil.test/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"] {
            assert!(!answer(iss), "{iss}");
        }
    }

    #[test]
    fn refusals() {
        for (query, always, expected) in [
            ("state=s&code=c", true, Code::TokenInvalid),
            ("state=s&code=c&iss=https%3A%2F%2Fevil.test", false, Code::TokenInvalid),
            ("state=s&code=c&iss=https%3A%2F%2Fop.test%2F", false, Code::TokenInvalid),
            ("state=s&error=access_denied&iss=https%3A%2F%2Fevil.test", false, Code::TokenInvalid),
            ("state=s&error=access_denied", false, Code::InvalidCredentials),
            ("state=s&error=login_required", false, Code::InvalidCredentials),
            ("state=s&error=anything&code=c", false, Code::InvalidCredentials),
            ("state=s&error=server_error", false, Code::DependencyUnavailable),
            ("state=s&error=temporarily_unavailable", false, Code::DependencyUnavailable),
            ("state=s&error=invalid_scope", false, Code::DependencyUnavailable),
            ("state=s", false, Code::BadRequest),
            ("state=s&code=", false, Code::BadRequest),
            ("state=s&code=a&code=b", false, Code::BadRequest),
            ("state=s&state=t&code=a", false, Code::BadRequest),
        ] {
            assert_eq!(code_of(query, always), Err(expected), "{query}");
        }
        assert_eq!(code_of(&format!("code={}", "a".repeat(MAX + 1)), false), Err(Code::BadRequest));
    }

    proptest::proptest! {
        #[test]
        fn handing_on_loses_nothing(state in ".{0,40}", code in ".{0,40}", user in ".{0,40}") {
            let callback = Callback { state: Some(state), code: Some(code), user: Some(user), ..Callback::default() };
            proptest::prop_assert_eq!(Callback::parse(&callback.query()).unwrap(), callback);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            if let Ok(callback) = Callback::parse(&text) {
                let _ = callback.code(ISSUER, true);
            }
        }
    }
}
