//! What browsers send: `RegistrationResponseJSON` and `AuthenticationResponseJSON` (WebAuthn level 3, 5.1.8), the forms that
//! `PublicKeyCredential.toJSON()` gives.
//!
//! Members that nobody needs are passed over, unlike in bodies of our own: browsers add to them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::text::Invalid;

/// Most bytes of a credential id (WebAuthn, 4).
pub const LONGEST_ID: usize = 1023;

/// Bytes in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map(Self).map_err(|_| Invalid::new("base64url", "not base64url").into_serde())
    }
}

/// A new credential: the answer of `navigator.credentials.create()`.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Its id.
    pub id: Vec<u8>,
    /// What the browser says of the request.
    pub client_data: Vec<u8>,
    /// What the authenticator says of the credential.
    pub attestation: Vec<u8>,
    /// How the authenticator can be reached; known names only, sorted.
    pub transports: Vec<String>,
}

/// The use of a credential: the answer of `navigator.credentials.get()`.
#[derive(Debug, Clone)]
pub struct UsedCredential {
    /// Its id.
    pub id: Vec<u8>,
    /// Its id in base64url, as limits count it.
    pub name: String,
    /// What the browser says of the request.
    pub client_data: Vec<u8>,
    /// What the authenticator says.
    pub authenticator_data: Vec<u8>,
    /// The signature over both.
    pub signature: Vec<u8>,
    /// Whose credential it is, where the authenticator says so: what was given at registration.
    pub user_handle: Option<Vec<u8>>,
}

/// Transports that WebAuthn names (level 3, 5.8.4).
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer<R> {
    id: Bytes,
    raw_id: Bytes,
    #[serde(rename = "type")]
    kind: Kind,
    response: R,
}

#[derive(Deserialize)]
enum Kind {
    #[serde(rename = "public-key")]
    PublicKey,
}

#[derive(Deserialize)]
struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    #[serde(rename = "attestationObject")]
    attestation: Bytes,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    authenticator_data: Bytes,
    signature: Bytes,
    #[serde(default)]
    user_handle: Option<Bytes>,
}

fn outer<'de, D: Deserializer<'de>, R: DeserializeOwned>(deserializer: D) -> Result<(Vec<u8>, R), D::Error> {
    let invalid = || Invalid::new("credential", "not a credential as PublicKeyCredential.toJSON() gives it").into_serde();
    let object = Map::<String, Value>::deserialize(deserializer)?;
    let Outer { id, raw_id, kind: Kind::PublicKey, response } = serde_json::from_value(Value::Object(object)).map_err(|_| invalid())?;
    if id != raw_id || raw_id.0.is_empty() || raw_id.0.len() > LONGEST_ID {
        return Err(invalid());
    }
    Ok((raw_id.0, response))
}

impl<'de> Deserialize<'de> for NewCredential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, response): (_, Attestation) = outer(deserializer)?;
        let transports = TRANSPORTS.into_iter().filter(|known| response.transports.iter().any(|named| named == known)).map(str::to_owned).collect();
        Ok(Self { id, client_data: response.client_data.0, attestation: response.attestation.0, transports })
    }
}

impl<'de> Deserialize<'de> for UsedCredential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, response): (_, Assertion) = outer(deserializer)?;
        Ok(Self {
            name: URL_SAFE_NO_PAD.encode(&id),
            id,
            client_data: response.client_data.0,
            authenticator_data: response.authenticator_data.0,
            signature: response.signature.0,
            user_handle: response.user_handle.map(|handle| handle.0),
        })
    }
}

fn schema(response: &[&str]) -> Schema {
    let base64url = json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]*=*$" });
    let members: Map<String, Value> = response.iter().map(|name| ((*name).to_owned(), base64url.clone().to_value())).collect();
    json_schema!({
        "type": "object",
        "required": ["id", "rawId", "type", "response"],
        "properties": {
            "id": base64url, "rawId": base64url, "type": { "const": "public-key" },
            "response": { "type": "object", "required": response, "properties": members },
        },
    })
}

impl JsonSchema for NewCredential {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NewCredential".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(&["clientDataJSON", "attestationObject"])
    }
}

impl JsonSchema for UsedCredential {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UsedCredential".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(&["clientDataJSON", "authenticatorData", "signature"])
    }
}
