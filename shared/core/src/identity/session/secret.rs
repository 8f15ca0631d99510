//! The 32 secret bytes of a refresh token, and the hash that is kept of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac, digest::KeyInit};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

const LENGTH: usize = 32;

fn write<S: Serializer>(bytes: &[u8; LENGTH], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; LENGTH], D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(|_| de::Error::custom("not base64url"))?;
    bytes.try_into().map_err(|_| de::Error::custom("not 32 bytes"))
}

/// 32 bytes that must not be seen. Serializes as base64url for the way to the object; wiped when dropped.
#[derive(Clone)]
pub struct Secret([u8; LENGTH]);

impl Secret {
    /// A secret from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the token that carries them.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// What may be kept of it: SHA-256. The input is uniformly random, so no salt or stretching is due.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }

    /// The secret that follows this one in its chain: HMAC-SHA256 under `salt`.
    #[must_use]
    pub fn successor(&self, salt: &Self) -> Self {
        // HMAC pads a short key with zeros to the hash's block; doing so here makes the constructor infallible.
        let mut block = [0; 2 * LENGTH];
        block.iter_mut().zip(salt.0).for_each(|(to, from)| *to = from);
        let mac = <Hmac<Sha256> as KeyInit>::new(&block.into()).chain_update(self.0);
        block.zeroize();
        Self(mac.finalize().into_bytes().into())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(Self)
    }
}

/// SHA-256 of a [`Secret`]. Compared in constant time only.
#[derive(Debug, Clone, Copy)]
pub struct SecretHash([u8; LENGTH]);

impl SecretHash {
    /// The hash in text, as a key of the storage.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl ConstantTimeEq for SecretHash {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(Self)
    }
}
