//! Codes by SMS: six digits, ten minutes, five answers.

use zeroize::Zeroizing;

use crate::{
    id::UserId,
    mail::Language,
    seal::{CodeHash, SealRing},
};

/// How long a code is good for, in seconds.
pub const TTL_SECONDS: i64 = 600;
const CODES: u64 = 1_000_000;

/// A code in the clear; exists while its message is written, and while it is redeemed.
pub struct SmsCode(Zeroizing<String>);

impl SmsCode {
    /// A code from fresh random bytes; so many that no digit is likelier than another by anything that counts.
    #[must_use]
    pub fn from_random(random: [u8; 8]) -> Self {
        let code = u64::from_be_bytes(random).checked_rem(CODES).unwrap_or(0);
        Self(Zeroizing::new(format!("{code:06}")))
    }

    /// What is kept of it.
    #[must_use]
    pub fn hashes(&self, ring: &SealRing, user: UserId) -> Vec<CodeHash> {
        hashes(ring, user, &self.0)
    }

    /// The code.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The message that brings it. It says nothing that a caller chose.
    #[must_use]
    pub fn message(&self, language: Language) -> Zeroizing<String> {
        let code = self.0.as_str();
        Zeroizing::new(match language {
            Language::English => format!("{code} is your Zygo code. It is good for 10 minutes. Give it to nobody."),
            Language::German => format!("{code} ist Ihr Zygo-Code. Er gilt 10 Minuten. Geben Sie ihn niemandem weiter."),
        })
    }
}

/// What may be kept of a code that somebody typed, under each key of the ring.
#[must_use]
pub fn hashes(ring: &SealRing, user: UserId, code: &str) -> Vec<CodeHash> {
    ring.code_hashes(&format!("sms.{user}"), code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_digits() {
        assert_eq!(SmsCode::from_random([0; 8]).reveal(), "000000");
        assert_eq!(SmsCode::from_random(7_000_042_u64.to_be_bytes()).reveal(), "000042");
        assert_eq!(SmsCode::from_random([255; 8]).reveal(), "551615");
    }

    /// A message of one part: 160 characters of GSM 03.38, which these all are.
    #[test]
    fn a_message_fits_one_part() {
        for language in Language::ALL {
            let message = SmsCode::from_random([255; 8]).message(language);
            assert!(message.starts_with("551615 ") && message.is_ascii() && message.len() <= 160, "{}", message.as_str());
        }
    }
}
