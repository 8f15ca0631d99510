//! What a browser is told: `PublicKeyCredentialCreationOptionsJSON` and `PublicKeyCredentialRequestOptionsJSON` (WebAuthn
//! level 3, 5.1.9 and 5.1.10), which `parseCreationOptionsFromJSON()` and `parseRequestOptionsFromJSON()` read.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    challenge::{Challenge, LIFE_SECONDS},
    key::Algorithm,
};
use crate::id::UserId;

/// How long the browser waits, in milliseconds.
const TIMEOUT: i64 = LIFE_SECONDS * 1000;

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A credential, as options name it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Descriptor {
    /// `public-key`
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id, in base64url.
    id: String,
    /// How its authenticator can be reached.
    transports: Vec<String>,
}

impl Descriptor {
    /// A credential by id and transports.
    #[must_use]
    pub fn new(id: &[u8], transports: Vec<String>) -> Self {
        Self { kind: "public-key", id: base64url(id), transports }
    }
}

/// The relying party.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Party {
    id: String,
    name: String,
}

/// Whose credential it is to be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
struct Parameter {
    #[serde(rename = "type")]
    kind: &'static str,
    alg: i16,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    cred_props: bool,
}

/// For `navigator.credentials.create()`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    rp: Party,
    user: User,
    challenge: String,
    pub_key_cred_params: Vec<Parameter>,
    timeout: i64,
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    attestation: &'static str,
    extensions: Extensions,
}

/// A person, as their authenticator will show them.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// Identifier; what the authenticator gives back at sign-in.
    pub id: UserId,
    /// Mail address: tells accounts apart.
    pub email: &'a str,
    /// What the person is called, or the address again.
    pub name: &'a str,
}

impl CreationOptions {
    /// A discoverable credential with user verification, of no particular make, on none of the authenticators that have one.
    #[must_use]
    pub fn new(rp_id: &str, rp_name: &str, person: Person<'_>, challenge: &Challenge, existing: Vec<Descriptor>) -> Self {
        Self {
            rp: Party { id: rp_id.to_owned(), name: rp_name.to_owned() },
            user: User { id: base64url(person.id.uuid().as_bytes()), name: person.email.to_owned(), display_name: person.name.to_owned() },
            challenge: base64url(challenge),
            pub_key_cred_params: Algorithm::ALL.map(|algorithm| Parameter { kind: "public-key", alg: algorithm.cose() }).into(),
            timeout: TIMEOUT,
            exclude_credentials: existing,
            authenticator_selection: Selection { resident_key: "required", require_resident_key: true, user_verification: "required" },
            attestation: "none",
            extensions: Extensions { cred_props: true },
        }
    }
}

/// For `navigator.credentials.get()`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    challenge: String,
    timeout: i64,
    rp_id: String,
    /// Empty where any credential that the authenticator finds will do.
    allow_credentials: Vec<Descriptor>,
    user_verification: &'static str,
}

impl RequestOptions {
    /// One of these credentials, or any; with user verification.
    #[must_use]
    pub fn new(rp_id: &str, challenge: &Challenge, allowed: Vec<Descriptor>) -> Self {
        Self { challenge: base64url(challenge), timeout: TIMEOUT, rp_id: rp_id.to_owned(), allow_credentials: allowed, user_verification: "required" }
    }
}
