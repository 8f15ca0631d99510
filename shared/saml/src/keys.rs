//! The service provider's own keys: the first signs, all decrypt, so that they can be rolled over too.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bergshamra::{Key, KeysManager, keys::loader};
use serde::Deserialize;
use x509_cert::{
    Certificate as X509,
    der::{DecodePem as _, Encode as _},
};
use zeroize::Zeroizing;
use zygo_core::identity::saml::Refusal;

/// RSA keys with their certificates.
pub struct ServiceKeys(Vec<ServiceKey>);

struct ServiceKey {
    key: Key,
    /// DER, base64.
    certificate: String,
}

#[derive(Deserialize)]
struct Config {
    key: Zeroizing<String>,
    certificate: String,
}

impl fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceKeys({})", self.0.len())
    }
}

impl ServiceKeys {
    /// Reads the ring from its JSON form, `[{"key", "certificate"}]`, PKCS#8 and X.509 in PEM.
    ///
    /// # Errors
    /// [`Refusal::Keys`] where the form is wrong or the ring is empty.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let configs: Vec<Config> = serde_json::from_str(text).map_err(|_| Refusal::Keys)?;
        let keys = configs
            .into_iter()
            .map(|config| {
                let key = loader::load_rsa_private_pem(config.key.as_bytes()).map_err(|_| Refusal::Keys)?;
                let certificate = X509::from_pem(config.certificate.trim()).map_err(|_| Refusal::Keys)?;
                Ok(ServiceKey { key, certificate: STANDARD.encode(certificate.to_der().map_err(|_| Refusal::Keys)?) })
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        if keys.is_empty() { Err(Refusal::Keys) } else { Ok(Self(keys)) }
    }

    /// The key that signs, alone in a ring for the library.
    pub(crate) fn signing(&self) -> Result<KeysManager, Refusal> {
        self.0.first().map(|key| alone(&key.key)).ok_or(Refusal::Keys)
    }

    /// The key that signs, itself.
    pub(crate) fn signer(&self) -> Result<&Key, Refusal> {
        self.0.first().map(|key| &key.key).ok_or(Refusal::Keys)
    }

    /// Each key that decrypts, alone in a ring for the library.
    pub(crate) fn decrypting(&self) -> impl Iterator<Item = KeysManager> {
        self.0.iter().map(|key| alone(&key.key))
    }

    /// Their certificates, DER in base64, the signing one first.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.certificate.as_str())
    }
}

fn alone(key: &Key) -> KeysManager {
    let mut manager = KeysManager::new();
    manager.add_key(key.clone());
    manager
}
