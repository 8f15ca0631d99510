//! Our clients at the providers, as the operator configures them.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::apple;
use crate::{error::Problem, time::Timestamp};

/// Our clients, by the provider's name. A provider without one is not offered.
#[derive(Default)]
pub struct Clients {
    clients: HashMap<String, Client>,
}

/// A client of ours.
pub struct Client {
    /// Its identifier.
    pub id: String,
    proof: Proof,
}

enum Proof {
    Secret(Zeroizing<String>),
    Apple(apple::Key),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientConfig {
    client_id: String,
    #[serde(default)]
    client_secret: Option<Zeroizing<String>>,
    #[serde(default)]
    team_id: Option<String>,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    private_key: Option<Zeroizing<String>>,
}

impl Clients {
    /// Reads the clients from their JSON form: `{"google": {"client_id", "client_secret"}, …}`, for Apple
    /// `{"client_id", "team_id", "key_id", "private_key"}`, the key in PEM.
    ///
    /// # Errors
    /// A sentence without secrets when the form is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let configs: HashMap<String, ClientConfig> = serde_json::from_str(text).map_err(|_| "OAUTH_CLIENTS is not an object of clients")?;
        let mut clients = HashMap::new();
        for (name, config) in configs {
            let proof = match config {
                ClientConfig { client_secret: Some(secret), team_id: None, key_id: None, private_key: None, .. } => Proof::Secret(secret),
                ClientConfig { client_secret: None, team_id: Some(team), key_id: Some(key), private_key: Some(pem), .. } => {
                    Proof::Apple(apple::Key::new(team, key, &pem).ok_or("a private_key in OAUTH_CLIENTS is no P-256 key in PEM")?)
                }
                _ => return Err("a client in OAUTH_CLIENTS has neither a client_secret alone nor team_id, key_id and private_key"),
            };
            clients.insert(name, Client { id: config.client_id, proof });
        }
        Ok(Self { clients })
    }

    /// The client at a provider, if there is one.
    #[must_use]
    pub fn get(&self, provider: &str) -> Option<&Client> {
        self.clients.get(provider)
    }
}

impl Client {
    /// The secret for one request to the token endpoint of `audience`.
    ///
    /// # Errors
    /// `INTERNAL` if it cannot be signed.
    pub fn secret(&self, audience: &str, now: Timestamp) -> Result<Cow<'_, str>, Problem> {
        match &self.proof {
            Proof::Secret(secret) => Ok(Cow::Borrowed(secret)),
            Proof::Apple(key) => key.secret(&self.id, audience, now).map(Cow::Owned),
        }
    }
}
