//! Bearer tokens of directory connections: which tenant, which connection, and 256 random bits. Stored hashed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::id::{ScimConnectionId, TenantId};

/// How a token begins, so that a scanner of sources finds one that leaked.
const PREFIX: &str = "zs_";

/// A token in the clear: once when it is issued, and while a request is answered.
#[derive(Clone, PartialEq, Eq)]
pub struct ScimToken {
    tenant: TenantId,
    connection: ScimConnectionId,
    secret: [u8; 32],
}

impl ScimToken {
    /// A token of a connection from fresh random bytes.
    #[must_use]
    pub const fn from_random(tenant: TenantId, connection: ScimConnectionId, secret: [u8; 32]) -> Self {
        Self { tenant, connection, secret }
    }

    /// Reads a token; any other text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        let (tenant, rest) = bytes.split_first_chunk::<16>()?;
        let (connection, secret) = rest.split_first_chunk::<16>()?;
        let id = |bytes: &[u8; 16]| uuid::Uuid::from_bytes(*bytes);
        Some(Self { tenant: id(tenant).into(), connection: id(connection).into(), secret: secret.try_into().ok()? })
    }

    /// The token as clients send it.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        bytes.extend_from_slice(self.tenant.uuid().as_bytes());
        bytes.extend_from_slice(self.connection.uuid().as_bytes());
        bytes.extend_from_slice(&self.secret);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// The tenant that it claims to be of.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The connection that it claims to be of.
    #[must_use]
    pub const fn connection(&self) -> ScimConnectionId {
        self.connection
    }

    /// What is stored of it: SHA-256 over all of it, so that a secret is good for its own connection alone. No salt and no
    /// slow hash: there is nothing to guess in 256 random bits.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let (tenant, connection) = (self.tenant.uuid(), self.connection.uuid());
        Sha256::new().chain_update(PREFIX).chain_update(tenant).chain_update(connection).chain_update(self.secret).finalize().into()
    }
}

impl Drop for ScimToken {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl std::fmt::Debug for ScimToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScimToken").field("tenant", &self.tenant).field("connection", &self.connection).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(tenant: [u8; 16], connection: [u8; 16], secret: [u8; 32], turned in 0..512_usize) {
            let id = uuid::Uuid::from_bytes;
            let token = ScimToken::from_random(id(tenant).into(), id(connection).into(), secret);
            let text = token.encode();
            proptest::prop_assert_eq!(ScimToken::parse(&text), Some(token.clone()));
            let shown = format!("{token:?}");
            proptest::prop_assert!(!shown.contains("secret") && !shown.contains(&text));
            // One bit of anything makes it another token.
            let mut bytes = URL_SAFE_NO_PAD.decode(&text[3..]).unwrap();
            bytes[turned / 8] ^= 1 << (turned % 8);
            let other = ScimToken::parse(&format!("zs_{}", URL_SAFE_NO_PAD.encode(&bytes))).unwrap();
            proptest::prop_assert_ne!(other.hash(), token.hash());
        }

        #[test]
        fn no_text_panics(text in "(zs_)?[A-Za-z0-9_=-]{0,100}") {
            if let Some(token) = ScimToken::parse(&text) {
                proptest::prop_assert_eq!(token.encode(), text);
            }
        }
    }
}
