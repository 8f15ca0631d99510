//! Sealing: AES-256-GCM with a ring of keys, for what Postgres keeps but must not be able to read.
//!
//! A sealed text is `zs1.{kid}.{base64url of nonce, ciphertext and tag}`. Version, key id and the caller's context are
//! authenticated with it: a value cannot be moved to another row, column or key.
//!
//! Nonces are 96 random bits, so a key should be rotated well before 2^32 seals (NIST SP 800-38D, 8.3).

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::Problem;

const VERSION: &str = "zs1";
const NONCE: usize = 12;

/// Sealing keys: the first seals, all open.
pub struct SealRing {
    keys: Vec<SealKey>,
    cursor_key: Zeroizing<[u8; 32]>,
}

struct SealKey {
    kid: String,
    cipher: Aes256Gcm,
    code_key: Zeroizing<[u8; 32]>,
}

/// What is kept of a code that people type.
pub type CodeHash = [u8; 32];

#[derive(Deserialize)]
struct KeyConfig {
    kid: String,
    key: Zeroizing<String>,
}

impl SealRing {
    /// Reads the ring from its JSON form, `[{"kid", "key"}]`, keys of 32 bytes in base64url.
    ///
    /// # Errors
    /// A sentence without key material when the form is wrong or the ring is empty.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let configs: Vec<KeyConfig> = serde_json::from_str(text).map_err(|_| "SEAL_KEYS is not a list of keys")?;
        let mut keys: Vec<SealKey> = Vec::with_capacity(configs.len());
        let mut cursor_key = None;
        for config in configs {
            let kid = config.kid;
            let sane = (1..=64).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
            if !sane || keys.iter().any(|k| k.kid == kid) {
                return Err("a kid in SEAL_KEYS occurs twice or is not 1 to 64 of A-Za-z0-9_-");
            }
            let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(config.key.as_bytes()).map_err(|_| "a key in SEAL_KEYS is not base64url")?);
            let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| "a key in SEAL_KEYS is not 32 bytes")?;
            cursor_key = cursor_key.or_else(|| derive(&bytes, b"zygo cursor key 1"));
            let code_key = derive(&bytes, b"zygo code key 1").ok_or("a key in SEAL_KEYS cannot be used")?;
            keys.push(SealKey { kid, cipher, code_key });
        }
        let cursor_key = cursor_key.ok_or("SEAL_KEYS is empty")?;
        Ok(Self { keys, cursor_key })
    }

    /// The key that authenticates cursors, derived from the ring's first key. A cursor does not outlive a rotation.
    #[must_use]
    pub fn cursor_key(&self) -> &[u8; 32] {
        &self.cursor_key
    }

    /// HMAC-SHA256 of a code that people type, under each key of the ring: what is stored is the first, what was stored may
    /// be any. Codes are short, so a plain hash of one could be guessed by whoever reads the database.
    #[must_use]
    pub fn code_hashes(&self, context: &str, code: &str) -> Vec<CodeHash> {
        // The length keeps context and code apart.
        let message = format!("{}.{context}.{code}", context.len());
        self.keys.iter().filter_map(|key| derive(&*key.code_key, message.as_bytes())).map(|hash| *hash).collect()
    }

    /// What is kept of a mail address where only equality counts, under each key of the ring.
    #[must_use]
    pub fn address_hashes(&self, address: &str) -> Vec<CodeHash> {
        self.code_hashes("mail_suppressions.address", address)
    }

    /// Seals a value with the ring's first key. `context` says what it belongs to (tenant, table, column, row) and is needed to
    /// open it; `nonce` is fresh randomness.
    ///
    /// # Errors
    /// `INTERNAL`, if the value is longer than the cipher can take (64 GiB).
    pub fn seal(&self, plain: &[u8], context: &str, nonce: [u8; NONCE]) -> Result<String, Problem> {
        let key = self.keys.first().ok_or_else(|| Problem::internal("no sealing key"))?;
        let aad = additional_data(&key.kid, context);
        let sealed = encrypt(&key.cipher, nonce, plain, &aad).ok_or_else(|| Problem::internal("value could not be sealed"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("{VERSION}.{}.{}", key.kid, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens a sealed value; the plain bytes are wiped when dropped.
    ///
    /// # Errors
    /// `INTERNAL` if the text is not a sealed value, its key is gone, or value or context were changed. The cause names which.
    pub fn open(&self, sealed: &str, context: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let (kid, body) = taken_apart(sealed).ok_or_else(|| Problem::internal("not a sealed value"))?;
        let key = self.keys.iter().find(|k| k.kid == kid).ok_or_else(|| Problem::internal("sealed with a key that is not in the ring"))?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| Problem::internal("not a sealed value"))?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE).ok_or_else(|| Problem::internal("not a sealed value"))?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| Problem::internal("not a sealed value"))?;
        decrypt(&key.cipher, nonce, ciphertext, &additional_data(kid, context))
            .map(Zeroizing::new)
            .ok_or_else(|| Problem::internal("sealed value or its context was changed"))
    }

    /// Whether a value was not sealed with the ring's first key, and should be sealed anew when it is next written.
    #[must_use]
    pub fn needs_reseal(&self, sealed: &str) -> bool {
        let first = self.keys.first().map(|k| k.kid.as_str());
        taken_apart(sealed).is_none_or(|(kid, _)| Some(kid) != first)
    }
}

fn taken_apart(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

/// A key id has no dot, so version and key id end where the second dot stands, and the rest is the context.
fn additional_data(kid: &str, context: &str) -> Vec<u8> {
    format!("{VERSION}.{kid}.{context}").into_bytes()
}

fn encrypt(cipher: &Aes256Gcm, nonce: [u8; NONCE], plain: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    cipher.encrypt(&nonce.into(), Payload { msg: plain, aad }).ok()
}

fn decrypt(cipher: &Aes256Gcm, nonce: [u8; NONCE], sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    cipher.decrypt(&nonce.into(), Payload { msg: sealed, aad }).ok()
}

/// A key for another purpose than sealing: HMAC-SHA256 as a key derivation function in one step (NIST SP 800-108r1, 4.1).
fn derive(key: &[u8], purpose: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
    mac.update(purpose);
    Some(Zeroizing::new(mac.finalize().into_bytes().into()))
}

#[cfg(test)]
mod tests;
