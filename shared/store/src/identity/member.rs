//! Rows that many statements answer: a person, a tenant, a membership.

use std::fmt;

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{RoleId, TenantId, UserId},
    tenancy::{
        directory::{DirectoryEntry, TenantStatus},
        plan::{Features, Plan},
        settings::TenantFacts,
        slug::Slug,
    },
    time::Timestamp,
};

use crate::{Described, LookupScope, StoreError, row::Cells, statement::Statement};

/// Columns of `user_profiles`.
pub const PROFILE: &[Type] =
    &[Type::UUID, Type::TEXT, Type::BOOL, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT4, Type::TIMESTAMPTZ, Type::BOOL];

/// Columns of `memberships`, and the facts of its tenant.
pub const MEMBERSHIP: &[Type] = &[
    Type::UUID,
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::INT8,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::INT2,
    Type::BOOL,
    Type::TEXT,
    Type::INT2_ARRAY,
    Type::JSONB,
];

/// The scope's own person.
pub const fn own_profile<S>() -> Statement<S> {
    Statement::new("identity.own_profile", &[], PROFILE, "/* identity.own_profile */ SELECT * FROM user_profiles WHERE id = app_user_id()")
}

/// The memberships of the scope's own person, oldest tenant first.
pub const fn own_memberships<S>() -> Statement<S> {
    Statement::new(
        "identity.own_memberships",
        &[],
        MEMBERSHIP,
        "/* identity.own_memberships */ SELECT m.*, tenant_facts(m.tenant_id) AS tenant_facts FROM own_memberships() m \
         ORDER BY tenant_created_at, tenant_id",
    )
}

/// One membership of the scope's own person.
pub const OWN_MEMBERSHIP: Statement<LookupScope> = Statement::new(
    "identity.own_membership",
    &[Type::UUID],
    MEMBERSHIP,
    "/* identity.own_membership */ SELECT m.*, tenant_facts(m.tenant_id) AS tenant_facts FROM own_memberships() m WHERE tenant_id = $1",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[own_profile::<LookupScope>().described(), own_memberships::<LookupScope>().described(), OWN_MEMBERSHIP.described()];

/// A person. `Debug` shows nothing but the id, so that no log line gets an address or a name by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRow {
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
    /// Grows with every change of the profile.
    pub version: i32,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for UserRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRow").field("id", &self.id).finish_non_exhaustive()
    }
}

impl UserRow {
    /// The person in a row with the columns of `user_profiles`.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            email: row.cell("email")?,
            email_verified: row.cell("email_verified")?,
            first_name: row.cell("first_name")?,
            last_name: row.cell("last_name")?,
            avatar_url: row.cell("avatar_url")?,
            locale: row.cell("locale")?,
            timezone: row.cell("timezone")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
        })
    }
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Identifier.
    pub id: TenantId,
    /// Name in URLs.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Key of the plan.
    pub plan: String,
    /// Key of the status.
    pub status: String,
    /// Grows with every change that a client may make; what the ETag is of.
    pub version: i32,
    /// Grows with every change that the edge directory mirrors.
    pub directory_version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How it looks, what it lays down for sessions, where it departs from its plan.
    pub facts: TenantFacts,
}

impl TenantRow {
    /// The tenant in a row with the `tenant_` columns of `memberships` and its facts.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("tenant_id")?,
            slug: row.cell("tenant_slug")?,
            name: row.cell("tenant_name")?,
            plan: row.cell("tenant_plan")?,
            status: row.cell("tenant_status")?,
            version: row.cell("tenant_version")?,
            directory_version: row.cell("tenant_directory_version")?,
            created_at: row.time("tenant_created_at")?,
            updated_at: row.time("tenant_updated_at")?,
            facts: serde_json::from_value(row.cell("tenant_facts")?).map_err(|error| StoreError::Bug(format!("facts of a tenant: {error}")))?,
        })
    }

    /// What its plan covers, with its own departures from it.
    #[must_use]
    pub fn features(&self) -> Features {
        self.facts.features(Plan::from_key(&self.plan).unwrap_or_default())
    }

    /// The directory's entry for the tenant's own host, with no settings yet; `None` if the row is odd.
    #[must_use]
    pub fn directory_entry(&self) -> Option<DirectoryEntry> {
        Some(DirectoryEntry {
            tenant_id: self.id,
            slug: Slug::parse(&self.slug).ok()?,
            plan: Plan::from_key(&self.plan)?,
            status: TenantStatus::from_key(&self.status)?,
            redirect_to: None,
            settings: serde_json::Value::Null,
            version: self.directory_version,
        })
    }
}

/// A role of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// Identifier.
    pub id: RoleId,
    /// Key, unique in the tenant.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Level in the hierarchy, 100 for owners.
    pub level: i16,
    /// Whether it is one of the six that every tenant has.
    pub is_default: bool,
}

/// What joins a person to a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The tenant.
    pub tenant: TenantRow,
    /// The role in it.
    pub role: RoleRow,
    /// `active` or `suspended`.
    pub status: String,
    /// Catalogue indices of a custom role's permissions; empty for a default role, whose permissions follow from its key.
    pub custom_permissions: Vec<i16>,
}

impl Membership {
    /// Whether the person is suspended in the tenant.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.status != "active"
    }

    /// The membership in a row with the columns of `memberships`.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let role = RoleRow {
            id: row.id("role_id")?,
            key: row.cell("role_key")?,
            name: row.cell("role_name")?,
            level: row.cell("role_level")?,
            is_default: row.cell("role_is_default")?,
        };
        Ok(Self { tenant: TenantRow::read(row)?, role, status: row.cell("membership_status")?, custom_permissions: row.cell("custom_permissions")? })
    }

    /// The membership in a row whose `memberships` columns may all be NULL.
    pub(crate) fn maybe(row: &Row) -> Result<Option<Self>, StoreError> {
        match row.cell::<Option<uuid::Uuid>>("tenant_id")? {
            Some(_) => Self::read(row).map(Some),
            None => Ok(None),
        }
    }
}
