//! Public keys of credentials: ECDSA on P-256 with SHA-256, and Ed25519.

use ed25519_dalek::Signature as EdSignature;
use p256::ecdsa::{Signature as EcSignature, VerifyingKey as EcKey, signature::Verifier as _};
use webauthn_rp::response::register::UncompressedPubKey;

use super::Refused;

/// Algorithms that are offered, the preferred first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `EdDSA` with curve Ed25519 (RFC 9053, 2.2).
    EdDsa,
    /// `ES256`: ECDSA with SHA-256 and, in WebAuthn, curve P-256 (RFC 9053, 2.1).
    Es256,
}

impl Algorithm {
    /// Every algorithm, the preferred first.
    pub const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// Its number in IANA's COSE registry.
    #[must_use]
    pub const fn cose(self) -> i16 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
        }
    }

    /// The algorithm of a number.
    #[must_use]
    pub fn from_cose(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.cose() == number)
    }
}

/// A public key that was checked to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// `ES256`: the point, compressed (SEC 1, 2.3.3). `EdDSA`: the 32 bytes of RFC 8032, 5.1.2.
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// The key of a new credential.
    ///
    /// # Errors
    /// [`Refused::Key`] for another algorithm, a point that is not on its curve, or one of small order.
    pub(super) fn read(key: UncompressedPubKey<'_>) -> Result<Self, Refused> {
        let key = match key {
            UncompressedPubKey::P256(point) => {
                let parity = if point.y_is_odd() { 3 } else { 2 };
                // The compressed form knows no y, so the point as a whole is checked first.
                point.validate().map_err(|_| Refused::Key)?;
                Self { algorithm: Algorithm::Es256, bytes: std::iter::once(parity).chain(point.x().iter().copied()).collect() }
            }
            UncompressedPubKey::Ed25519(point) => Self { algorithm: Algorithm::EdDsa, bytes: point.inner().to_vec() },
            UncompressedPubKey::P384(_) | UncompressedPubKey::Rsa(_) => return Err(Refused::Key),
        };
        key.check().map(|()| key)
    }

    fn check(&self) -> Result<(), Refused> {
        match self.algorithm {
            Algorithm::Es256 => self.ec().map(drop),
            Algorithm::EdDsa => self.ed().map(drop),
        }
    }

    fn ec(&self) -> Result<EcKey, Refused> {
        EcKey::from_sec1_bytes(&self.bytes).map_err(|_| Refused::Key)
    }

    fn ed(&self) -> Result<ed25519_dalek::VerifyingKey, Refused> {
        let bytes: [u8; 32] = self.bytes.as_slice().try_into().map_err(|_| Refused::Key)?;
        ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak()).ok_or(Refused::Key)
    }

    /// Verifies a signature: DER for `ES256` (WebAuthn, 6.5.5), 64 bytes for `EdDSA`, where what more than one key or
    /// message could have is refused.
    ///
    /// # Errors
    /// [`Refused::Signature`]; [`Refused::Key`] if what was stored is none.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let verified = match self.algorithm {
            Algorithm::Es256 => EcSignature::from_der(signature).and_then(|signature| self.ec_verify(message, &signature)),
            Algorithm::EdDsa => {
                let key = self.ed()?;
                EdSignature::from_slice(signature).and_then(|signature| key.verify_strict(message, &signature))
            }
        };
        verified.map_err(|_| Refused::Signature)
    }

    fn ec_verify(&self, message: &[u8], signature: &EcSignature) -> Result<(), p256::ecdsa::Error> {
        EcKey::from_sec1_bytes(&self.bytes)?.verify(message, signature)
    }
}
