//! One-time tokens: what stands in the links of mails. 256 random bits, bound to their purpose, stored hashed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// What a one-time token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Proves that a mail address is one's own.
    VerifyEmail,
    /// Sets a new password.
    ResetPassword,
    /// Signs in without a password.
    MagicLink,
    /// Joins an organisation.
    Invitation,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::VerifyEmail, Self::ResetPassword, Self::MagicLink, Self::Invitation];

    /// How a token of this purpose begins.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::VerifyEmail => "zv_",
            Self::ResetPassword => "zp_",
            Self::MagicLink => "zm_",
            Self::Invitation => "zi_",
        }
    }

    /// How long a token of this purpose lives, in seconds.
    #[must_use]
    pub const fn ttl_seconds(self) -> i64 {
        match self {
            Self::VerifyEmail => 24 * 60 * 60,
            Self::ResetPassword => 60 * 60,
            Self::MagicLink => 10 * 60,
            Self::Invitation => 7 * 24 * 60 * 60,
        }
    }
}

/// A one-time token in the clear. Exists only while its mail is written and while it is redeemed.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeToken {
    purpose: Purpose,
    bytes: [u8; 32],
}

impl OneTimeToken {
    /// A token of a purpose from fresh random bytes.
    #[must_use]
    pub const fn from_random(purpose: Purpose, random: [u8; 32]) -> Self {
        Self { purpose, bytes: random }
    }

    /// Reads a token that must have this purpose; any other text is none.
    #[must_use]
    pub fn parse(text: &str, purpose: Purpose) -> Option<Self> {
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(purpose.prefix())?).ok()?);
        Some(Self { purpose, bytes: decoded.as_slice().try_into().ok()? })
    }

    /// The token as it stands in the link: prefix and base64url.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{}{}", self.purpose.prefix(), URL_SAFE_NO_PAD.encode(self.bytes))
    }

    /// What it is good for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// What is stored of it: SHA-256 over prefix and bytes, so that a hash of one purpose is never found for another.
    ///
    /// No salt and no slow hash: there is nothing to guess in 256 random bits, and redeeming looks it up by this value.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new().chain_update(self.purpose.prefix()).chain_update(self.bytes).finalize().into()
    }
}

impl Drop for OneTimeToken {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl std::fmt::Debug for OneTimeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OneTimeToken").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lives_are_the_specified_ones() {
        assert_eq!(Purpose::ALL.map(Purpose::ttl_seconds), [86_400, 3_600, 600, 604_800]);
    }

    #[test]
    fn debug_shows_no_bytes() {
        assert_eq!(format!("{:?}", OneTimeToken::from_random(Purpose::MagicLink, [7; 32])), "OneTimeToken { purpose: MagicLink, .. }");
    }

    proptest::proptest! {
        #[test]
        fn a_token_serves_its_purpose_only(random: [u8; 32]) {
            for purpose in Purpose::ALL {
                let token = OneTimeToken::from_random(purpose, random);
                let text = token.encode();
                proptest::prop_assert_eq!(text.len(), 46);
                for other in Purpose::ALL {
                    let read = OneTimeToken::parse(&text, other);
                    proptest::prop_assert_eq!(read.is_some(), other == purpose);
                    let same_hash = OneTimeToken::from_random(other, random).hash() == token.hash();
                    proptest::prop_assert_eq!(same_hash, other == purpose);
                }
                proptest::prop_assert_eq!(OneTimeToken::parse(&text, purpose), Some(token));
            }
        }

        #[test]
        fn no_text_panics(text in "(z[vpmi]_)?[A-Za-z0-9_=-]{0,60}") {
            if let Some(token) = OneTimeToken::parse(&text, Purpose::VerifyEmail) {
                proptest::prop_assert_eq!(token.encode(), text);
            }
        }
    }
}
