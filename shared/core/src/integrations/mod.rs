//! Connections of members to drives elsewhere. Pure: where the providers are, and what their listings say.

mod files;
mod provider;

pub use files::{File, Listing, ListingRequest};
pub use provider::{Endpoints, Provider, Revocation};

use serde::{Deserialize, Serialize};
use zeroize::ZeroizeOnDrop;

use crate::id::{TenantId, UserId};

/// How long before its end a token is renewed, in seconds.
pub const RENEW_SECONDS: i64 = 10 * 60;

/// How long a token counts whose provider does not say, in seconds.
pub const LIFE_SECONDS: i64 = 60 * 60;

/// The tokens of a connection, as they are sealed.
#[derive(Clone, Serialize, Deserialize, ZeroizeOnDrop)]
pub struct Tokens {
    /// For the provider's API.
    pub access: String,
    /// For the next access token.
    pub refresh: String,
}

/// What tokens are sealed for: they open for no other tenant, person or provider.
#[must_use]
pub fn seal_context(tenant_id: TenantId, user_id: UserId, provider: Provider) -> String {
    format!("integration {tenant_id} {user_id} {}", provider.key())
}

#[cfg(test)]
mod tests;
