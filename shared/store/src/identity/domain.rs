//! Mail domains that a tenant claims for a connection.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{ConnectionId, DomainId},
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

const ROW: &[Type] =
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::BOOL, Type::INT4, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ];

const LIST: Statement<TenantScope> = Statement::new(
    "identity.domains",
    &[Type::UUID],
    ROW,
    "/* identity.domains */ SELECT id, connection_id, domain, token, verified_at, sign_on_required, version, created_at, updated_at \
     FROM sso_domains WHERE connection_id = $1 ORDER BY created_at, id LIMIT 100",
);

const READ: Statement<TenantScope> = Statement::new(
    "identity.domain",
    &[Type::UUID, Type::UUID],
    ROW,
    "/* identity.domain */ SELECT id, connection_id, domain, token, verified_at, sign_on_required, version, created_at, updated_at \
     FROM sso_domains WHERE connection_id = $1 AND id = $2",
);

const CLAIM: Statement<TenantScope> = Statement::new(
    "identity.claim_domain",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::INT8],
    ROW,
    "/* identity.claim_domain */ INSERT INTO sso_domains (id, tenant_id, connection_id, domain, token, created_at, updated_at) \
     SELECT $2, app_tenant_id(), c.id, $3, $4, $5, $5 FROM sso_connections c \
     WHERE c.id = $1 AND (SELECT count(*) FROM sso_domains) < $6 \
     RETURNING id, connection_id, domain, token, verified_at, sign_on_required, version, created_at, updated_at",
);

const VERIFY: Statement<TenantScope> = Statement::new(
    "identity.verify_domain",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    ROW,
    "/* identity.verify_domain */ WITH verified AS ( \
       UPDATE sso_domains SET verified_at = coalesce(verified_at, $4), updated_at = $4 WHERE connection_id = $1 AND id = $2 AND token = $3 \
       RETURNING id, connection_id, domain, token, verified_at, sign_on_required, version, created_at, updated_at), \
     logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($4), app_tenant_id(), 'sso_domain.verified', jsonb_build_object('domain_id', id, 'domain', domain), app_user_id(), \
         app_request_id(), $4 FROM verified WHERE verified_at = $4) \
     SELECT * FROM verified",
);

const REQUIRE: Statement<TenantScope> = Statement::new(
    "identity.require_sign_on",
    &[Type::UUID, Type::UUID, Type::BOOL, Type::TIMESTAMPTZ],
    ROW,
    "/* identity.require_sign_on */ UPDATE sso_domains SET sign_on_required = $3, updated_at = $4 \
     WHERE connection_id = $1 AND id = $2 AND (verified_at IS NOT NULL OR NOT $3) \
     RETURNING id, connection_id, domain, token, verified_at, sign_on_required, version, created_at, updated_at",
);

const DELETE: Statement<TenantScope> = Statement::new(
    "identity.delete_domain",
    &[Type::UUID, Type::UUID],
    &[Type::UUID],
    "/* identity.delete_domain */ DELETE FROM sso_domains WHERE connection_id = $1 AND id = $2 RETURNING id",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[LIST.described(), READ.described(), CLAIM.described(), VERIFY.described(), REQUIRE.described(), DELETE.described()];

/// A mail domain that a tenant claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    /// Identifier.
    pub id: DomainId,
    /// The connection that its people sign on with.
    pub connection_id: ConnectionId,
    /// The domain, in lower case.
    pub domain: String,
    /// What the DNS record must say.
    pub token: String,
    /// When it was seen to say so.
    pub verified_at: Option<Timestamp>,
    /// Whether its people sign in no other way.
    pub sign_on_required: bool,
    /// Grows with every change.
    pub version: i32,
    /// When it was claimed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl DomainRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            connection_id: row.id("connection_id")?,
            domain: row.cell("domain")?,
            token: row.cell("token")?,
            verified_at: row.maybe_time("verified_at")?,
            sign_on_required: row.cell("sign_on_required")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }

    fn first(rows: &[Row]) -> Result<Option<Self>, StoreError> {
        rows.first().map(Self::read).transpose()
    }
}

/// A connection's domains, oldest claim first; at most 100.
///
/// # Errors
/// `Unavailable`.
pub async fn domains(db: &Db, scope: &TenantScope, connection: ConnectionId) -> Result<Vec<DomainRow>, StoreError> {
    Batch::read(db, scope).add(&LIST, &[&connection.uuid()]).rows().await?.iter().map(DomainRow::read).collect()
}

/// One of a connection's domains.
///
/// # Errors
/// `Unavailable`.
pub async fn domain(db: &Db, scope: &TenantScope, connection: ConnectionId, id: DomainId) -> Result<Option<DomainRow>, StoreError> {
    DomainRow::first(&Batch::read(db, scope).add(&READ, &[&connection.uuid(), &id.uuid()]).rows().await?)
}

/// Claims a domain; `None` if there is no such connection, or the tenant has `most` claims.
///
/// # Errors
/// `Conflict` if the tenant has claimed it already; `Unavailable`, `Retry`.
pub async fn claim_domain(
    db: &Db,
    scope: &TenantScope,
    connection: ConnectionId,
    (id, domain, token): (DomainId, &str, &str),
    most: i64,
    now: Timestamp,
) -> Result<Option<DomainRow>, StoreError> {
    let rows = Batch::write(db, scope).add(&CLAIM, &[&connection.uuid(), &id.uuid(), &domain, &token, &at(now), &most]).rows().await?;
    DomainRow::first(&rows)
}

/// Notes that the DNS said this token. `None` if the claim is gone.
///
/// # Errors
/// `Conflict` if another tenant has proved the domain before; `Unavailable`, `Retry`.
pub async fn verify_domain(
    db: &Db,
    scope: &TenantScope,
    connection: ConnectionId,
    id: DomainId,
    token: &str,
    now: Timestamp,
) -> Result<Option<DomainRow>, StoreError> {
    DomainRow::first(&Batch::write(db, scope).add(&VERIFY, &[&connection.uuid(), &id.uuid(), &token, &at(now)]).rows().await?)
}

/// Says whether a domain's people must sign on. `None` if there is no such claim, or it is not verified and they should.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn require_sign_on(
    db: &Db,
    scope: &TenantScope,
    connection: ConnectionId,
    id: DomainId,
    required: bool,
    now: Timestamp,
) -> Result<Option<DomainRow>, StoreError> {
    DomainRow::first(&Batch::write(db, scope).add(&REQUIRE, &[&connection.uuid(), &id.uuid(), &required, &at(now)]).rows().await?)
}

/// Gives a claim up. False if there was none.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn delete_domain(db: &Db, scope: &TenantScope, connection: ConnectionId, id: DomainId) -> Result<bool, StoreError> {
    Ok(!Batch::write(db, scope).add(&DELETE, &[&connection.uuid(), &id.uuid()]).rows().await?.is_empty())
}
