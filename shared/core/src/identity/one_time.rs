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
    /// Ends every session of a person who did not recognise what a security notice told.
    EndSessions,
    /// Makes a new mail address an account's own.
    ConfirmEmail,
    /// Gives an account the mail address back that it had before.
    RevertEmail,
    /// Takes back the request to delete an account.
    CancelDeletion,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 8] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::MagicLink,
        Self::Invitation,
        Self::EndSessions,
        Self::ConfirmEmail,
        Self::RevertEmail,
        Self::CancelDeletion,
    ];

    /// The purpose as the table of one-time tokens names it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::MagicLink => "magic_link",
            Self::Invitation => "invitation",
            Self::EndSessions => "end_sessions",
            Self::ConfirmEmail => "confirm_email",
            Self::RevertEmail => "revert_email",
            Self::CancelDeletion => "cancel_deletion",
        }
    }

    /// Path of the public page that a mail's link leads to; the token is its query's `token`.
    #[must_use]
    pub const fn page(self) -> &'static str {
        match self {
            Self::VerifyEmail => "/verify-email",
            Self::ResetPassword => "/reset",
            Self::MagicLink => "/magic",
            Self::Invitation => "/invitation",
            Self::EndSessions => "/end-sessions",
            Self::ConfirmEmail => "/confirm-email",
            Self::RevertEmail => "/revert-email",
            Self::CancelDeletion => "/cancel-deletion",
        }
    }

    /// How a token of this purpose begins.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::VerifyEmail => "zv_",
            Self::ResetPassword => "zp_",
            Self::MagicLink => "zm_",
            Self::Invitation => "zi_",
            Self::EndSessions => "ze_",
            Self::ConfirmEmail => "zc_",
            Self::RevertEmail => "zb_",
            Self::CancelDeletion => "zd_",
        }
    }

    /// How long a token of this purpose lives, in seconds.
    #[must_use]
    pub const fn ttl_seconds(self) -> i64 {
        match self {
            Self::VerifyEmail | Self::ConfirmEmail => 24 * 60 * 60,
            Self::ResetPassword => 60 * 60,
            Self::MagicLink => 10 * 60,
            Self::Invitation | Self::EndSessions | Self::RevertEmail => 7 * 24 * 60 * 60,
            Self::CancelDeletion => 30 * 24 * 60 * 60,
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

    /// The link that a mail leads with, to the page of its purpose at the public host.
    #[must_use]
    pub fn link(&self, public_url: &str) -> String {
        format!("{public_url}{}?token={}", self.purpose.page(), self.encode())
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
        let day = 86_400;
        assert_eq!(Purpose::ALL.map(Purpose::ttl_seconds), [day, 3_600, 600, 7 * day, 7 * day, day, 7 * day, 30 * day]);
    }

    #[test]
    fn prefixes_keys_and_pages_are_each_their_own() {
        for of in [Purpose::prefix, Purpose::key, Purpose::page] {
            let distinct: std::collections::BTreeSet<_> = Purpose::ALL.map(of).into();
            assert_eq!(distinct.len(), Purpose::ALL.len());
        }
    }

    #[test]
    fn a_link_leads_to_its_page() {
        let link = OneTimeToken::from_random(Purpose::EndSessions, [0; 32]).link("https://getzygo.example");
        assert_eq!(link, format!("https://getzygo.example/end-sessions?token=ze_{}", "A".repeat(43)));
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
        fn no_text_panics(text in "(z[vpmiecbd]_)?[A-Za-z0-9_=-]{0,60}") {
            if let Some(token) = OneTimeToken::parse(&text, Purpose::VerifyEmail) {
                proptest::prop_assert_eq!(token.encode(), text);
            }
        }
    }
}
