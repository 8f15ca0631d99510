//! The token endpoint (RFC 6749, 3.2): what is asked there, and what it answers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::ZeroizeOnDrop;

use crate::error::{Code, Problem};

/// How a client proves to be itself (RFC 6749, 2.3.1).
#[derive(Clone, Copy)]
pub enum ClientAuth<'a> {
    /// In the `Authorization` header.
    Basic(&'a str),
    /// In the form.
    Form(&'a str),
    /// Not at all: a public client, for which PKCE stands alone.
    None,
}

/// What is redeemed.
#[derive(Clone, Copy)]
pub enum Grant<'a> {
    /// A code (RFC 6749, 4.1.3; RFC 7636, 4.5).
    Code {
        /// It.
        code: &'a str,
        /// Where it was sent to, letter by letter.
        redirect_uri: &'a str,
        /// The PKCE verifier.
        verifier: &'a str,
    },
    /// A refresh token (RFC 6749, 6).
    Refresh(&'a str),
}

/// A request to the token endpoint.
#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    /// Our client.
    pub client_id: &'a str,
    /// Its proof.
    pub auth: ClientAuth<'a>,
    /// What is redeemed.
    pub grant: Grant<'a>,
}

impl TokenRequest<'_> {
    /// The form to post.
    #[must_use]
    pub fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        match self.grant {
            Grant::Code { code, redirect_uri, verifier } => form
                .append_pair("grant_type", "authorization_code")
                .append_pair("code", code)
                .append_pair("redirect_uri", redirect_uri)
                .append_pair("code_verifier", verifier),
            Grant::Refresh(token) => form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token),
        };
        client_in_form(&mut form, self.client_id, self.auth);
        form.finish()
    }

    /// The `Authorization` header, where the client proves itself there.
    #[must_use]
    pub fn authorization(&self) -> Option<String> {
        authorization(self.client_id, self.auth)
    }
}

/// A request to take a token back (RFC 7009), where the token alone is proof enough.
#[must_use]
pub fn revocation_form(token: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish()
}

/// The `Authorization` header of a client; both halves are form-encoded first, as RFC 6749, 2.3.1 says and few remember.
#[must_use]
pub fn authorization(client_id: &str, auth: ClientAuth<'_>) -> Option<String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    match auth {
        ClientAuth::Basic(secret) => Some(format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret))))),
        ClientAuth::Form(_) | ClientAuth::None => None,
    }
}

fn client_in_form(form: &mut form_urlencoded::Serializer<'_, String>, client_id: &str, auth: ClientAuth<'_>) {
    match auth {
        ClientAuth::Basic(_) => {}
        ClientAuth::Form(secret) => {
            form.append_pair("client_id", client_id).append_pair("client_secret", secret);
        }
        ClientAuth::None => {
            form.append_pair("client_id", client_id);
        }
    }
}

/// What the token endpoint gave. Wiped when dropped; `Debug` shows none of it.
#[derive(Clone, Deserialize, ZeroizeOnDrop)]
pub struct Tokens {
    /// For the provider's API.
    pub access_token: String,
    token_type: String,
    /// Seconds that the access token lives, if it says.
    #[zeroize(skip)]
    pub expires_in: Option<i64>,
    /// For another access token.
    pub refresh_token: Option<String>,
    /// Who signed in.
    pub id_token: Option<String>,
    /// The scopes that were granted, where they are not those asked for.
    pub scope: Option<String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Tokens {
    /// Reads the token endpoint's answer. GitHub says no with status 200, so the body decides.
    ///
    /// # Errors
    /// `TOKEN_INVALID` where the code or refresh token is not, or no longer, good; `DEPENDENCY_UNAVAILABLE` for everything else.
    pub fn parse(status: u16, body: &[u8]) -> Result<Self, Problem> {
        let away = |why: &str| Problem::unavailable(format!("token endpoint: {why}"));
        if let Ok(refusal) = serde_json::from_slice::<Refusal>(body) {
            return Err(match refusal.error.as_str() {
                "invalid_grant" | "bad_verification_code" => {
                    Problem::new(Code::TokenInvalid).detail("the provider did not accept the code").cause("token endpoint: invalid_grant")
                }
                // A word of the protocol, not free text.
                word if word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => away(word),
                _ => away("refused"),
            });
        }
        if status != 200 {
            return Err(away(&format!("status {status}")));
        }
        let tokens: Self = serde_json::from_slice(body).map_err(|_| away("not the JSON of a token answer"))?;
        if !tokens.token_type.eq_ignore_ascii_case("bearer") || tokens.access_token.is_empty() {
            return Err(away("no bearer token"));
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(auth: ClientAuth<'static>) -> TokenRequest<'static> {
        TokenRequest { client_id: "a b", auth, grant: Grant::Code { code: "c&d", redirect_uri: "https://x.test/cb", verifier: "v" } }
    }

    #[test]
    fn the_client_proves_itself_in_one_place() {
        let code = "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fx.test%2Fcb&code_verifier=v";
        assert_eq!(request(ClientAuth::Basic("s:e")).form(), code);
        // "a+b:s%3Ae"
        assert_eq!(request(ClientAuth::Basic("s:e")).authorization().unwrap(), "Basic YStiOnMlM0Fl");
        assert_eq!(request(ClientAuth::Form("s:e")).form(), format!("{code}&client_id=a+b&client_secret=s%3Ae"));
        assert_eq!(request(ClientAuth::Form("s:e")).authorization(), None);
        assert_eq!(request(ClientAuth::None).form(), format!("{code}&client_id=a+b"));
        let refresh = TokenRequest { grant: Grant::Refresh("r"), ..request(ClientAuth::None) };
        assert_eq!(refresh.form(), "grant_type=refresh_token&refresh_token=r&client_id=a+b");
        assert_eq!(revocation_form("t&"), "token=t%26");
    }

    #[test]
    fn answers() {
        let good = br#"{"access_token":"a","token_type":"Bearer","expires_in":3600,"id_token":"i","scope":"openid"}"#;
        let tokens = Tokens::parse(200, good).unwrap();
        assert_eq!((tokens.access_token.as_str(), tokens.expires_in, tokens.id_token.as_deref()), ("a", Some(3600), Some("i")));
        for (status, body, code) in [
            (400, r#"{"error":"invalid_grant"}"#, Code::TokenInvalid),
            (200, r#"{"error":"bad_verification_code"}"#, Code::TokenInvalid),
            (401, r#"{"error":"invalid_client","error_description":"x"}"#, Code::DependencyUnavailable),
            (400, r#"{"error":"<script>"}"#, Code::DependencyUnavailable),
            (500, "{}", Code::DependencyUnavailable),
            (503, "<html>", Code::DependencyUnavailable),
            (200, "<html>", Code::DependencyUnavailable),
            (200, "{}", Code::DependencyUnavailable),
            (200, r#"{"access_token":"","token_type":"bearer"}"#, Code::DependencyUnavailable),
            (200, r#"{"access_token":"a","token_type":"mac"}"#, Code::DependencyUnavailable),
            (302, r#"{"access_token":"a","token_type":"bearer"}"#, Code::DependencyUnavailable),
        ] {
            assert_eq!(Tokens::parse(status, body.as_bytes()).unwrap_err().code(), code, "{status} {body}");
        }
    }
}
