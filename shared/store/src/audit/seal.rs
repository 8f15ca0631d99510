//! Sealing the change log: how far it is final, what is to be sealed, the seals.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    audit::chain::{Entry, Hash, Seal},
    events::job::Queue,
    id::{OutboxId, TenantId},
    time::Timestamp,
};

use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const MARK: Statement<PlatformScope> = Statement::new("audit.mark", &[], &[Type::INT8], "/* audit.mark */ SELECT mark_audit() AS place");

const OWE: Statement<PlatformScope> = Statement::new(
    "audit.owe_seals",
    &[Type::TIMESTAMPTZ],
    &[Type::UUID, Type::UUID],
    "/* audit.owe_seals */ SELECT outbox_id AS id, owed_tenant AS tenant_id FROM owe_audit_seals($1)",
);

const SEAL: &[Type] =
    &[Type::UUID, Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::TIMESTAMPTZ];

const LAST: Statement<PlatformScope> = Statement::new(
    "audit.last_seal",
    &[Type::UUID],
    SEAL,
    "/* audit.last_seal */ SELECT tenant_id, number, first_seq, last_seq, row_count, expired_through, rows_hash, rows_mixed, previous_hash, \
       hash, created_at FROM audit_seals WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1",
);

const ONE: Statement<PlatformScope> = Statement::new(
    "audit.seal",
    &[Type::UUID, Type::INT8],
    SEAL,
    "/* audit.seal */ SELECT tenant_id, number, first_seq, last_seq, row_count, expired_through, rows_hash, rows_mixed, previous_hash, \
       hash, created_at FROM audit_seals WHERE tenant_id = $1 AND number = $2",
);

const UNSEALED: Statement<PlatformScope> = Statement::new(
    "audit.unsealed",
    &[Type::UUID, Type::INT8, Type::INT8],
    &[
        Type::INT8,
        Type::UUID,
        Type::TEXT,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TIMESTAMPTZ,
    ],
    "/* audit.unsealed */ SELECT seq, id, actor, user_id, action, resource_type, resource_id, before::text AS before, after::text AS after, \
       request_id, ip, created_at FROM audit_logs \
     WHERE tenant_id = $1 AND seq <= $2 \
       AND seq > coalesce((SELECT s.last_seq FROM audit_seals s WHERE s.tenant_id = $1 ORDER BY s.number DESC LIMIT 1), 0) \
     ORDER BY seq LIMIT $3",
);

const ADD: Statement<PlatformScope> = Statement::new(
    "audit.add_seal",
    &[
        Type::UUID,
        Type::INT8,
        Type::INT8,
        Type::INT8,
        Type::INT8,
        Type::INT8,
        Type::BYTEA,
        Type::BYTEA,
        Type::BYTEA,
        Type::BYTEA,
        Type::TIMESTAMPTZ,
        Type::UUID,
    ],
    &[],
    "/* audit.add_seal */ WITH seal AS ( \
       INSERT INTO audit_seals (id, tenant_id, number, first_seq, last_seq, row_count, expired_through, rows_hash, rows_mixed, previous_hash, \
         hash, created_at) VALUES (make_uuid_v7($11), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)) \
     INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
     VALUES ($12, $1, 'audit.archive', 'jobs', jsonb_build_object('kind', 'audit.archive', 'tenant_id', $1, 'number', $2), $11, \
       $11 + interval '30 seconds')",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[MARK.described(), OWE.described(), LAST.described(), ONE.described(), UNSEALED.described(), ADD.described()];

/// Notes how far the change log has come; answers the place, if there is any row.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn mark(db: &Db, scope: &PlatformScope) -> Result<Option<i64>, StoreError> {
    only(Batch::write(db, scope).add(&MARK, &[]).rows().await?, "audit.mark")?.cell("place")
}

/// Owes the sealing of every tenant with rows that are final by now; answers the rows to be enqueued.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn owe_seals(db: &Db, scope: &PlatformScope, now: Timestamp) -> Result<Vec<Queued>, StoreError> {
    let rows = Batch::write(db, scope).add(&OWE, &[&at(now)]).rows().await?;
    rows.iter().map(|row| queued(row, "audit.seal")).collect()
}

/// A job of a row with its id and tenant.
pub(super) fn queued(row: &Row, kind: &str) -> Result<Queued, StoreError> {
    Ok(Queued { id: row.id("id")?, tenant_id: row.id("tenant_id")?, kind: kind.to_owned(), queue: Queue::Jobs })
}

/// A tenant's last seal, and the rows after it up to a place, `most` of them.
///
/// # Errors
/// `Unavailable`.
pub async fn unsealed(
    db: &Db,
    scope: &PlatformScope,
    tenant_id: TenantId,
    through: i64,
    most: i64,
) -> Result<(Option<Seal>, Vec<Entry>), StoreError> {
    let tenant = tenant_id.uuid();
    let mut answers = Batch::read(db, scope).add(&LAST, &[&tenant]).add(&UNSEALED, &[&tenant, &through, &most]).run().await?;
    let last = answers.take().first().map(seal_of).transpose()?;
    let rows = answers.take();
    Ok((last, rows.iter().map(entry).collect::<Result<_, _>>()?))
}

/// A tenant's last seal.
///
/// # Errors
/// `Unavailable`.
pub async fn last_seal(db: &Db, scope: &PlatformScope, tenant_id: TenantId) -> Result<Option<Seal>, StoreError> {
    Batch::read(db, scope).add(&LAST, &[&tenant_id.uuid()]).rows().await?.first().map(seal_of).transpose()
}

/// A tenant's seal of a number.
///
/// # Errors
/// `Unavailable`.
pub async fn seal(db: &Db, scope: &PlatformScope, tenant_id: TenantId, number: i64) -> Result<Option<Seal>, StoreError> {
    Batch::read(db, scope).add(&ONE, &[&tenant_id.uuid(), &number]).rows().await?.first().map(seal_of).transpose()
}

/// Adds a seal and owes its copy; `false` if another run was first, and the chain has one of its number.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn add_seal(db: &Db, scope: &PlatformScope, seal: &Seal, outbox_id: OutboxId) -> Result<Option<Queued>, StoreError> {
    let Seal { tenant_id, number, first_seq, last_seq, row_count, expired_through, .. } = seal;
    let previous = seal.previous_hash.as_ref().map(Hash::as_slice);
    let added = Batch::write(db, scope)
        .add(
            &ADD,
            &[
                &tenant_id.uuid(),
                number,
                first_seq,
                last_seq,
                row_count,
                expired_through,
                &seal.rows_hash.as_slice(),
                &seal.rows_mixed.as_slice(),
                &previous,
                &seal.hash.as_slice(),
                &at(seal.sealed_at),
                &outbox_id.uuid(),
            ],
        )
        .rows()
        .await;
    match added {
        Ok(_) => Ok(Some(Queued { id: outbox_id, tenant_id: *tenant_id, kind: "audit.archive".to_owned(), queue: Queue::Jobs })),
        Err(StoreError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn seal_of(row: &Row) -> Result<Seal, StoreError> {
    Ok(Seal {
        tenant_id: row.id("tenant_id")?,
        number: row.cell("number")?,
        first_seq: row.cell("first_seq")?,
        last_seq: row.cell("last_seq")?,
        row_count: row.cell("row_count")?,
        expired_through: row.cell("expired_through")?,
        rows_hash: hash(row.cell("rows_hash")?)?,
        rows_mixed: hash(row.cell("rows_mixed")?)?,
        previous_hash: row.cell::<Option<&[u8]>>("previous_hash")?.map(hash).transpose()?,
        hash: hash(row.cell("hash")?)?,
        sealed_at: row.time("created_at")?,
    })
}

fn hash(bytes: &[u8]) -> Result<Hash, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Bug("a hash of another length".to_owned()))
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    Ok(Entry {
        seq: row.cell("seq")?,
        id: row.cell("id")?,
        actor: row.cell("actor")?,
        user_id: row.cell("user_id")?,
        action: row.cell("action")?,
        resource_type: row.cell("resource_type")?,
        resource_id: row.cell("resource_id")?,
        before: row.cell("before")?,
        after: row.cell("after")?,
        request_id: row.cell("request_id")?,
        ip: row.cell("ip")?,
        at_micros: row.cell::<jiff::Timestamp>("created_at")?.as_microsecond(),
    })
}
