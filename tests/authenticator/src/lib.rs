//! An authenticator in software, and the browser in front of it, for tests: makes passkeys and uses them.
//!
//! Every part of an answer can be bent before it is signed, so that a test can show that each check is made.
#![expect(clippy::indexing_slicing, reason = "JSON is read by index without panicking")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Somebody was present.
pub const PRESENT: u8 = 1;
/// The authenticator checked who.
pub const VERIFIED: u8 = 1 << 2;
/// The credential may be backed up.
pub const ELIGIBLE: u8 = 1 << 3;
/// It is backed up.
pub const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;

/// A private key.
#[derive(Clone)]
enum Key {
    P256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// Which key an authenticator makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA on P-256.
    P256,
    /// Ed25519.
    Ed25519,
}

/// An authenticator with one credential.
#[derive(Clone)]
pub struct Authenticator {
    key: Key,
    /// Id of the credential.
    pub id: Vec<u8>,
    /// Whose credential it is; learned at registration.
    pub user_handle: Vec<u8>,
    /// The signature counter; grows with each use unless it is `None`.
    pub counter: Option<u32>,
    /// The flags of its answers, but for the one that says that a key is in them.
    pub flags: u8,
    /// What the relying party is, whatever the options say.
    pub rp_id: Option<String>,
    /// Members of the client data that are otherwise than a browser would write them.
    pub client_data: Value,
}

fn encode(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

fn decode(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap_or_default()).unwrap_or_default()
}

impl Authenticator {
    /// An authenticator whose key and credential id come from a seed.
    ///
    /// # Panics
    /// If the seed is no private key on P-256; all but one in 2^32 are.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test fails by panicking")]
    pub fn new(kind: Kind, seed: [u8; 32]) -> Self {
        let key = match kind {
            Kind::P256 => Key::P256(Box::new(p256::ecdsa::SigningKey::from_bytes(&seed.into()).expect("a private key"))),
            Kind::Ed25519 => Key::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))),
        };
        Self {
            key,
            id: Sha256::digest(seed).to_vec(),
            user_handle: Vec::new(),
            counter: Some(0),
            flags: PRESENT | VERIFIED,
            rp_id: None,
            client_data: json!({}),
        }
    }

    /// A COSE key (RFC 9052, 7).
    fn cose_key(&self) -> Cbor {
        let number = |n: i64| Cbor::Integer(n.into());
        match &self.key {
            Key::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let part = |part: Option<_>| Cbor::Bytes(part.map(|bytes: &p256::FieldBytes| bytes.to_vec()).unwrap_or_default());
                Cbor::Map(vec![
                    (number(1), number(2)),
                    (number(3), number(-7)),
                    (number(-1), number(1)),
                    (number(-2), part(point.x())),
                    (number(-3), part(point.y())),
                ])
            }
            Key::Ed25519(key) => Cbor::Map(vec![
                (number(1), number(1)),
                (number(3), number(-8)),
                (number(-1), number(6)),
                (number(-2), Cbor::Bytes(key.verifying_key().to_bytes().to_vec())),
            ]),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&**key, message);
                signature.to_der().as_bytes().to_vec()
            }
            Key::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    fn head(&self, rp_id: &str, more: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id.as_deref().unwrap_or(rp_id)).to_vec();
        data.push(self.flags | more);
        data.extend(self.counter.unwrap_or(0).to_be_bytes());
        data
    }

    fn client(&self, kind: &str, options: &Value, origin: &str) -> Vec<u8> {
        let mut client = json!({ "type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": false });
        if let (Some(client), Some(bent)) = (client.as_object_mut(), self.client_data.as_object()) {
            client.extend(bent.clone());
        }
        client.to_string().into_bytes()
    }

    /// Answers `navigator.credentials.create()` from a page of an origin, as `toJSON()` gives it.
    pub fn create(&mut self, options: &Value, origin: &str) -> Value {
        self.user_handle = decode(&options["user"]["id"]);
        let mut data = self.head(options["rp"]["id"].as_str().unwrap_or_default(), ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap_or(u16::MAX).to_be_bytes());
        data.extend(&self.id);
        // Writing into memory does not fail.
        let _ = ciborium::into_writer(&self.cose_key(), &mut data);
        let text = |text: &str| Cbor::Text(text.to_owned());
        let mut object = Vec::new();
        let _ = ciborium::into_writer(
            &Cbor::Map(vec![(text("fmt"), text("none")), (text("attStmt"), Cbor::Map(Vec::new())), (text("authData"), Cbor::Bytes(data))]),
            &mut object,
        );
        let client = self.client("webauthn.create", options, origin);
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": { "clientDataJSON": encode(&client), "attestationObject": encode(&object), "transports": ["internal", "hybrid", "telepathy"] },
        })
    }

    /// Answers `navigator.credentials.get()` from a page of an origin, as `toJSON()` gives it.
    pub fn get(&mut self, options: &Value, origin: &str) -> Value {
        self.counter = self.counter.map(|count| count.saturating_add(1));
        let data = self.head(options["rpId"].as_str().unwrap_or_default(), 0);
        let client = self.client("webauthn.get", options, origin);
        let signature = self.sign(&[data.as_slice(), &Sha256::digest(&client)].concat());
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&client), "authenticatorData": encode(&data), "signature": encode(&signature),
                "userHandle": encode(&self.user_handle),
            },
        })
    }
}
