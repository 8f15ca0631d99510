//! What the edge directory mirrors.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::TenantId,
    tenancy::{
        directory::{DirectoryEntry, TenantStatus},
        plan::Plan,
        slug::Slug,
    },
};

use crate::{Db, Described, LookupScope, PlatformScope, StoreError, batch::Batch, row::Cells, statement::Statement};

const COLUMNS: &[Type] = &[Type::TEXT, Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8, Type::JSONB];

const FIND: Statement<LookupScope> =
    Statement::new("tenancy.tenant_by_host", &[Type::TEXT], COLUMNS, "/* tenancy.tenant_by_host */ SELECT * FROM find_tenant($1)");

const ROWS: Statement<PlatformScope> = Statement::new(
    "tenancy.directory_rows",
    &[Type::UUID],
    COLUMNS,
    "/* tenancy.directory_rows */ SELECT * FROM tenant_directory WHERE tenant_id = $1 ORDER BY key",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[FIND.described(), ROWS.described()];

/// A host of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectoryRow {
    /// A slug, which stands for its host below the app domain, or a custom domain. A domain has a dot, a slug has none.
    pub key: String,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its slug now.
    pub slug: String,
    /// Key of its plan.
    pub plan: String,
    /// Key of its status.
    pub status: String,
    /// For a former slug: the slug whose host to go to.
    pub redirect_to: Option<String>,
    /// Only grows.
    pub version: i64,
    /// What the edge must know before it has asked Postgres.
    pub settings: Value,
}

impl DirectoryRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.cell("key")?,
            tenant_id: row.id("tenant_id")?,
            slug: row.cell("slug")?,
            plan: row.cell("plan")?,
            status: row.cell("status")?,
            redirect_to: row.cell("redirect_to")?,
            version: row.cell("version")?,
            settings: row.cell("settings")?,
        })
    }

    /// The directory's entry, or `None` if the row is odd. `host` gives a slug's host below the app domain.
    #[must_use]
    pub fn into_entry(self, host: impl Fn(&Slug) -> String) -> Option<DirectoryEntry> {
        let slug = Slug::parse(&self.slug).ok()?;
        Some(DirectoryEntry {
            tenant_id: self.tenant_id,
            redirect_to: self.redirect_to.map(|_| host(&slug)),
            slug,
            plan: Plan::from_key(&self.plan)?,
            status: TenantStatus::from_key(&self.status)?,
            settings: self.settings,
            version: self.version,
        })
    }
}

/// The tenant behind a host's key: a slug, also a former one, or a custom domain.
///
/// # Errors
/// `Unavailable`.
pub async fn tenant_by_host(db: &Db, scope: &LookupScope, key: &str) -> Result<Option<DirectoryRow>, StoreError> {
    let rows = Batch::read(db, scope).add(&FIND, &[&key]).rows().await?;
    rows.first().map(DirectoryRow::read).transpose()
}

/// Every host of a tenant.
///
/// # Errors
/// `Unavailable`.
pub async fn directory_rows(db: &Db, scope: &PlatformScope, tenant_id: TenantId) -> Result<Vec<DirectoryRow>, StoreError> {
    let rows = Batch::read(db, scope).add(&ROWS, &[&tenant_id.uuid()]).rows().await?;
    rows.iter().map(DirectoryRow::read).collect()
}
