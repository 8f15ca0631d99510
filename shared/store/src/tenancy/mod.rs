//! Organisations.

pub(crate) mod change;
pub(crate) mod deletion;
pub(crate) mod directory;
pub(crate) mod domain;
pub(crate) mod domain_check;
pub(crate) mod logo;
pub(crate) mod settings;

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, RoleId, TenantId, UserId},
    time::Timestamp,
};

pub use change::{Change, TenantPatch, change_tenant, expire_redirects};
pub use deletion::{Scheduling, cancel_deletion, close_due, schedule_deletion};
pub use directory::{DirectoryRow, directory_rows, tenant_by_host};
pub use domain::{CustomDomain, claim_custom_domain, custom_domain, custom_domains, delete_custom_domain, verify_custom_domain};
pub use domain_check::{LookedAt, domain_seen, load_domain, owe_domain_checks};
pub use logo::set_logo;
pub use settings::{SettingsPatch, SettingsRow, SettingsUpdate, settings, update_settings};

use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    identity::{
        TenantRow,
        member::{MEMBERSHIP, OWN_MEMBERSHIP},
    },
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const CREATE: Statement<LookupScope> = Statement::new(
    "tenancy.create_tenant",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID_ARRAY, Type::UUID, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* tenancy.create_tenant */ SELECT create_tenant($1, $2, $3, $4, $5, $6, $7, $8, $9) AS created",
);

const LIST: Statement<LookupScope> = Statement::new(
    "tenancy.list_tenants",
    &[Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    MEMBERSHIP,
    "/* tenancy.list_tenants */ SELECT m.*, tenant_facts(m.tenant_id) AS tenant_facts FROM own_memberships() m \
     WHERE $1 IS NULL OR (tenant_created_at, tenant_id) > ($1, $2) ORDER BY tenant_created_at, tenant_id LIMIT $3",
);

pub(crate) const TENANT: Statement<TenantScope> = Statement::new(
    "tenancy.tenant",
    &[],
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT4, Type::INT8, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::JSONB],
    "/* tenancy.tenant */ SELECT id AS tenant_id, slug AS tenant_slug, name AS tenant_name, plan AS tenant_plan, status AS tenant_status, \
     version AS tenant_version, directory_version AS tenant_directory_version, created_at AS tenant_created_at, updated_at AS tenant_updated_at, \
     tenant_facts(id) AS tenant_facts FROM tenants WHERE id = app_tenant_id()",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[CREATE.described(), LIST.described(), TENANT.described()];

/// An organisation to create.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Identifier.
    pub tenant_id: TenantId,
    /// Name for people.
    pub name: String,
    /// Name in URLs, already checked.
    pub slug: String,
    /// Key of the plan.
    pub plan: String,
    /// Who creates it, and owns it.
    pub owner: UserId,
    /// Identifiers of the default roles, from owner down to viewer.
    pub role_ids: [RoleId; 6],
    /// Identifier of the owner's membership.
    pub membership_id: Uuid,
    /// Identifier of the event `tenant.created`.
    pub event_id: EventId,
    /// Identifier of the outbox row that syncs the directory.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per request, and most are the large one")]
pub enum Create {
    /// It exists.
    Created {
        /// The organisation.
        tenant: TenantRow,
        /// The job that syncs the directory.
        queued: Option<Queued>,
    },
    /// Another organisation has the slug, or had it until lately.
    SlugTaken,
}

/// Creates an organisation with settings, the six default roles and its owner.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn create_tenant(db: &Db, scope: &LookupScope, new: &NewTenant) -> Result<Create, StoreError> {
    let scope = scope.of(new.owner);
    let id = new.tenant_id.uuid();
    let role_ids = new.role_ids.map(RoleId::uuid);
    let mut answers = Batch::write(db, &scope)
        .add(
            &CREATE,
            &[
                &id,
                &new.slug,
                &new.name,
                &new.plan,
                &role_ids.as_slice(),
                &new.membership_id,
                &new.event_id.uuid(),
                &new.outbox_id.uuid(),
                &at(new.now),
            ],
        )
        .add(&OWN_MEMBERSHIP, &[&id])
        .run()
        .await?;
    let created: bool = only(answers.take(), "tenancy.create_tenant")?.cell("created")?;
    if !created {
        return Ok(Create::SlugTaken);
    }
    let tenant = TenantRow::read(&only(answers.take(), "tenancy.create_tenant")?)?;
    let queued = Some(Queued { id: new.outbox_id, tenant_id: new.tenant_id, kind: "directory.sync".to_owned(), queue: Queue::Jobs });
    Ok(Create::Created { tenant, queued })
}

/// A page of the organisations that a person belongs to, oldest first, after a position.
///
/// # Errors
/// `Unavailable`.
pub async fn list_tenants(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    after: Option<(Timestamp, TenantId)>,
    limit: i64,
) -> Result<Vec<TenantRow>, StoreError> {
    let scope = scope.of(user_id);
    let (time, id) = (after.map(|after| at(after.0)), after.map(|after| after.1.uuid()));
    let rows = Batch::read(db, &scope).add(&LIST, &[&time, &id, &limit]).rows().await?;
    rows.iter().map(TenantRow::read).collect()
}

/// The scope's organisation.
///
/// # Errors
/// `Unavailable`.
pub async fn tenant(db: &Db, scope: &TenantScope) -> Result<Option<TenantRow>, StoreError> {
    let rows = Batch::read(db, scope).add(&TENANT, &[]).rows().await?;
    rows.first().map(TenantRow::read).transpose()
}
