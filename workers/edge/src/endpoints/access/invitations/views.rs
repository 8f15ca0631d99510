//! How an invitation looks from outside.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    id::{InvitationId, UserId},
    time::Timestamp,
};
use zygo_store::access::InvitationRow;

use crate::endpoints::{access::members::views::role, identity::views::RoleRef};

/// An invitation, as its organisation sees it.
#[derive(Serialize, JsonSchema)]
pub struct InvitationView {
    /// Identifier.
    id: InvitationId,
    /// Address that it went to.
    email: String,
    /// `pending`, `accepted`, `revoked` or `expired`.
    status: String,
    /// The role that it gives.
    role: RoleRef,
    /// Who sent it last.
    invited_by: UserId,
    /// When it was made.
    created_at: Timestamp,
    /// When it runs out.
    expires_at: Timestamp,
}

impl From<InvitationRow> for InvitationView {
    fn from(row: InvitationRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            status: row.status,
            role: role(row.role),
            invited_by: row.invited_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}
