//! What an organisation is called and looks like.

use serde_json::Value;
use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::OutboxId,
    tenancy::{settings::REDIRECT_SECONDS, slug::Slug},
    time::Timestamp,
};

use super::TENANT;
use crate::{
    Db, Described, PlatformScope, StoreError, TenantScope,
    batch::Batch,
    identity::TenantRow,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const CHANGE: Statement<TenantScope> = Statement::new(
    "tenancy.change_tenant",
    &[Type::TEXT, Type::TEXT, Type::JSONB, Type::INT8_ARRAY, Type::TIMESTAMPTZ, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* tenancy.change_tenant */ SELECT change_tenant($1, $2, $3, $4, $5, $6, $7) AS outcome",
);

/// Forgets the slugs that lead to nobody any more, and owes the directory that it forgets them too.
const EXPIRE: Statement<PlatformScope> = Statement::new(
    "tenancy.expire_redirects",
    &[Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* tenancy.expire_redirects */ WITH gone AS ( \
       DELETE FROM tenant_domains WHERE kind = 'former_slug' AND redirect_until <= $1 RETURNING tenant_id), \
     owed AS (INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT make_uuid_v7($1), tenant_id, 'directory.sync', 'jobs', \
         jsonb_build_object('kind', 'directory.sync', 'tenant_id', tenant_id), $1, $1 FROM (SELECT DISTINCT tenant_id FROM gone) g) \
     SELECT count(*) AS gone FROM gone",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[CHANGE.described(), EXPIRE.described()];

/// What to change of an organisation; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct TenantPatch {
    /// Name for people.
    pub name: Option<String>,
    /// Name in URLs.
    pub slug: Option<Slug>,
    /// Colours, all of them.
    pub colors: Option<Value>,
}

/// What became of it.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per request, and most are the large one")]
pub enum Change {
    /// It is so now.
    Done {
        /// The organisation.
        tenant: TenantRow,
        /// The job that syncs the directory, where the organisation answers elsewhere now.
        moved: Option<Queued>,
    },
    /// Another organisation has the slug, or had it until lately.
    SlugTaken,
    /// Five slugs that it gave up still lead to it.
    Hoarding,
    /// Its version is not among those expected.
    VersionLost,
    /// It is gone.
    Missing,
}

/// Changes the scope's organisation, if its version is among those given, with its event `tenant.updated`. A slug that it gives up
/// leads to it for 30 days.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn change_tenant(
    db: &Db,
    scope: &TenantScope,
    patch: &TenantPatch,
    if_version: Option<&[i64]>,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Change, StoreError> {
    let slug = patch.slug.as_ref().map(Slug::as_str);
    let until = at(now.plus_seconds(REDIRECT_SECONDS));
    let mut answers = Batch::write(db, scope)
        .add(&CHANGE, &[&patch.name, &slug, &patch.colors, &if_version, &until, &outbox_id.uuid(), &at(now)])
        .add(&TENANT, &[])
        .run()
        .await?;
    let outcome = only(answers.take(), "tenancy.change_tenant")?;
    let queued = || Queued { id: outbox_id, tenant_id: scope.tenant_id(), kind: "directory.sync".to_owned(), queue: Queue::Jobs };
    let moved = match outcome.cell("outcome")? {
        "changed" => None,
        "moved" => Some(queued()),
        "taken" => return Ok(Change::SlugTaken),
        "hoarding" => return Ok(Change::Hoarding),
        "lost" => return Ok(Change::VersionLost),
        _ => return Ok(Change::Missing),
    };
    Ok(Change::Done { tenant: TenantRow::read(&only(answers.take(), "tenancy.change_tenant")?)?, moved })
}

/// Forgets slugs that were given up long enough ago; answers how many.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn expire_redirects(db: &Db, scope: &PlatformScope, now: Timestamp) -> Result<i64, StoreError> {
    only(Batch::write(db, scope).add(&EXPIRE, &[&at(now)]).rows().await?, "tenancy.expire_redirects")?.cell("gone")
}
