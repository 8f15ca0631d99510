//! How tenancy looks from outside.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{id::TenantId, tenancy::settings::Colors, time::Timestamp};
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
    /// `active`, `suspended`, `deleting`, `deleted`.
    pub status: String,
    /// Where the logo is.
    pub logo_url: Option<String>,
    /// The colours that it is shown in; what is absent is the product's own.
    pub colors: Colors,
    /// When it will be deleted, if it is to be.
    pub delete_after: Option<Timestamp>,
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
            host: ctx.app.config.hosts.app_host(&row.slug),
            status: row.status.clone(),
            logo_url: row.facts.logo_url.clone(),
            colors: row.facts.colors.clone(),
            delete_after: row.facts.delete_after,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
