//! A provider's public keys: JSON Web Key Set (RFC 7517), for RS256 (RFC 7518, 3.3), ES256 (3.4) and `EdDSA` (RFC 8037).

use std::{borrow::Cow, convert::Infallible};

use jwt_compact::{Algorithm, AlgorithmExt as _, AlgorithmSignature, Claims, UntrustedToken, alg, jwk::JsonWebKey};
use rsa::{
    BigUint, RsaPublicKey,
    pkcs1v15::{self, VerifyingKey},
    signature::Verifier as _,
    traits::PublicKeyParts as _,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::Sha256;

use crate::error::Problem;

/// Keys of a set that are looked at; providers publish a handful.
const MAX_KEYS: usize = 64;

/// RSA below this is no longer secure (RFC 7518, 3.3); above [`MAX_BITS`] verifying is a way to keep us busy.
const MIN_BITS: usize = 2048;
const MAX_BITS: usize = 4096;

/// The algorithms that ID tokens may be signed with; `none` and those with shared secrets are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alg {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Alg {
    /// The algorithm that a token's header names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
enum Material {
    Rsa(VerifyingKey<Sha256>),
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// One public key.
#[derive(Debug, Clone)]
pub struct Key {
    kid: Option<String>,
    /// The issuer that it signs for, where the set says so (Microsoft's does; may hold `{tenantid}`).
    pub issuer: Option<String>,
    material: Material,
}

#[derive(Deserialize)]
struct Entry {
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    issuer: Option<String>,
}

impl Key {
    /// Reads a key; `None` for one that signs no ID token: another use, another kind, too weak, or not on its curve.
    #[must_use]
    pub fn parse(value: &Value) -> Option<Self> {
        let entry = Entry::deserialize(value).ok()?;
        if entry.r#use.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let jwk = JsonWebKey::deserialize(value).ok()?;
        let material = match &jwk {
            JsonWebKey::Rsa { modulus, public_exponent, .. } => Material::Rsa(rsa_key(modulus, public_exponent)?),
            JsonWebKey::EllipticCurve { .. } => Material::P256((&jwk).try_into().ok()?),
            JsonWebKey::KeyPair { .. } => Material::Ed25519((&jwk).try_into().ok()?),
            _ => return None,
        };
        let key = Self { kid: entry.kid, issuer: entry.issuer, material };
        entry.alg.is_none_or(|alg| Alg::parse(&alg) == Some(key.alg())).then_some(key)
    }

    /// The only algorithm that the key is good for, whatever a token says.
    #[must_use]
    pub const fn alg(&self) -> Alg {
        match self.material {
            Material::Rsa(_) => Alg::Rs256,
            Material::P256(_) => Alg::Es256,
            Material::Ed25519(_) => Alg::EdDsa,
        }
    }

    /// Verifies a token's signature by this key and reads its claims; `None` if it does not verify or they do not fit.
    pub(super) fn verify<T: DeserializeOwned>(&self, token: &UntrustedToken<'_>) -> Option<Claims<T>> {
        let token = match &self.material {
            Material::Rsa(key) => Rs256.validator::<T>(key).validate(token),
            Material::P256(key) => alg::Es256.validator::<T>(key).validate(token),
            Material::Ed25519(key) => alg::Ed25519.validator::<T>(key).validate(token),
        };
        token.ok().map(|token| token.into_parts().1)
    }

    /// Whether a signature is this key's.
    #[cfg(test)]
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        fn by<A: Algorithm>(alg: &A, key: &A::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
            let fits = A::Signature::LENGTH.is_none_or(|length| length.get() == signature.len());
            fits && A::Signature::try_from_slice(signature).is_ok_and(|signature| alg.verify_signature(&signature, key, message))
        }
        match &self.material {
            Material::Rsa(key) => by(&Rs256, key, message, signature),
            Material::P256(key) => by(&alg::Es256, key, message, signature),
            Material::Ed25519(key) => by(&alg::Ed25519, key, message, signature),
        }
    }
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<VerifyingKey<Sha256>> {
    // Before the numbers are looked at: a modulus of megabytes is none.
    if modulus.len() > MAX_BITS.div_ceil(8).saturating_add(1) || exponent.len() > 8 {
        return None;
    }
    let key = RsaPublicKey::new(BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent)).ok()?;
    (MIN_BITS..=MAX_BITS).contains(&key.n().bits()).then(|| VerifyingKey::new(key))
}

/// The keys of one provider.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Reads a key set; keys that sign no ID token are left out.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` for what is no key set.
    pub fn parse(document: &[u8]) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(document).map_err(|_| Problem::unavailable("key set: not the JSON of one"))?;
        Ok(Self { keys: document.keys.iter().take(MAX_KEYS).filter_map(Key::parse).collect() })
    }

    /// The key that a token's header names. Without a `kid` the only one that fits the algorithm (`OpenID` Connect Core, 10.1).
    #[must_use]
    pub fn find(&self, kid: Option<&str>, alg: Alg) -> Option<&Key> {
        let mut fitting = self.keys.iter().filter(|key| key.alg() == alg && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid)));
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then_some(first)
    }
}

/// RS256 for `jwt-compact`, which brings it only together with signing; nothing here can sign.
struct Rs256;

impl Algorithm for Rs256 {
    type SigningKey = Infallible;
    type VerifyingKey = VerifyingKey<Sha256>;
    type Signature = RsaSignature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("RS256")
    }

    fn sign(&self, key: &Infallible, _: &[u8]) -> RsaSignature {
        match *key {}
    }

    fn verify_signature(&self, signature: &RsaSignature, key: &VerifyingKey<Sha256>, message: &[u8]) -> bool {
        pkcs1v15::Signature::try_from(signature.0.as_slice()).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

struct RsaSignature(Vec<u8>);

impl AlgorithmSignature for RsaSignature {
    fn try_from_slice(slice: &[u8]) -> Result<Self, anyhow::Error> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}
