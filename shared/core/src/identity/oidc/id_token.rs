//! ID tokens: `OpenID` Connect Core 1.0, 3.1.3.7, point by point.

use jwt_compact::UntrustedToken;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::jwks::{Alg, KeySet};
use crate::{
    error::{Code, Problem},
    time::Timestamp,
};

/// How far the provider's clock may differ from ours, in seconds.
const SKEW_SECONDS: i64 = 60;

/// A token older than this was not made for this sign-in, in seconds.
const MAX_AGE_SECONDS: i64 = 15 * 60;

/// Longest token that is looked at, in bytes; those of directories with many groups are long.
const MAX_TOKEN: usize = 32 * 1024;

/// Longest subject (`OpenID` Connect Core, 2), in bytes.
const MAX_SUBJECT: usize = 255;

/// What stands for the tenant in Microsoft's issuer.
const TENANT: &str = "{tenantid}";

/// What an ID token must be to be believed.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider. With `{tenantid}` in it, any tenant's issuer that the token's own `tid` completes.
    pub issuer: &'a str,
    /// Our client, for which it must be made.
    pub client_id: &'a str,
    /// The flow's nonce.
    pub nonce: &'a str,
    /// The instant.
    pub now: Timestamp,
}

/// What a provider says of a person.
#[derive(Clone, Deserialize)]
pub struct IdClaims {
    /// Who says it.
    pub iss: String,
    /// The person, to this provider and for ever.
    pub sub: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    /// Mail address, as the provider writes it.
    pub email: Option<String>,
    /// Whether the provider has seen that the address is the person's.
    #[serde(default, deserialize_with = "truth")]
    pub email_verified: bool,
    /// Name in full.
    pub name: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// The directory that the person belongs to, by Microsoft.
    pub tid: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl std::fmt::Debug for IdClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdClaims(…)")
    }
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A truth value, which Apple writes as a text. What is neither is not true.
fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(truth) => truth,
        Value::String(text) => text == "true",
        _ => false,
    })
}

/// Why an ID token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// No JWT, overlong, or without what every ID token has.
    Malformed,
    /// Unsigned, or signed by an algorithm that is not allowed.
    Algorithm,
    /// Signed by a key that is not in the set; the set may be old.
    UnknownKey,
    /// The signature is not the key's, or the claims are not those of an ID token.
    Signature,
    /// Of another issuer.
    Issuer,
    /// For another client.
    Audience,
    /// Over.
    Expired,
    /// Not begun, without its time, or too old to be of this sign-in.
    IssuedAt,
    /// Of another sign-in.
    Nonce,
    /// About nobody.
    Subject,
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::new(Code::TokenInvalid).detail("the provider's token is not valid").cause(format!("ID token: {rejection:?}"))
    }
}

/// Verifies an ID token against a provider's keys.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<IdClaims, Rejection> {
    if token.len() > MAX_TOKEN {
        return Err(Rejection::Malformed);
    }
    let untrusted = UntrustedToken::new(token).map_err(|_| Rejection::Malformed)?;
    let alg = Alg::parse(untrusted.algorithm()).ok_or(Rejection::Algorithm)?;
    let key = keys.find(untrusted.header().key_id.as_deref(), alg).ok_or(Rejection::UnknownKey)?;
    let claims = key.verify::<IdClaims>(&untrusted).ok_or(Rejection::Signature)?;
    times(
        claims.expiration.map(|at| at.timestamp()),
        claims.not_before.map(|at| at.timestamp()),
        claims.issued_at.map(|at| at.timestamp()),
        expected.now,
    )?;
    let claims = claims.custom;
    let issuer = issuer(expected.issuer, claims.tid.as_deref()).ok_or(Rejection::Issuer)?;
    if claims.iss != issuer || key.issuer.as_deref().is_some_and(|of_key| self::issuer(of_key, claims.tid.as_deref()).as_deref() != Some(&*issuer)) {
        return Err(Rejection::Issuer);
    }
    audience(&claims, expected.client_id)?;
    if !claims.nonce.as_deref().is_some_and(|nonce| bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes()))) {
        return Err(Rejection::Nonce);
    }
    if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT {
        return Err(Rejection::Subject);
    }
    Ok(claims)
}

fn times(expires: Option<i64>, begins: Option<i64>, issued: Option<i64>, now: Timestamp) -> Result<(), Rejection> {
    let now = now.seconds();
    let latest = now.saturating_add(SKEW_SECONDS);
    let issued = issued.ok_or(Rejection::IssuedAt)?;
    if expires.ok_or(Rejection::Expired)? <= now.saturating_sub(SKEW_SECONDS) {
        return Err(Rejection::Expired);
    }
    let fresh = issued <= latest && issued >= now.saturating_sub(MAX_AGE_SECONDS);
    if fresh && begins.is_none_or(|at| at <= latest) { Ok(()) } else { Err(Rejection::IssuedAt) }
}

/// An issuer with the tenant filled in where it has a place for one. A tenant is a UUID: nothing else may become part of a URL.
fn issuer(template: &str, tenant: Option<&str>) -> Option<String> {
    if !template.contains(TENANT) {
        return Some(template.to_owned());
    }
    let tenant = tenant.filter(|tenant| tenant.len() == 36 && uuid::Uuid::parse_str(tenant).is_ok())?;
    Some(template.replace(TENANT, tenant))
}

/// Whether an issuer is the expected one, or one of those that the expected one has a place for.
pub(super) fn is_issuer(expected: &str, actual: &str) -> bool {
    match expected.split_once(TENANT) {
        Some((before, after)) => {
            let tenant = actual.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            issuer(expected, tenant).as_deref() == Some(actual)
        }
        None => expected == actual,
    }
}

/// Points 3 to 5: for us, and where it names who asked for it, that is us too; other audiences are not trusted.
fn audience(claims: &IdClaims, client_id: &str) -> Result<(), Rejection> {
    let (ours, alone) = match &claims.aud {
        Audience::One(audience) => (audience == client_id, true),
        Audience::Many(audiences) => (audiences.iter().any(|audience| audience == client_id), audiences.len() == 1),
    };
    let authorized = match claims.azp.as_deref() {
        Some(azp) => azp == client_id,
        None => alone,
    };
    if ours && authorized { Ok(()) } else { Err(Rejection::Audience) }
}
