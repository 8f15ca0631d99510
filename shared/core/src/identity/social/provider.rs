//! The providers, and where they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose accounts one may sign in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Google.
    Google,
    /// GitHub.
    Github,
    /// Microsoft, work and personal accounts.
    Microsoft,
    /// Apple.
    Apple,
}

/// By which rules a provider goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `OpenID` Connect.
    OpenId {
        /// Where the discovery document lies.
        discovery: String,
        /// The issuer that it must name.
        issuer: String,
    },
    /// GitHub's OAuth apps: no ID token, the person by an API.
    Github {
        /// Where the browser is sent.
        authorize: String,
        /// Where codes are redeemed.
        token: String,
        /// Base URL of the API.
        api: String,
    },
}

/// Where a provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Its rules.
    pub kind: Kind,
    /// Scopes that are asked for.
    pub scope: &'static str,
    /// What its authorization request takes beside.
    pub more: &'static [(&'static str, &'static str)],
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 4] = [Self::Google, Self::Github, Self::Microsoft, Self::Apple];

    /// Its name in URLs, in the database and in the configuration.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Github => "github",
            Self::Microsoft => "microsoft",
            Self::Apple => "apple",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Github => "GitHub",
            Self::Microsoft => "Microsoft",
            Self::Apple => "Apple",
        }
    }

    /// The provider of that name, if there is one.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.key() == key)
    }

    /// Whether it answers by a form that its page posts, instead of by the query.
    #[must_use]
    pub const fn posts_back(self) -> bool {
        matches!(self, Self::Apple)
    }

    /// Where it is; `base` puts it elsewhere, for tests.
    #[must_use]
    pub fn endpoints(self, base: Option<&str>) -> Endpoints {
        let open_id = |discovery: String, issuer: String| Kind::OpenId { discovery, issuer };
        let below = |base: &str| open_id(crate::identity::oidc::metadata::url(base), base.to_owned());
        let (kind, scope, more): (_, _, &'static [_]) = match self {
            Self::Google => (below(base.unwrap_or("https://accounts.google.com")), "openid email profile", &[("prompt", "select_account")]),
            Self::Microsoft => {
                let base = base.unwrap_or("https://login.microsoftonline.com");
                let kind = open_id(format!("{base}/common/v2.0/.well-known/openid-configuration"), format!("{base}/{{tenantid}}/v2.0"));
                (kind, "openid email profile", &[("prompt", "select_account")])
            }
            // Apple asks for names and address only in this mode.
            Self::Apple => (below(base.unwrap_or("https://appleid.apple.com")), "openid email name", &[("response_mode", "form_post")]),
            Self::Github => {
                let site = base.unwrap_or("https://github.com");
                let api = base.map_or_else(|| "https://api.github.com".to_owned(), |base| format!("{base}/api"));
                let kind =
                    Kind::Github { authorize: format!("{site}/login/oauth/authorize"), token: format!("{site}/login/oauth/access_token"), api };
                (kind, "read:user user:email", &[])
            }
        };
        Endpoints { kind, scope, more }
    }
}
