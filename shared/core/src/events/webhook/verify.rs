//! Reading what others sign by Standard Webhooks 1.0, as Svix does for those who send through it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::time::Timestamp;

/// How far the sender's clock may be from ours, in seconds; the same in the standard's libraries.
const TOLERANCE: i64 = 5 * 60;
/// Signatures that are looked at: one for each secret while a sender goes over to another.
const SIGNATURES: usize = 8;
/// Longest identifier of a message.
const ID: usize = 128;

/// The secrets that a sender signs with: one, or several with spaces between them while it goes over to another.
pub struct Verifier {
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

/// A message as it came.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// Its identifier, the same however often it is sent.
    pub id: &'a str,
    /// When it was sent, in seconds since 1970.
    pub timestamp: &'a str,
    /// Its signatures.
    pub signatures: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

impl Verifier {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// A sentence without key material where it is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let decoded = |secret: &str| -> Option<Zeroizing<Vec<u8>>> {
            let bytes = Zeroizing::new(STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?);
            (16..=128).contains(&bytes.len()).then_some(bytes)
        };
        let secrets: Vec<_> = text.split_whitespace().map(decoded).collect::<Option<_>>().ok_or("not a secret of webhooks, whsec_ and base64")?;
        if secrets.is_empty() { Err("no secret") } else { Ok(Self { secrets }) }
    }

    /// Whether a message was signed with one of the secrets, just now. How long it takes says nothing of a signature that is nearly right.
    #[must_use]
    pub fn accepts(&self, signed: &Signed<'_>, now: Timestamp) -> bool {
        let sane = (1..=ID).contains(&signed.id.len()) && signed.id.bytes().all(|byte| byte.is_ascii_graphic());
        let fresh = signed.timestamp.parse::<i64>().is_ok_and(|at| at.abs_diff(now.seconds()) <= TOLERANCE.unsigned_abs());
        sane && fresh && self.signed(signed)
    }

    fn signed(&self, signed: &Signed<'_>) -> bool {
        let given = signed.signatures.split(' ').filter_map(|one| one.strip_prefix("v1,")).take(SIGNATURES);
        let given: Vec<Vec<u8>> = given.filter_map(|one| STANDARD.decode(one).ok()).collect();
        self.secrets.iter().any(|secret| {
            // A key of any length will do for HMAC (RFC 2104), so this never fails.
            let Ok(mac) = <Hmac<Sha256> as hmac::Mac>::new_from_slice(secret) else { return false };
            let mac = mac.chain_update(format!("{}.{}.", signed.id, signed.timestamp)).chain_update(signed.body);
            given.iter().any(|one| mac.clone().verify_slice(one).is_ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::events::webhook::secret::{Secrets, headers};

    /// The example of the standard's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const EXAMPLE: Signed<'_> = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body: b"{\"test\": 2432232314}",
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_standards_example() {
        let verifier = Verifier::parse(SECRET).unwrap();
        assert!(verifier.accepts(&EXAMPLE, at(1_614_265_330)));
        // Beside a signature of another kind, and of another secret.
        let many = format!("v1a,AAAA v1,AAAA v2,x {}", EXAMPLE.signatures);
        assert!(verifier.accepts(&Signed { signatures: &many, ..EXAMPLE }, at(1_614_265_330)));
    }

    #[test]
    fn nothing_else_is_taken() {
        let verifier = Verifier::parse(SECRET).unwrap();
        let long = "m".repeat(129);
        let odd = [
            Signed { id: "msg_p5jXN8AQM9LWM0D4loKWxJel", ..EXAMPLE },
            Signed { id: "", ..EXAMPLE },
            Signed { id: &long, ..EXAMPLE },
            Signed { timestamp: "1614265331", ..EXAMPLE },
            Signed { timestamp: "", ..EXAMPLE },
            Signed { timestamp: "1614265330.0", ..EXAMPLE },
            Signed { timestamp: "-9223372036854775808", ..EXAMPLE },
            Signed { body: b"{\"test\": 2432232315}", ..EXAMPLE },
            Signed { body: b"", ..EXAMPLE },
            Signed { signatures: "", ..EXAMPLE },
            Signed { signatures: "v1,", ..EXAMPLE },
            Signed { signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", ..EXAMPLE },
            Signed { signatures: "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ..EXAMPLE },
            Signed { signatures: "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ..EXAMPLE },
        ];
        for signed in odd {
            assert!(!verifier.accepts(&signed, at(1_614_265_330)), "{} {} {}", signed.id, signed.timestamp, signed.signatures);
        }
        let other = Verifier::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert!(!other.accepts(&EXAMPLE, at(1_614_265_330)));
    }

    #[test]
    fn what_is_old_or_of_the_future_is_refused() {
        let verifier = Verifier::parse(SECRET).unwrap();
        for (seconds, taken) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(verifier.accepts(&EXAMPLE, at(1_614_265_330 + seconds)), taken, "{seconds}");
        }
    }

    #[test]
    fn secrets_are_read_strictly() {
        for odd in ["", " ", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?", &format!("{SECRET} x")] {
            assert!(Verifier::parse(odd).is_err(), "{odd}");
        }
        let both = Verifier::parse(&format!("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {SECRET}")).unwrap();
        assert!(both.accepts(&EXAMPLE, at(1_614_265_330)));
    }

    proptest! {
        #[test]
        fn what_we_sign_is_taken_and_nothing_that_differs(shared: [u8; 32], body in "\\PC{0,200}", flipped in 0_usize..200) {
            let secrets = Secrets::new(shared, None);
            let verifier = Verifier::parse(&secrets.secret()).unwrap();
            let now = at(1_800_000_000);
            let [(_, id), (_, timestamp), (_, signatures)] = headers("msg_1", now, &body, &[secrets]);
            let signed = Signed { id: &id, timestamp: &timestamp, signatures: &signatures, body: body.as_bytes() };
            prop_assert!(verifier.accepts(&signed, now));
            let mut other = body.clone().into_bytes();
            if let Some(byte) = other.get_mut(flipped) {
                *byte ^= 1;
                let changed = Signed { body: &other, ..signed };
                prop_assert!(!verifier.accepts(&changed, now));
            }
        }
    }
}
