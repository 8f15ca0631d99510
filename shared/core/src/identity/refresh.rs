//! Refresh tokens: opaque to clients, 256 random bits behind the routing that finds their session object.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::id::{SessionId, TenantId, UserId};

const PREFIX: &str = "zr_";
const VERSION: u8 = 1;
const LENGTH: usize = 1 + 16 * 3 + 32;

/// A refresh token taken apart. `Debug` shows the routing only.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Tenant whose object holds the session.
    pub tenant_id: TenantId,
    /// The person.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// The secret; objects keep only its hash.
    pub secret: [u8; 32],
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshToken").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

impl RefreshToken {
    /// The token as the client keeps it.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
        bytes.push(VERSION);
        for id in [self.tenant_id.uuid(), self.user_id.uuid(), self.session_id.uuid()] {
            bytes.extend_from_slice(id.as_bytes());
        }
        bytes.extend_from_slice(&self.secret);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()))
    }

    /// Reads a token; nothing but what [`encode`](Self::encode) writes is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION || bytes.len() != LENGTH {
            return None;
        }
        let (ids, secret) = rest.split_at_checked(48)?;
        let mut ids = ids.chunks_exact(16).map(|id| Uuid::from_slice(id).ok());
        let mut next = || ids.next().flatten();
        Some(Self { tenant_id: next()?.into(), user_id: next()?.into(), session_id: next()?.into(), secret: secret.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn comes_back_as_it_went(tenant: u128, user: u128, session: u128, secret: [u8; 32]) {
            let token = RefreshToken {
                tenant_id: Uuid::from_u128(tenant).into(),
                user_id: Uuid::from_u128(user).into(),
                session_id: Uuid::from_u128(session).into(),
                secret,
            };
            let text = token.encode();
            proptest::prop_assert_eq!(RefreshToken::parse(&text), Some(token));
            proptest::prop_assert_eq!(RefreshToken::parse(&text[..text.len() - 1]), None);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = RefreshToken::parse(&text);
        }
    }
}
