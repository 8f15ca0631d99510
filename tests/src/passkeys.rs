//! People with passkeys: the ceremonies, played by an authenticator in software.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use zygo_test_authenticator::{Authenticator, Kind};

use crate::{Answer, Api, Session, random};

/// An authenticator that no other test has.
///
/// # Errors
/// When there is no randomness.
pub fn device(kind: Kind) -> Result<Authenticator> {
    Ok(Authenticator::new(kind, random::bytes()?))
}

/// Begins a ceremony: `register`, `login` or `step-up`.
///
/// # Errors
/// When it does not begin.
pub async fn start(api: &Api, what: &str, input: &Value) -> Result<Value> {
    api.post(&format!("/auth/passkeys/{what}/start"), input).await?.json_of(200)
}

/// The authenticator's answer to a ceremony that began, as the body of its `finish`.
#[must_use]
pub fn answer(api: &Api, device: &mut Authenticator, started: &Value) -> Value {
    let options = &started["options"];
    let credential = if options["rp"].is_object() { device.create(options, &api.origin()) } else { device.get(options, &api.origin()) };
    json!({ "ceremony": started["ceremony"], "credential": credential })
}

/// Ends a ceremony.
///
/// # Errors
/// When no answer comes.
pub async fn finish(api: &Api, what: &str, body: &Value) -> Result<Answer> {
    api.post(&format!("/auth/passkeys/{what}/finish"), body).await
}

/// Signs in with a passkey, from beginning to end.
///
/// # Errors
/// When no answer comes.
pub async fn try_sign_in(api: &Api, device: &mut Authenticator) -> Result<Answer> {
    let started = start(api, "login", &json!({})).await?;
    finish(api, "login", &answer(api, device, &started)).await
}

impl Session {
    /// Adds a passkey to the account at the session's host.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn add_passkey(&self, device: &mut Authenticator) -> Result<String> {
        let started = start(&self.api, "register", &json!({})).await?;
        let added = finish(&self.api, "register", &answer(&self.api, device, &started)).await?.json_of(201)?;
        added["id"].as_str().map(str::to_owned).context("no id")
    }

    /// The account's passkeys.
    ///
    /// # Errors
    /// When they are not listed.
    pub async fn passkeys(&self) -> Result<Vec<Value>> {
        self.api.get("/auth/passkeys").await?.json_of(200)?["data"].as_array().cloned().context("no list")
    }
}
