//! A person as a provider tells of them.

use super::Provider;
use crate::{
    identity::{email::Email, oidc::id_token::IdClaims},
    text::Name,
};

/// The directory of Microsoft's personal accounts.
const MICROSOFT_CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Somebody whom a provider has signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who, to this provider and for ever.
    pub subject: String,
    /// Mail address, if the provider tells a usable one.
    pub email: Option<Email>,
    /// Whether the provider vouches that the address is theirs.
    pub email_verified: bool,
    /// Given name.
    pub given_name: Option<Name>,
    /// Family name.
    pub family_name: Option<Name>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

impl Person {
    /// The person of a verified ID token.
    #[must_use]
    pub fn of(provider: Provider, claims: &IdClaims) -> Self {
        let name = |text: &Option<String>| text.as_deref().and_then(lenient_name);
        Self {
            subject: claims.sub.clone(),
            email: claims.email.as_deref().and_then(|email| Email::parse(email).ok()),
            email_verified: match provider {
                Provider::Microsoft => microsoft_vouches(claims),
                _ => claims.email_verified,
            },
            given_name: name(&claims.given_name).or_else(|| name(&claims.name)),
            family_name: name(&claims.family_name),
        }
    }
}

/// Microsoft puts into `email` whatever a directory's administrator wrote there. It vouches for an address by the optional
/// claim `xms_edov` (the domain's owner is verified), and for those of personal accounts.
fn microsoft_vouches(claims: &IdClaims) -> bool {
    let domain_owner_verified = claims
        .more
        .get("xms_edov")
        .is_some_and(|said| said.as_bool() == Some(true) || said.as_i64() == Some(1) || matches!(said.as_str(), Some("1" | "true" | "True")));
    domain_owner_verified || claims.tid.as_deref() == Some(MICROSOFT_CONSUMERS)
}

/// A name as far as it is one: cut where it is too long, none where it is odd. A provider's text must not fail a sign-in.
pub(super) fn lenient_name(text: &str) -> Option<Name> {
    Name::parse(&text.chars().take(100).collect::<String>()).ok()
}
