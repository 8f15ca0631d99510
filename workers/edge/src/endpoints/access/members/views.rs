//! How a member looks to the others.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{id::UserId, time::Timestamp};
use zygo_store::{access::MemberRow, identity::RoleRow};

use crate::{endpoints::identity::views::RoleRef, reply::Reply};

/// A member.
#[derive(Serialize, JsonSchema)]
pub struct MemberView {
    /// The person's identifier.
    id: UserId,
    /// Mail address.
    email: String,
    /// Given name.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// Where the picture is.
    avatar_url: Option<String>,
    /// Their role.
    role: RoleRef,
    /// `active` or `suspended`.
    status: String,
    /// Since when they are a member.
    joined_at: Timestamp,
    /// When the membership was last changed.
    updated_at: Timestamp,
}

impl From<MemberRow> for MemberView {
    fn from(row: MemberRow) -> Self {
        Self {
            id: row.user_id,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            avatar_url: row.avatar_url,
            role: role(row.role),
            status: row.status,
            joined_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A role beside somebody who has it.
#[must_use]
pub fn role(row: RoleRow) -> RoleRef {
    RoleRef { id: row.id, key: row.key, name: row.name, level: row.level }
}

/// The answer with a member and the membership's version.
pub fn reply(row: MemberRow) -> Reply<MemberView> {
    let version = i64::from(row.version);
    Reply::ok(MemberView::from(row)).version(version)
}
