//! A tenant's own domains, as its administrators see them.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    events::job::Queue,
    id::{DomainId, OutboxId},
    tenancy::plan::Feature,
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const ROW: &[Type] = &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::INT4, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ];

const LIST: Statement<TenantScope> = Statement::new(
    "tenancy.domains",
    &[],
    ROW,
    "/* tenancy.domains */ SELECT id, domain, status, verification_token, verified_at, version, created_at, updated_at \
     FROM tenant_domains WHERE kind = 'custom' ORDER BY created_at, id LIMIT 100",
);

const READ: Statement<TenantScope> = Statement::new(
    "tenancy.domain",
    &[Type::UUID],
    ROW,
    "/* tenancy.domain */ SELECT id, domain, status, verification_token, verified_at, version, created_at, updated_at \
     FROM tenant_domains WHERE kind = 'custom' AND id = $1",
);

const CLAIM: Statement<TenantScope> = Statement::new(
    "tenancy.claim_domain",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::JSONB, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* tenancy.claim_domain */ SELECT claim_custom_domain($1, $2, $3, $4, $5) AS outcome",
);

const VERIFY: Statement<TenantScope> = Statement::new(
    "tenancy.verify_domain",
    &[Type::UUID, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    ROW,
    "/* tenancy.verify_domain */ WITH verified AS ( \
       UPDATE tenant_domains SET verified_at = coalesce(verified_at, $4), status = CASE status WHEN 'pending' THEN 'issuing' ELSE status END, \
         check_at = $4 + interval '1 minute', updated_at = $4 \
       WHERE kind = 'custom' AND id = $1 AND verification_token = $2 \
       RETURNING id, domain, status, verification_token, verified_at, version, created_at, updated_at), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($4), app_tenant_id(), 'domain.verified', jsonb_build_object('domain_id', id, 'domain', domain), app_user_id(), \
         app_request_id(), $4 FROM verified WHERE verified_at = $4), \
     owed AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT $3, app_tenant_id(), 'domains.check', 'jobs', jsonb_build_object('kind', 'domains.check', 'domain_id', id), $4, \
         $4 + interval '30 seconds' FROM verified) \
     SELECT * FROM verified",
);

const DELETE: Statement<TenantScope> = Statement::new(
    "tenancy.delete_domain",
    &[Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::UUID],
    "/* tenancy.delete_domain */ WITH gone AS ( \
       DELETE FROM tenant_domains WHERE kind = 'custom' AND id = $1 RETURNING id, tenant_id, domain, hostname_id), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($3), tenant_id, 'domain.removed', jsonb_build_object('domain_id', id, 'domain', domain), app_user_id(), \
         app_request_id(), $3 FROM gone), \
     released AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT make_uuid_v7($3), tenant_id, 'domains.release', 'jobs', \
         jsonb_build_object('kind', 'domains.release', 'hostname_id', hostname_id), $3, $3 FROM gone WHERE hostname_id IS NOT NULL), \
     owed AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT $2, tenant_id, 'directory.sync', 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', tenant_id), $3, \
         $3 + interval '30 seconds' FROM gone) \
     SELECT id FROM gone",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), READ.described(), CLAIM.described(), VERIFY.described(), DELETE.described()];

/// A domain that a tenant claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomDomain {
    /// Identifier.
    pub id: DomainId,
    /// The name of the host, in lower case.
    pub domain: String,
    /// Key of what it is.
    pub status: String,
    /// What the DNS record must say; no secret, the whole world reads it there.
    pub token: String,
    /// When it was seen to say so.
    pub verified_at: Option<Timestamp>,
    /// Grows with every change.
    pub version: i32,
    /// When it was claimed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl CustomDomain {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            domain: row.cell("domain")?,
            status: row.cell("status")?,
            token: row.cell("verification_token")?,
            verified_at: row.maybe_time("verified_at")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// The domains that the scope's tenant claims, oldest claim first; all of them, since there are a hundred at most.
///
/// # Errors
/// `Unavailable`.
pub async fn custom_domains(db: &Db, scope: &TenantScope) -> Result<Vec<CustomDomain>, StoreError> {
    Batch::read(db, scope).add(&LIST, &[]).rows().await?.iter().map(CustomDomain::read).collect()
}

/// One of them.
///
/// # Errors
/// `Unavailable`.
pub async fn custom_domain(db: &Db, scope: &TenantScope, id: DomainId) -> Result<Option<CustomDomain>, StoreError> {
    Batch::read(db, scope).add(&READ, &[&id.uuid()]).rows().await?.first().map(CustomDomain::read).transpose()
}

/// Claims a domain; `None` where the plan has no room for another.
///
/// # Errors
/// `Conflict` if the tenant has claimed it already; `Unavailable`, `Retry`.
pub async fn claim_custom_domain(
    db: &Db,
    scope: &TenantScope,
    (id, domain, token): (DomainId, &str, &str),
    now: Timestamp,
) -> Result<Option<CustomDomain>, StoreError> {
    let (id, by_plan, now) = (id.uuid(), Feature::CustomDomains.by_plan(), at(now));
    let mut answers = Batch::write(db, scope).add(&CLAIM, &[&id, &domain, &token, &by_plan, &now]).add(&READ, &[&id]).run().await?;
    let outcome = only(answers.take(), "tenancy.claim_domain")?;
    if outcome.cell::<&str>("outcome")? == "full" {
        return Ok(None);
    }
    CustomDomain::read(&only(answers.take(), "tenancy.claim_domain")?).map(Some)
}

/// Notes that the DNS said this token, and owes a look at the domain. `None` if the claim is gone.
///
/// # Errors
/// `Conflict` if another tenant has proved the domain before; `Unavailable`, `Retry`.
pub async fn verify_custom_domain(
    db: &Db,
    scope: &TenantScope,
    id: DomainId,
    token: &str,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<(CustomDomain, Queued)>, StoreError> {
    let rows = Batch::write(db, scope).add(&VERIFY, &[&id.uuid(), &token, &outbox_id.uuid(), &at(now)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let queued = Queued { id: outbox_id, tenant_id: scope.tenant_id(), kind: "domains.check".to_owned(), queue: Queue::Jobs };
    Ok(Some((CustomDomain::read(row)?, queued)))
}

/// Gives a domain up. Answers the job that syncs the directory; `None` if there was no such claim.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn delete_custom_domain(
    db: &Db,
    scope: &TenantScope,
    id: DomainId,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<Queued>, StoreError> {
    let rows = Batch::write(db, scope).add(&DELETE, &[&id.uuid(), &outbox_id.uuid(), &at(now)]).rows().await?;
    let queued = Queued { id: outbox_id, tenant_id: scope.tenant_id(), kind: "directory.sync".to_owned(), queue: Queue::Jobs };
    Ok((!rows.is_empty()).then_some(queued))
}
