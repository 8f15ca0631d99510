//! What a client holds on the way to a second factor, and to be spared one: 256 random bits each, stored hashed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Answers the challenge of a sign-in.
    Challenge,
    /// Stands in for a second factor on a device that its owner trusts; works until it expires.
    Device,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Challenge, Self::Device];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Challenge => "zf_",
            Self::Device => "zt_",
        }
    }

    /// How long a token of this kind lives, in seconds: five minutes, thirty days.
    #[must_use]
    pub const fn ttl_seconds(self) -> i64 {
        match self {
            Self::Challenge => 5 * 60,
            Self::Device => 30 * 24 * 60 * 60,
        }
    }
}

/// A token in the clear; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MfaToken {
    kind: Kind,
    bytes: [u8; 32],
}

impl MfaToken {
    /// A token of a kind from fresh random bytes.
    #[must_use]
    pub const fn from_random(kind: Kind, random: [u8; 32]) -> Self {
        Self { kind, bytes: random }
    }

    /// Reads a token that must be of this kind; any other text is none.
    #[must_use]
    pub fn parse(text: &str, kind: Kind) -> Option<Self> {
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(kind.prefix())?).ok()?);
        Some(Self { kind, bytes: decoded.as_slice().try_into().ok()? })
    }

    /// The token as the client keeps it.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{}{}", self.kind.prefix(), URL_SAFE_NO_PAD.encode(self.bytes))
    }

    /// What is stored of it: SHA-256 over prefix and bytes, so that a hash of one kind is never found for the other.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new().chain_update(self.kind.prefix()).chain_update(self.bytes).finalize().into()
    }
}

impl Drop for MfaToken {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl std::fmt::Debug for MfaToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MfaToken").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_token_is_of_its_kind_only(random: [u8; 32]) {
            for kind in Kind::ALL {
                let token = MfaToken::from_random(kind, random);
                let text = token.encode();
                for other in Kind::ALL {
                    proptest::prop_assert_eq!(MfaToken::parse(&text, other).is_some(), other == kind);
                    proptest::prop_assert_eq!(MfaToken::from_random(other, random).hash() == token.hash(), other == kind);
                }
                proptest::prop_assert!(MfaToken::parse(&text[..text.len() - 1], kind).is_none());
                proptest::prop_assert_eq!(MfaToken::parse(&text, kind), Some(token));
            }
        }

        #[test]
        fn no_text_panics(text in "(z[ft]_)?[A-Za-z0-9_=-]{0,60}") {
            if let Some(token) = MfaToken::parse(&text, Kind::Challenge) {
                proptest::prop_assert_eq!(token.encode(), text);
            }
        }
    }
}
