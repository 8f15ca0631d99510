//! The keys that the runtime is given, and tokens forged with and without them.

use anyhow::{Context as _, Result};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::random;

/// The secrets of a runtime, made at random.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Name of the signing key.
    pub kid: String,
    /// Its seed.
    pub seed: [u8; 32],
    /// The sealing key.
    pub seal: [u8; 32],
    /// The operators' token.
    pub ops_token: String,
    /// The key of the false mail service.
    pub resend_key: String,
    /// What Resend signs its reports with.
    pub resend_webhook: String,
    /// The account at the false Twilio.
    pub twilio_account: String,
    /// Its token.
    pub twilio_token: String,
}

impl Secrets {
    /// Fresh secrets.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn make() -> Result<Self> {
        let text = |bytes: [u8; 24]| URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self {
            kid: random::word()?,
            seed: random::bytes()?,
            seal: random::bytes()?,
            ops_token: format!("ops-{}", text(random::bytes()?)),
            resend_key: format!("re_{}", text(random::bytes()?)),
            resend_webhook: format!("whsec_{}", STANDARD.encode(random::bytes::<32>()?)),
            twilio_account: format!("AC{}", random::word()?),
            twilio_token: text(random::bytes()?),
        })
    }

    /// The secrets as the Worker reads them.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let token_keys = json!([{ "kid": self.kid, "seed": URL_SAFE_NO_PAD.encode(self.seed), "created_at": "2026-01-01T00:00:00.000Z" }]);
        let seal_keys = json!([{ "kid": self.kid, "key": URL_SAFE_NO_PAD.encode(self.seal) }]);
        [
            ("TOKEN_KEYS", token_keys.to_string()),
            ("SEAL_KEYS", seal_keys.to_string()),
            ("OPS_TOKEN", self.ops_token.clone()),
            ("RESEND_API_KEY", self.resend_key.clone()),
            ("RESEND_WEBHOOK_SECRET", self.resend_webhook.clone()),
            ("TWILIO_ACCOUNT_SID", self.twilio_account.clone()),
            ("TWILIO_AUTH_TOKEN", self.twilio_token.clone()),
            ("SAML_KEYS", crate::enterprise::service_keys()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// A token with these claims, signed as the Worker would.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.kid, claims)
    }

    /// A token with these claims under another key's name.
    #[must_use]
    pub fn sign_as(&self, kid: &str, claims: &Value) -> String {
        signed(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }), claims, |input| {
            SigningKey::from_bytes(&self.seed).sign(input).to_bytes().to_vec()
        })
    }

    /// A token signed by HMAC with the public key for a secret: the classic confusion of algorithms.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn sign_hs256(&self, claims: &Value) -> Result<String> {
        let public = SigningKey::from_bytes(&self.seed).verifying_key().to_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(&public).context("key")?;
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": self.kid });
        Ok(signed(&header, claims, |input| mac.clone().chain_update(input).finalize().into_bytes().to_vec()))
    }
}

/// A token signed by a key that nobody knows.
///
/// # Errors
/// When there is no randomness.
pub fn foreign(kid: &str, claims: &Value) -> Result<String> {
    let key = SigningKey::from_bytes(&random::bytes()?);
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid });
    Ok(signed(&header, claims, |input| key.sign(input).to_bytes().to_vec()))
}

/// A token without a signature.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    signed(header, claims, |_| Vec::new())
}

fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// The claims of a token, unverified.
///
/// # Errors
/// When it is no JWT.
pub fn claims(token: &str) -> Result<Value> {
    let payload = token.split('.').nth(1).context("no payload")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// The claims of a token with one of them changed, under the token's own header and signature.
///
/// # Errors
/// When it is no JWT.
pub fn edited(token: &str, claim: &str, value: Value) -> Result<String> {
    let mut claims = claims(token)?;
    *claims.get_mut(claim).with_context(|| format!("no claim {claim}"))? = value;
    let mut parts = token.split('.');
    let (header, _, signature) = (parts.next().context("header")?, parts.next(), parts.next().context("signature")?);
    Ok(format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string())))
}
