//! Looking at tenants' own domains: which are due, and what was seen.

use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::{DomainId, TenantId},
    tenancy::domain::DomainStatus,
    time::Timestamp,
};

use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

const DUE: Statement<PlatformScope> = Statement::new(
    "tenancy.owe_domain_checks",
    &[Type::TIMESTAMPTZ, Type::INT8],
    &[Type::UUID, Type::UUID],
    "/* tenancy.owe_domain_checks */ WITH due AS MATERIALIZED ( \
       SELECT id, tenant_id FROM tenant_domains WHERE check_at <= $1 ORDER BY check_at LIMIT $2 FOR UPDATE SKIP LOCKED), \
     moved AS (UPDATE tenant_domains d SET check_at = $1 + interval '15 minutes' FROM due WHERE d.id = due.id) \
     INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
     SELECT make_uuid_v7($1), tenant_id, 'domains.check', 'jobs', jsonb_build_object('kind', 'domains.check', 'domain_id', id), \
       $1, $1 + interval '30 seconds' FROM due \
     RETURNING id, tenant_id",
);

const LOAD: Statement<PlatformScope> = Statement::new(
    "tenancy.load_domain",
    &[Type::UUID],
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT],
    "/* tenancy.load_domain */ SELECT id, tenant_id, domain, status, hostname_id FROM tenant_domains WHERE kind = 'custom' AND id = $1",
);

/// What was seen counts if the domain is still what was looked at. Where it changes what is served, the directory is owed; where it
/// leads nowhere any more, the owners are owed a mail.
const SEEN: Statement<PlatformScope> = Statement::new(
    "tenancy.domain_seen",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* tenancy.domain_seen */ WITH seen AS ( \
       UPDATE tenant_domains SET status = $3, hostname_id = $4, check_at = $5, \
         updated_at = CASE WHEN status <> $3 THEN $6 ELSE updated_at END \
       WHERE id = $1 AND status = $2 RETURNING id, tenant_id, domain), \
     changed AS (SELECT * FROM seen WHERE $2 <> $3), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, request_id, occurred_at) \
       SELECT make_uuid_v7($6), tenant_id, 'domain.status_changed', jsonb_build_object('domain_id', id, 'domain', domain, 'status', $3), \
         app_request_id(), $6 FROM changed), \
     told AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, on_behalf_of, created_at, available_at) \
       SELECT make_uuid_v7($6), '00000000-0000-0000-0000-000000000000', 'mail.security_notice', 'mail', \
         jsonb_build_object('kind', 'mail.security_notice', 'user_id', m.user_id, 'notice', jsonb_build_object('what', 'domain_failing')), \
         c.tenant_id, $6, $6 \
       FROM changed c JOIN user_roles m ON m.tenant_id = c.tenant_id AND m.status = 'active' \
       JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id AND r.is_default AND r.key = 'owner' WHERE $3 = 'failing'), \
     owed AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT make_uuid_v7($6), tenant_id, 'directory.sync', 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', tenant_id), \
         $6, $6 FROM changed) \
     SELECT EXISTS (SELECT FROM changed) AS changed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[DUE.described(), LOAD.described(), SEEN.described()];

/// A domain to look at.
#[derive(Debug, Clone)]
pub struct LookedAt {
    /// Identifier.
    pub id: DomainId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The name of the host.
    pub domain: String,
    /// Key of what it is.
    pub status: String,
    /// Its identifier at whoever ends its connections.
    pub hostname_id: Option<String>,
}

/// Owes a look at the domains that are due, so many at most; answers the rows to put on their queue.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn owe_domain_checks(db: &Db, scope: &PlatformScope, limit: i64, now: Timestamp) -> Result<Vec<Queued>, StoreError> {
    let rows = Batch::write(db, scope).add(&DUE, &[&at(now), &limit]).rows().await?;
    let queued = |row: &tokio_postgres::Row| {
        Ok(Queued { id: row.id("id")?, tenant_id: row.id("tenant_id")?, kind: "domains.check".to_owned(), queue: Queue::Jobs })
    };
    rows.iter().map(queued).collect()
}

/// A domain, if it is still claimed.
///
/// # Errors
/// `Unavailable`.
pub async fn load_domain(db: &Db, scope: &PlatformScope, id: DomainId) -> Result<Option<LookedAt>, StoreError> {
    let rows = Batch::read(db, scope).add(&LOAD, &[&id.uuid()]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(LookedAt {
        id: row.id("id")?,
        tenant_id: row.id("tenant_id")?,
        domain: row.cell("domain")?,
        status: row.cell("status")?,
        hostname_id: row.cell("hostname_id")?,
    }))
}

/// Notes what was seen of a domain, unless it has become something else meanwhile. Whether it is another thing now than before.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn domain_seen(
    db: &Db,
    scope: &PlatformScope,
    looked_at: &LookedAt,
    status: DomainStatus,
    hostname_id: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let again = status.look_again().map(|seconds| at(now.plus_seconds(seconds)));
    let (id, key, now) = (looked_at.id.uuid(), status.key(), at(now));
    let rows = Batch::write(db, scope).add(&SEEN, &[&id, &looked_at.status, &key, &hostname_id, &again, &now]).rows().await?;
    rows.first().map_or(Ok(false), |row| row.cell("changed"))
}
