//! The code that is mailed to somebody whose sign-in looks odd and who has no second factor.

use zeroize::Zeroizing;

use crate::{
    id::ChallengeId,
    seal::{CodeHash, SealRing},
};

/// Six digits. A challenge takes five answers, so one in 200,000 is guessed.
pub struct MailedCode(Zeroizing<String>);

impl MailedCode {
    /// A code from fresh random bytes; of 2^64 numbers the share that favours some codes cannot be measured.
    #[must_use]
    pub fn from_random(random: [u8; 8]) -> Self {
        Self(Zeroizing::new(format!("{:06}", u64::from_le_bytes(random) % 1_000_000)))
    }

    /// The code as it is mailed.
    #[must_use]
    pub fn show(&self) -> &str {
        &self.0
    }
}

/// What is kept of a code, under each key of the ring: the first is stored, any may have been.
#[must_use]
pub fn hashes(ring: &SealRing, challenge: ChallengeId, code: &str) -> Vec<CodeHash> {
    ring.code_hashes(&format!("mfa_challenges.mail_code.{challenge}"), code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_digits() {
        assert_eq!(MailedCode::from_random([0; 8]).show(), "000000");
        assert_eq!(MailedCode::from_random(1_234_567_u64.to_le_bytes()).show(), "234567");
        assert_eq!(MailedCode::from_random([255; 8]).show(), "551615");
    }

    #[test]
    fn a_hash_is_of_one_challenge() {
        let ring = SealRing::parse(r#"[{"kid":"one","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]"#).unwrap();
        let (one, two) = (uuid::Uuid::from_bytes([1; 16]).into(), uuid::Uuid::from_bytes([2; 16]).into());
        assert_eq!(hashes(&ring, one, "123456"), hashes(&ring, one, "123456"));
        assert_ne!(hashes(&ring, one, "123456"), hashes(&ring, two, "123456"));
        assert_ne!(hashes(&ring, one, "123456"), hashes(&ring, one, "123457"));
    }
}
