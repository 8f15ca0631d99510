//! Enterprise sign-on: what a connection is told about its provider, and what the provider's statements come to.

pub mod dns;
mod domain;
mod person;

pub use domain::MailDomain;
pub use person::{Claims, Missing, Person, Subject};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{id::RoleId, text::Name};

/// Connections of one tenant at most.
pub const MOST_CONNECTIONS: i64 = 20;
/// Claimed domains of one tenant at most.
pub const MOST_DOMAINS: i64 = 50;
/// Role mappings of one connection at most.
pub const MOST_MAPPINGS: usize = 100;

/// What a provider calls what we must know; the usual names are known without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// The mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Name>,
    /// The given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Name>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Name>,
    /// What `roles` are mapped from, groups as a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Name>,
}

/// A value of the provider's attribute `roles`, and the role that it gives a new member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleMapping {
    /// The value, letter by letter.
    pub value: Name,
    /// The role.
    pub role_id: RoleId,
}

/// An `OpenID` Connect provider, as a connection keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenId {
    /// The issuer; its discovery document lies below it.
    pub issuer: String,
    /// Our client there.
    pub client_id: String,
    /// Scopes, a blank between them.
    pub scope: String,
    /// Whether only addresses count that the provider says it verified. Where everybody may make an account at the provider,
    /// nothing else stands between a stranger and somebody's address.
    pub require_verified_email: bool,
}
