//! Signing: an HMAC-SHA256 under a shared secret (`v1`), and where an endpoint asks for it, Ed25519 beside it (`v1a`).
//!
//! Signed is `{webhook-id}.{webhook-timestamp}.{body}`. A header may hold several signatures, so that a receiver can go over to a new
//! secret while the old one still signs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{error::Problem, time::Timestamp};

/// Length of our secrets; the standard says 24 to 64.
const LENGTH: usize = 32;
const SECRET: &str = "whsec_";
const PRIVATE_KEY: &str = "whsk_";
const PUBLIC_KEY: &str = "whpk_";

/// The secrets of an endpoint, of one age. As text, which is what is sealed: the secret, and perhaps the private key after a space.
pub struct Secrets {
    shared: Zeroizing<[u8; LENGTH]>,
    key: Option<SigningKey>,
}

impl Secrets {
    /// New secrets from fresh randomness; with a key pair where `key` is given.
    #[must_use]
    pub fn new(shared: [u8; LENGTH], key: Option<[u8; LENGTH]>) -> Self {
        Self { shared: Zeroizing::new(shared), key: key.map(|key| SigningKey::from_bytes(&key)) }
    }

    /// The same with another key pair, or without one.
    #[must_use]
    pub fn with_key(self, key: Option<[u8; LENGTH]>) -> Self {
        Self { key: key.map(|key| SigningKey::from_bytes(&key)), ..self }
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// `INTERNAL` for anything else.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        let odd = || Problem::internal("not the secrets of an endpoint");
        let text = std::str::from_utf8(text).map_err(|_| odd())?;
        let (shared, key) = text.split_once(' ').map_or((text, None), |(shared, key)| (shared, Some(key)));
        let decoded = |text: &str, prefix: &str| -> Option<Zeroizing<[u8; LENGTH]>> {
            let bytes = Zeroizing::new(STANDARD.decode(text.strip_prefix(prefix)?).ok()?);
            bytes.as_slice().try_into().ok().map(Zeroizing::new)
        };
        let shared = decoded(shared, SECRET).ok_or_else(odd)?;
        let key = key.map(|key| decoded(key, PRIVATE_KEY).ok_or_else(odd)).transpose()?;
        Ok(Self { shared, key: key.map(|key| SigningKey::from_bytes(&key)) })
    }

    /// As text, to be sealed.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = self.secret();
        if let Some(key) = &self.key {
            let private = Zeroizing::new(STANDARD.encode(Zeroizing::new(key.to_bytes())));
            text.push(' ');
            text.push_str(PRIVATE_KEY);
            text.push_str(&private);
        }
        text
    }

    /// The shared secret, as the receiver wants it: `whsec_…`.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{SECRET}{}", STANDARD.encode(*self.shared)))
    }

    /// The public key, `whpk_…`, where there is a pair.
    #[must_use]
    pub fn public_key(&self) -> Option<String> {
        let key = self.key.as_ref()?.verifying_key();
        Some(format!("{PUBLIC_KEY}{}", STANDARD.encode(key.as_bytes())))
    }

    /// The signatures of a delivery.
    fn sign(&self, message: &[u8]) -> Vec<String> {
        // A key of any length will do for HMAC (RFC 2104), so this never fails.
        let mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&*self.shared).map(|mac| mac.chain_update(message).finalize());
        let symmetric = mac.ok().map(|mac| format!("v1,{}", STANDARD.encode(mac.into_bytes())));
        let asymmetric = self.key.as_ref().map(|key| format!("v1a,{}", STANDARD.encode(key.sign(message).to_bytes())));
        symmetric.into_iter().chain(asymmetric).collect()
    }
}

/// The headers of a delivery, by the secrets that sign it, the newest first.
#[must_use]
pub fn headers(id: &str, now: Timestamp, body: &str, secrets: &[Secrets]) -> [(&'static str, String); 3] {
    let seconds = now.seconds();
    let message = format!("{id}.{seconds}.{body}");
    let signatures: Vec<String> = secrets.iter().flat_map(|secrets| secrets.sign(message.as_bytes())).collect();
    [("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signatures.join(" "))]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's reference libraries.
    #[test]
    fn signs_as_the_standard_does() {
        let message = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let shared = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&shared).unwrap().chain_update(message).finalize();
        assert_eq!(STANDARD.encode(mac.into_bytes()), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for key in [None, Some([7; 32])] {
            let secrets = Secrets::new([9; 32], key);
            let read = Secrets::parse(secrets.to_text().as_bytes()).unwrap();
            assert_eq!(*read.secret(), *secrets.secret());
            assert_eq!(read.public_key(), secrets.public_key());
            assert!(secrets.secret().starts_with("whsec_") && secrets.public_key().is_some() == key.is_some());
        }
        for odd in ["", "whsec_", "whsec_AAAA", "whsec_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk= x", "\u{fffd}"] {
            assert!(Secrets::parse(odd.as_bytes()).is_err(), "{odd}");
        }
        assert!(Secrets::parse(&[0xff]).is_err());
    }

    #[test]
    fn every_secret_signs() {
        let secrets = [Secrets::new([1; 32], Some([2; 32])), Secrets::new([3; 32], None)];
        let [(_, id), (_, at), (_, signatures)] = headers("msg", Timestamp::from_millis(1_700_000_000_999), "{}", &secrets);
        assert_eq!((id.as_str(), at.as_str()), ("msg", "1700000000"));
        let kinds: Vec<&str> = signatures.split(' ').filter_map(|one| one.split(',').next()).collect();
        assert_eq!(kinds, ["v1", "v1a", "v1"]);
        let signature: [u8; 64] = STANDARD.decode(signatures.split(' ').nth(1).unwrap().strip_prefix("v1a,").unwrap()).unwrap().try_into().unwrap();
        let key = SigningKey::from_bytes(&[2; 32]).verifying_key();
        key.verify_strict(b"msg.1700000000.{}", &signature.into()).unwrap();
    }
}
