//! The members of a tenant.

use std::fmt;

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{id::UserId, time::Timestamp};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    identity::RoleRow,
    row::{Cells, at},
    statement::Statement,
};

const MEMBER: &[Type] = &[
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::INT2,
    Type::BOOL,
    Type::UUID,
    Type::TEXT,
    Type::INT4,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
];

const LIST: Statement<TenantScope> = Statement::new(
    "access.list_members",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    MEMBER,
    "/* access.list_members */ SELECT * FROM list_members($1, $2, $3, $4, $5, $6)",
);

/// One member, with the columns of the list.
pub const READ: Statement<TenantScope> = Statement::new(
    "access.member",
    &[Type::UUID],
    MEMBER,
    "/* access.member */ SELECT u.id, u.email, u.first_name, u.last_name, u.avatar_url, r.id AS role_id, r.key AS role_key, r.name AS role_name, \
       r.level AS role_level, r.is_default AS role_is_default, m.id AS membership_id, m.status, m.version, m.created_at, m.updated_at \
     FROM user_roles m JOIN users u ON u.id = m.user_id JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id \
     WHERE m.tenant_id = app_tenant_id() AND m.user_id = $1",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), READ.described()];

/// A member. `Debug` shows nothing of the person but the id.
#[derive(Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The person.
    pub user_id: UserId,
    /// Mail address.
    pub email: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Where the picture is.
    pub avatar_url: Option<String>,
    /// The role.
    pub role: RoleRow,
    /// The membership.
    pub membership_id: Uuid,
    /// `active` or `suspended`.
    pub status: String,
    /// Grows with every change of the membership.
    pub version: i32,
    /// Since when.
    pub created_at: Timestamp,
    /// When the membership was last changed.
    pub updated_at: Timestamp,
}

impl fmt::Debug for MemberRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberRow")
            .field("user_id", &self.user_id)
            .field("role", &self.role.key)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl MemberRow {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let role = RoleRow {
            id: row.id("role_id")?,
            key: row.cell("role_key")?,
            name: row.cell("role_name")?,
            level: row.cell("role_level")?,
            is_default: row.cell("role_is_default")?,
        };
        Ok(Self {
            user_id: row.id("id")?,
            email: row.cell("email")?,
            first_name: row.cell("first_name")?,
            last_name: row.cell("last_name")?,
            avatar_url: row.cell("avatar_url")?,
            role,
            membership_id: row.cell("membership_id")?,
            status: row.cell("status")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// Which members.
#[derive(Debug, Clone, Default)]
pub struct MembersQuery {
    /// Part of address or name.
    pub search: Option<String>,
    /// Key or identifier of a role.
    pub role: Option<String>,
    /// `active` or `suspended`.
    pub status: Option<&'static str>,
    /// Position after which the page begins: creation and identifier of a membership.
    pub after: Option<(Timestamp, Uuid)>,
}

/// A page of the tenant's members, the longest-standing first.
///
/// # Errors
/// `Unavailable`.
pub async fn list_members(db: &Db, scope: &TenantScope, query: &MembersQuery, limit: i64) -> Result<Vec<MemberRow>, StoreError> {
    let (time, id) = (query.after.map(|after| at(after.0)), query.after.map(|after| after.1));
    let rows = Batch::read(db, scope).add(&LIST, &[&query.search, &query.role, &query.status, &time, &id, &limit]).rows().await?;
    rows.iter().map(MemberRow::read).collect()
}

/// One of the tenant's members.
///
/// # Errors
/// `Unavailable`.
pub async fn member(db: &Db, scope: &TenantScope, user_id: UserId) -> Result<Option<MemberRow>, StoreError> {
    Batch::read(db, scope).add(&READ, &[&user_id.uuid()]).rows().await?.first().map(MemberRow::read).transpose()
}
