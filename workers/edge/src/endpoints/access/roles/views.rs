//! How a role looks from outside.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{id::RoleId, time::Timestamp};
use zygo_store::access::TeamRole;

use crate::reply::Reply;

/// A role.
#[derive(Serialize, JsonSchema)]
pub struct RoleView {
    /// Identifier.
    id: RoleId,
    /// Key, unique in the organisation.
    key: String,
    /// Name for people.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Level in the hierarchy: owner 100, admin 80, manager 60, developer 40, member 20, viewer 10.
    level: i16,
    /// Whether it is one of the six that every organisation has; those are read-only.
    is_default: bool,
    /// Keys of what it permits, in the catalogue's order.
    permissions: Vec<&'static str>,
    /// How many members hold it.
    member_count: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl From<TeamRole> for RoleView {
    fn from(role: TeamRole) -> Self {
        Self {
            id: role.id,
            key: role.key,
            name: role.name,
            description: role.description,
            level: role.level,
            is_default: role.is_default,
            permissions: role.permissions.keys().collect(),
            member_count: role.members,
            created_at: role.created_at,
            updated_at: role.updated_at,
        }
    }
}

/// The answer with a role and its version.
pub fn reply(reply: Reply<TeamRole>) -> Reply<RoleView> {
    let version = reply.body().map_or(0, |role| i64::from(role.version));
    reply.map(RoleView::from).version(version)
}
