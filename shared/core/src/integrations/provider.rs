//! The providers, and where they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose drives may be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Google Drive.
    GoogleDrive,
    /// Microsoft `OneDrive`.
    #[serde(rename = "onedrive")]
    OneDrive,
    /// Dropbox.
    Dropbox,
}

/// Where a provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Who answers there, where answers say so (RFC 9207).
    pub issuer: String,
    /// Where the browser is sent.
    pub authorize: String,
    /// Where codes and refresh tokens are redeemed.
    pub token: String,
    /// Base URL of the API.
    pub api: String,
    /// Scopes that are asked for: to see what files there are, and to go on seeing it.
    pub scope: &'static str,
    /// What the authorization request takes beside, so that a refresh token comes.
    pub more: &'static [(&'static str, &'static str)],
}

/// How a connection is taken back at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// By the refresh token in a form (RFC 7009).
    Form(String),
    /// By a POST with the access token as bearer.
    Bearer(String),
    /// Not at all: the provider has no way; the tokens are forgotten, and die.
    Nowhere,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::GoogleDrive, Self::OneDrive, Self::Dropbox];

    /// Its name in URLs, in the database and in the configuration.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::GoogleDrive => "google_drive",
            Self::OneDrive => "onedrive",
            Self::Dropbox => "dropbox",
        }
    }

    /// The provider of that name, if there is one.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.key() == key)
    }

    /// Where it is; `base` puts it elsewhere, for tests.
    #[must_use]
    pub fn endpoints(self, base: Option<&str>) -> Endpoints {
        let at = |real: &str, path: &str| base.map_or_else(|| real.to_owned(), |base| format!("{base}{path}"));
        match self {
            Self::GoogleDrive => Endpoints {
                issuer: at("https://accounts.google.com", ""),
                authorize: at("https://accounts.google.com/o/oauth2/v2/auth", "/authorize"),
                token: at("https://oauth2.googleapis.com/token", "/token"),
                api: at("https://www.googleapis.com", "/api"),
                scope: "https://www.googleapis.com/auth/drive.metadata.readonly",
                more: &[("access_type", "offline"), ("prompt", "consent")],
            },
            Self::OneDrive => Endpoints {
                issuer: at("https://login.microsoftonline.com/{tenantid}/v2.0", ""),
                authorize: at("https://login.microsoftonline.com/common/oauth2/v2.0/authorize", "/authorize"),
                token: at("https://login.microsoftonline.com/common/oauth2/v2.0/token", "/token"),
                api: at("https://graph.microsoft.com", "/api"),
                scope: "offline_access Files.Read",
                more: &[("prompt", "select_account")],
            },
            Self::Dropbox => Endpoints {
                issuer: at("https://www.dropbox.com", ""),
                authorize: at("https://www.dropbox.com/oauth2/authorize", "/authorize"),
                token: at("https://api.dropboxapi.com/oauth2/token", "/token"),
                api: at("https://api.dropboxapi.com", "/api"),
                scope: "files.metadata.read",
                more: &[("token_access_type", "offline")],
            },
        }
    }

    /// How a connection is taken back; `base` as for [`endpoints`](Self::endpoints).
    #[must_use]
    pub fn revocation(self, base: Option<&str>) -> Revocation {
        let at = |real: &str, path: &str| base.map_or_else(|| real.to_owned(), |base| format!("{base}{path}"));
        match self {
            Self::GoogleDrive => Revocation::Form(at("https://oauth2.googleapis.com/revoke", "/revoke")),
            Self::OneDrive => Revocation::Nowhere,
            Self::Dropbox => Revocation::Bearer(at("https://api.dropboxapi.com/2/auth/token/revoke", "/api/2/auth/token/revoke")),
        }
    }
}
