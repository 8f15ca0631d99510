//! Organisations whose directory writes over SCIM.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    Answer, Api, Member, System,
    enterprise::{Enterprise, KEYS, saml},
    random,
};

/// Schema of a user.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Schema of a group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Schema of a PATCH.
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A directory with a token.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Who made its connection.
    pub owner: Member,
    /// A domain that the organisation has proved.
    pub domain: String,
    /// Identifier of the connection.
    pub connection: String,
    /// The token.
    pub token: String,
    /// A client with the token.
    pub api: Api,
}

impl System {
    /// An organisation with a proved domain, and a directory that its owner connected.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn directory(&self) -> Result<Directory> {
        let [idp, ..] = &*KEYS;
        let Enterprise { owner, domain, .. } = self.enterprise(&saml(&[idp])).await?;
        Directory::connect(&owner, &domain).await
    }
}

impl Directory {
    /// Connects a directory, by somebody.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn connect(by: &Member, domain: &str) -> Result<Self> {
        let made = by.session.api.post("/scim/connections", &json!({ "name": "Directory" })).await?.json_of(201)?;
        let connection = made["id"].as_str().context("id")?.to_owned();
        let issued = by.session.api.post(&format!("/scim/connections/{connection}/tokens"), &json!({})).await?.json_of(201)?;
        let token = issued["token"].as_str().context("token")?.to_owned();
        let api = by.session.api.without_token().from_elsewhere().with(&token);
        Ok(Self { owner: by.clone(), domain: domain.to_owned(), connection, token, api })
    }

    /// A path of the connection.
    #[must_use]
    pub fn path(&self, rest: &str) -> String {
        format!("/scim/connections/{}{rest}", self.connection)
    }

    /// A name that nobody has, which is an address of the domain.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn name(&self) -> Result<String> {
        Ok(format!("{}@{}", random::word()?, self.domain))
    }

    /// Sends a body as directories do.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Result<Answer> {
        let call = self.api.call(method, &format!("/scim/v2{path}"))?.header("content-type", "application/scim+json");
        call.body(body.to_string()).send().await
    }

    /// Asks.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.api.get(&format!("/scim/v2{path}")).await
    }

    /// Applies operations.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn patch(&self, path: &str, operations: Value) -> Result<Answer> {
        self.send("PATCH", path, &json!({ "schemas": [PATCH], "Operations": operations })).await
    }

    /// Makes a user of this name.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn user(&self, name: &str) -> Result<Value> {
        let body = json!({ "schemas": [USER], "userName": name, "name": { "givenName": "Ada", "familyName": "Lovelace" }, "active": true });
        self.send("POST", "/Users", &body).await?.scim_of(201)
    }

    /// Makes a group of these users.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn group(&self, name: &str, members: &[&Value]) -> Result<Value> {
        let members: Vec<Value> = members.iter().map(|user| json!({ "value": user["id"] })).collect();
        self.send("POST", "/Groups", &json!({ "schemas": [GROUP], "displayName": name, "members": members })).await?.scim_of(201)
    }
}

impl Answer {
    /// The resource, if the answer is one with this status.
    ///
    /// # Errors
    /// Otherwise, with the answer in the message.
    pub fn scim_of(self, status: u16) -> Result<Value> {
        let answer = self.expect(status)?;
        ensure!(answer.header("content-type") == Some("application/scim+json"), "content type of {answer}");
        answer.json()
    }

    /// Holds the answer to one of SCIM's errors; `""` for one that it has no word for.
    ///
    /// # Errors
    /// When it is another.
    pub fn scim_error(self, status: u16, scim_type: &str) -> Result<Self> {
        let answer = self.expect(status)?;
        let body = answer.json()?;
        ensure!(body["scimType"].as_str().unwrap_or_default() == scim_type, "wanted {scim_type}, got {answer}");
        Ok(answer)
    }
}
