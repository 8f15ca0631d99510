//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, steps of 30 seconds, as every authenticator app has them.

use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::time::Timestamp;

/// Length of a secret in bytes: 160 bits, as RFC 4226 recommends.
pub const SECRET_LENGTH: usize = 20;
/// Length of a step in seconds.
const STEP_SECONDS: i64 = 30;
/// Steps before and after the present one whose codes are taken, for clocks that differ (RFC 6238, 5.2).
const SKEW: i64 = 1;
const DIGITS: usize = 6;

/// What stays as it is in an `otpauth` URL: the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A shared secret; wiped when dropped.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    /// A secret from its bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as people type it into an app: base32 without padding (RFC 4648).
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::encode(base32::Alphabet::Rfc4648 { padding: false }, &self.0))
    }

    /// The URL that an app reads from a QR code.
    #[must_use]
    pub fn url(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (utf8_percent_encode(issuer, ESCAPED), utf8_percent_encode(account, ESCAPED));
        let secret = self.encode();
        Zeroizing::new(format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30", secret.as_str()))
    }

    /// The step whose code this is: the present one, or a neighbour, and later than the last one that was accepted.
    ///
    /// All three are compared, in constant time each.
    #[must_use]
    pub fn accepts(&self, code: &str, now: Timestamp, last_step: Option<i64>) -> Option<i64> {
        let present = now.seconds().div_euclid(STEP_SECONDS);
        let mut accepted = None;
        for step in present.saturating_sub(SKEW)..=present.saturating_add(SKEW) {
            let same = bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes()));
            if same && last_step.is_none_or(|last| step > last) && accepted.is_none() {
                accepted = Some(step);
            }
        }
        accepted
    }

    fn code(&self, step: i64) -> String {
        let value = hotp(&self.0, step.to_be_bytes()).checked_rem(1_000_000).unwrap_or(0);
        format!("{value:0DIGITS$}")
    }
}

/// HOTP before it is cut to its digits (RFC 4226, 5.3): 31 bits of HMAC-SHA-1, from where its last byte says.
fn hotp(secret: &[u8], counter: [u8; 8]) -> u32 {
    let Ok(mut mac) = <Hmac<Sha1> as Mac>::new_from_slice(secret) else { return 0 };
    mac.update(&counter);
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last().copied().unwrap_or(0) & 0x0f);
    let bytes = digest.iter().skip(offset).take(4);
    bytes.fold(0_u32, |value, byte| (value << 8) | u32::from(*byte)) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// RFC 4226, appendix D: the truncated values and the codes of counters 0 to 9.
    #[test]
    fn the_vectors_of_rfc_4226() {
        let truncated: [u32; 10] =
            [0x4c93_cf18, 0x4139_7eea, 0x082f_ef30, 0x66ef_7655, 0x61c5_938a, 0x33c0_83d4, 0x7256_c032, 0x04e5_b397, 0x2823_443f, 0x2679_dc69];
        let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for ((counter, truncated), code) in (0_i64..).zip(truncated).zip(codes) {
            assert_eq!(hotp(SECRET, counter.to_be_bytes()), truncated);
            assert_eq!(TotpSecret::new(SECRET).code(counter), code);
        }
    }

    /// RFC 6238, appendix B, for SHA-1: eight digits there, of which the last six are ours.
    #[test]
    fn the_vectors_of_rfc_6238() {
        let vectors: [(i64, &str); 6] = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        for (seconds, code) in vectors {
            let step = TotpSecret::new(SECRET).accepts(&code[2..], at(seconds), None);
            assert_eq!(step, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn neighbours_are_taken_and_no_others() {
        let secret = TotpSecret::new(SECRET);
        let now = at(3000);
        for step in 95..=105 {
            let expected = (99..=101).contains(&step).then_some(step);
            assert_eq!(secret.accepts(&secret.code(step), now, None), expected, "{step}");
        }
    }

    #[test]
    fn a_code_is_taken_once_and_none_before_it_any_more() {
        let secret = TotpSecret::new(SECRET);
        let now = at(3000);
        for step in 99..=101 {
            for last in 97..=103 {
                let expected = (step > last).then_some(step);
                assert_eq!(secret.accepts(&secret.code(step), now, Some(last)), expected, "{step} after {last}");
            }
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        let secret = TotpSecret::new(SECRET);
        let code = secret.code(100);
        for text in ["", "0", &code[1..], &format!("0{code}"), &format!("{code} "), "abcdef", "１２３４５６", "-12345"] {
            assert_eq!(secret.accepts(text, at(3000), None), None, "{text}");
        }
    }

    #[test]
    fn the_url_is_escaped() {
        let url = TotpSecret::new(SECRET).url("Zygo", "ada+x&y@example.com");
        assert_eq!(
            url.as_str(),
            "otpauth://totp/Zygo:ada%2Bx%26y%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Zygo&algorithm=SHA1&digits=6&period=30"
        );
    }
}
