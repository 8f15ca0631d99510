//! Access tokens: JWT (RFC 7519) signed with Ed25519 (RFC 8037), and the ring of keys behind them.
//!
//! Only `EdDSA` is compiled in; any other `alg`, an unknown `kid`, a foreign
//! issuer or audience is refused before a claim is believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use jwt_compact::{AlgorithmExt as _, Claims, Header, UntrustedToken};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::fixed_key::{EdDsa, FixedKey};
use crate::{
    error::{Code, Problem},
    id::{SessionId, TenantId, UserId},
    time::Timestamp,
};

/// How long an access token lives, in seconds.
pub const ACCESS_SECONDS: i64 = 15 * 60;

/// How far another machine's clock may run ahead of ours, in seconds.
const SKEW_SECONDS: i64 = 30;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 4096;

/// What an access token says, beside its times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer: the API's own URL.
    pub iss: String,
    /// The person.
    pub sub: UserId,
    /// Audience.
    pub aud: String,
    /// Identifier of this token.
    pub jti: String,
    /// The session that it was issued for.
    pub sid: SessionId,
    /// Active tenant; absent for a platform session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    /// Key of the role in the active tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Permission set: a bit set over the catalogue, hexadecimal.
    pub perms: String,
    /// Version of the catalogue that `perms` counts in.
    pub pv: u16,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// When the second factor was last given, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_at: Option<i64>,
    /// Whether the person's mail address is verified.
    pub email_verified: bool,
    /// API calls per minute that the tenant's plan allows, so that admission needs no look-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

/// A token that was verified, with the instant it dies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: AccessClaims,
    /// When it was issued, to the millisecond where its id tells.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

struct Key {
    kid: String,
    signing: SigningKey,
    verifying: FixedKey,
}

/// The signing keys: the first signs, all verify.
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct KeyConfig {
    kid: String,
    seed: Zeroizing<String>,
}

impl KeyRing {
    /// Reads the ring from its JSON form, `[{"kid", "seed"}]`, seeds in base64url.
    ///
    /// # Errors
    /// A sentence without key material when the form is wrong or the ring is empty.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let configs: Vec<KeyConfig> = serde_json::from_str(text).map_err(|_| "TOKEN_KEYS is not a list of keys")?;
        let mut keys = Vec::with_capacity(configs.len());
        for config in configs {
            let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(config.seed.as_bytes()).map_err(|_| "a seed in TOKEN_KEYS is not base64url")?);
            let seed: [u8; 32] = bytes.as_slice().try_into().map_err(|_| "a seed in TOKEN_KEYS is not 32 bytes")?;
            let signing = SigningKey::from_bytes(&seed);
            keys.push(Key { kid: config.kid, verifying: FixedKey::new(signing.verifying_key()), signing });
        }
        if keys.is_empty() {
            return Err("TOKEN_KEYS is empty");
        }
        Ok(Self { keys })
    }

    /// Signs an access token that lives for `seconds` from `now`.
    ///
    /// # Errors
    /// `INTERNAL` if the claims cannot be serialized.
    pub fn sign(&self, claims: AccessClaims, now: Timestamp, seconds: i64) -> Result<String, Problem> {
        let key = self.keys.first().ok_or_else(|| Problem::internal("no signing key"))?;
        let instant = |at: Timestamp| jwt_compact_time(at.seconds()).ok_or_else(|| Problem::internal("clock out of range"));
        let mut token = Claims::new(claims);
        token.issued_at = Some(instant(now)?);
        token.expiration = Some(instant(now.plus_seconds(seconds))?);
        let header = Header::empty().with_key_id(key.kid.clone()).with_token_type("at+jwt");
        EdDsa.token(&header, &token, &key.signing).map_err(|_| Problem::internal("token could not be signed"))
    }

    /// Verifies a token's signature, times, issuer and audience.
    ///
    /// # Errors
    /// `TOKEN_EXPIRED` for a good token whose time is over, `TOKEN_INVALID` for everything else.
    pub fn verify(&self, token: &str, issuer: &str, audience: &str, now: Timestamp) -> Result<Verified, Problem> {
        let invalid = |why: &'static str| Problem::new(Code::TokenInvalid).cause(why);
        if token.len() > MAX_TOKEN {
            return Err(invalid("too long"));
        }
        let untrusted: UntrustedToken<'_> = UntrustedToken::new(token).map_err(|_| invalid("malformed"))?;
        if untrusted.algorithm() != "EdDSA" {
            return Err(invalid("algorithm"));
        }
        let kid = untrusted.header().key_id.as_deref().ok_or_else(|| invalid("no kid"))?;
        let key = self.keys.iter().find(|key| key.kid == kid).ok_or_else(|| invalid("unknown kid"))?;
        let verified = EdDsa.validator::<AccessClaims>(&key.verifying).validate(&untrusted).map_err(|_| invalid("signature or claims"))?;
        let (_, claims) = verified.into_parts();
        let seconds = now.seconds();
        let expires = claims.expiration.ok_or_else(|| invalid("no exp"))?.timestamp();
        let latest_start = seconds.saturating_add(SKEW_SECONDS);
        let issued = claims.issued_at.ok_or_else(|| invalid("no iat"))?.timestamp();
        let begins = claims.not_before.into_iter().chain(claims.issued_at).map(|at| at.timestamp()).max();
        if begins.is_some_and(|at| at > latest_start) {
            return Err(invalid("not yet valid"));
        }
        if claims.custom.iss != issuer || claims.custom.aud != audience {
            return Err(invalid("issuer or audience"));
        }
        if expires <= seconds {
            return Err(Problem::new(Code::TokenExpired));
        }
        let instant = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
        let issued_at = issued_within(&claims.custom.jti, issued).unwrap_or_else(|| instant(issued));
        Ok(Verified { claims: claims.custom, issued_at, expires_at: instant(expires) })
    }

    /// The public keys as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> = self
            .keys
            .iter()
            .map(|key| {
                json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                    "kid": key.kid, "x": URL_SAFE_NO_PAD.encode(key.verifying.as_bytes()),
                })
            })
            .collect();
        json!({ "keys": keys })
    }
}

/// The millisecond within the second `iat`, if the token's id is a version 7 UUID that tells it. A session that is begun
/// right after a revocation must not fall under it for having begun in the same second.
fn issued_within(jti: &str, iat: i64) -> Option<Timestamp> {
    let (seconds, nanos) = uuid::Uuid::parse_str(jti).ok()?.get_timestamp()?.to_unix();
    let millis = i64::from(nanos).checked_div(1_000_000)?;
    (i64::try_from(seconds).ok()? == iat).then(|| Timestamp::from_millis(iat.saturating_mul(1000).saturating_add(millis)))
}

/// An instant in the type that `jwt-compact`'s claims hold.
fn jwt_compact_time(seconds: i64) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::from_timestamp(seconds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISS: &str = "https://api.zygo.test";
    const AUD: &str = "zygo";
    const NOW: Timestamp = Timestamp::from_millis(1_769_592_600_000);

    fn ring(kid: &str, seed: u8) -> KeyRing {
        KeyRing::parse(&json!([{ "kid": kid, "seed": URL_SAFE_NO_PAD.encode([seed; 32]) }]).to_string()).unwrap()
    }

    fn claims() -> AccessClaims {
        AccessClaims {
            iss: ISS.into(),
            sub: uuid::Uuid::from_u128(1).into(),
            aud: AUD.into(),
            jti: "j".into(),
            sid: uuid::Uuid::from_u128(2).into(),
            tid: None,
            role: None,
            perms: "0".into(),
            pv: 1,
            amr: vec!["pwd".into()],
            mfa_at: None,
            email_verified: true,
            rate: Some(60),
        }
    }

    fn refused(token: &str, now: Timestamp) -> Code {
        ring("a", 1).verify(token, ISS, AUD, now).unwrap_err().code()
    }

    fn with_parts(token: &str, header: Option<Value>, payload: Option<Value>) -> String {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        if let Some(header) = header {
            parts[0] = URL_SAFE_NO_PAD.encode(header.to_string());
        }
        if let Some(payload) = payload {
            parts[1] = URL_SAFE_NO_PAD.encode(payload.to_string());
        }
        parts.join(".")
    }

    #[test]
    fn signs_and_verifies() {
        let token = ring("a", 1).sign(claims(), NOW, ACCESS_SECONDS).unwrap();
        let verified = ring("a", 1).verify(&token, ISS, AUD, NOW).unwrap();
        assert_eq!(verified.claims, claims());
        assert_eq!(verified.expires_at, NOW.plus_seconds(ACCESS_SECONDS));
    }

    #[test]
    fn an_old_key_still_verifies_after_rotation() {
        let token = ring("a", 1).sign(claims(), NOW, 60).unwrap();
        let keys = json!([{ "kid": "b", "seed": URL_SAFE_NO_PAD.encode([2; 32]) }, { "kid": "a", "seed": URL_SAFE_NO_PAD.encode([1; 32]) }]);
        assert!(KeyRing::parse(&keys.to_string()).unwrap().verify(&token, ISS, AUD, NOW).is_ok());
    }

    #[test]
    fn expiry_is_told_from_forgery() {
        let token = ring("a", 1).sign(claims(), NOW, 60).unwrap();
        assert_eq!(refused(&token, NOW.plus_seconds(60)), Code::TokenExpired);
        assert_eq!(refused(&ring("a", 9).sign(claims(), NOW, 60).unwrap(), NOW), Code::TokenInvalid);
    }

    #[test]
    fn attacks_are_refused() {
        let good = ring("a", 1).sign(claims(), NOW, 60).unwrap();
        let payload = serde_json::to_value(claims()).unwrap();
        let mut raised = payload;
        raised["perms"] = json!("ffff");
        raised["exp"] = json!(NOW.seconds() + 60);
        let none = with_parts(&good, Some(json!({ "alg": "none", "kid": "a" })), None);
        let cases = [
            ("alg none", none.clone()),
            ("alg none, no signature", none.rsplit_once('.').map(|(head, _)| format!("{head}.")).unwrap()),
            ("HS256", with_parts(&good, Some(json!({ "alg": "HS256", "kid": "a" })), None)),
            ("foreign kid", ring("x", 1).sign(claims(), NOW, 60).unwrap()),
            ("edited permissions", with_parts(&good, None, Some(raised))),
            ("issued in the future", ring("a", 1).sign(claims(), NOW.plus_seconds(600), 60).unwrap()),
            ("wrong audience", ring("a", 1).sign(AccessClaims { aud: "else".into(), ..claims() }, NOW, 60).unwrap()),
            ("wrong issuer", ring("a", 1).sign(AccessClaims { iss: "else".into(), ..claims() }, NOW, 60).unwrap()),
            ("empty", String::new()),
            ("dots", "..".into()),
            ("long", "a".repeat(MAX_TOKEN + 1)),
        ];
        for (name, token) in cases {
            assert_eq!(refused(&token, NOW), Code::TokenInvalid, "{name}");
        }
    }

    #[test]
    fn the_key_set_is_public_only() {
        let text = ring("a", 1).jwks().to_string();
        assert!(!text.contains("\"d\"") && !text.contains(&URL_SAFE_NO_PAD.encode([1; 32])));
    }

    /// RFC 8037, appendix A.4: the signature of a known message by a known key.
    #[test]
    fn rfc_8037_vector() {
        use ed25519_dalek::Signer as _;
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_bytes(seed.as_slice().try_into().unwrap());
        let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(token in ".{0,200}") {
            let _ = ring("a", 1).verify(&token, ISS, AUD, NOW);
        }
    }
}
