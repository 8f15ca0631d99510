//! How tenancy looks from outside.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{id::TenantId, time::Timestamp};
use zygo_store::identity::TenantRow;

use crate::ctx::Ctx;

/// An organisation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TenantView {
    /// Identifier.
    pub id: TenantId,
    /// Name in URLs.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Plan: `free`, `pro`, `business`, `enterprise`.
    pub plan: String,
    /// Host that it answers at.
    pub host: String,
    /// `active`, `suspended`, `deleted`.
    pub status: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl TenantView {
    /// The view of a row.
    #[must_use]
    pub fn new(ctx: &Ctx, row: &TenantRow) -> Self {
        Self {
            id: row.id,
            slug: row.slug.clone(),
            name: row.name.clone(),
            plan: row.plan.clone(),
            host: format!("{}.{}", row.slug, ctx.app.config.hosts.app_domain()),
            status: row.status.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
