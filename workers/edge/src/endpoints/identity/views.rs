//! How identity looks from outside.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    id::{RoleId, SessionId, TenantId, UserId},
    time::Timestamp,
};
use zygo_store::identity::{Membership, TenantRow, UserRow};

use crate::reply::Reply;

/// A person, as they see themselves.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UserView {
    /// Identifier.
    pub id: UserId,
    /// Mail address.
    pub email: String,
    /// Whether it is verified.
    pub email_verified: bool,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
    /// Language, BCP 47.
    pub locale: String,
    /// IANA time zone.
    pub timezone: String,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl From<&UserRow> for UserView {
    fn from(row: &UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email.clone(),
            email_verified: row.email_verified,
            first_name: row.first_name.clone(),
            last_name: row.last_name.clone(),
            avatar_url: row.avatar_url.clone(),
            locale: row.locale.clone(),
            timezone: row.timezone.clone(),
            created_at: row.created_at,
        }
    }
}

/// The same for every address: whether it has an account shows nowhere.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Accepted {
    /// Always true: the request was taken.
    accepted: bool,
}

impl Accepted {
    /// 202.
    #[must_use]
    pub const fn reply() -> Reply<Self> {
        Reply::with(202, Self { accepted: true })
    }
}

/// A tenant in a list or beside a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TenantRef {
    /// Identifier.
    pub id: TenantId,
    /// Name in URLs.
    pub slug: String,
    /// Name for people.
    pub name: String,
}

impl From<&TenantRow> for TenantRef {
    fn from(row: &TenantRow) -> Self {
        Self { id: row.id, slug: row.slug.clone(), name: row.name.clone() }
    }
}

/// A role in a tenant.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RoleRef {
    /// Identifier.
    pub id: RoleId,
    /// Key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Level in the hierarchy, 100 for owners.
    pub level: i16,
}

/// What a person is in a tenant.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MembershipView {
    /// The tenant.
    pub tenant: TenantRef,
    /// The role.
    pub role: RoleRef,
}

impl From<&Membership> for MembershipView {
    fn from(row: &Membership) -> Self {
        let role = &row.role;
        Self { tenant: (&row.tenant).into(), role: RoleRef { id: role.id, key: role.key.clone(), name: role.name.clone(), level: role.level } }
    }
}

/// A session, as its owner sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SessionView {
    /// Identifier.
    pub id: SessionId,
    /// Tenant that it belongs to; `null` for the platform.
    pub tenant_id: Option<TenantId>,
    /// Name of the device, as given at sign-in or told by the browser.
    pub device: Option<String>,
    /// Address that it was last used from.
    pub ip: Option<String>,
    /// Country that it was last used from.
    pub country: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_seen_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}
