//! Deleting an organisation: said, taken back, and after the time for that, done.

use tokio_postgres::types::Type;
use zygo_core::{events::job::Queue, id::OutboxId, tenancy::settings::GRACE_SECONDS, time::Timestamp};

use super::TENANT;
use crate::{
    Db, Described, PlatformScope, StoreError, TenantScope,
    batch::{Answers, Batch},
    identity::TenantRow,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const SCHEDULE: Statement<TenantScope> = Statement::new(
    "tenancy.schedule_deletion",
    &[Type::TIMESTAMPTZ, Type::INT8_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* tenancy.schedule_deletion */ SELECT schedule_tenant_deletion($1, $2, $3, $4) AS outcome",
);

const CANCEL: Statement<TenantScope> = Statement::new(
    "tenancy.cancel_deletion",
    &[Type::INT8_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* tenancy.cancel_deletion */ SELECT cancel_tenant_deletion($1, $2, $3) AS outcome",
);

/// Closes who is due: nobody signs in any more, what could let anybody in or names them elsewhere is gone, the host says that it is gone.
/// What the organisation's people wrote goes with the erasure that compliance owes.
const CLOSE: Statement<PlatformScope> = Statement::new(
    "tenancy.close_due",
    &[Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* tenancy.close_due */ WITH due AS MATERIALIZED ( \
       SELECT id, logo_url FROM tenants WHERE status = 'deleting' AND delete_after <= $1 \
       ORDER BY delete_after LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED), \
     ended AS (UPDATE sessions s SET ended_at = $1, end_reason = 'tenant_closed' FROM due WHERE s.tenant_id = due.id AND s.ended_at IS NULL), \
     uninvited AS (DELETE FROM invitations i USING due WHERE i.tenant_id = due.id), \
     disconnected AS (DELETE FROM sso_connections c USING due WHERE c.tenant_id = due.id), \
     undirected AS (DELETE FROM scim_connections c USING due WHERE c.tenant_id = due.id), \
     unnamed AS (DELETE FROM tenant_domains d USING due WHERE d.tenant_id = due.id), \
     files AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT make_uuid_v7($1), id, 'files.remove', 'jobs', \
         jsonb_build_object('kind', 'files.remove', 'key', 'tenants/' || id || '/logos/' || file), $1, $1 \
       FROM due, substring(logo_url FROM '/logos/' || id || '/([^/?#]+)$') file WHERE file IS NOT NULL), \
     owed AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT make_uuid_v7($1), id, 'directory.sync', 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', id), $1, $1 FROM due), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, request_id, occurred_at) \
       SELECT make_uuid_v7($1), id, 'tenant.deleted', jsonb_build_object('tenant_id', id), app_request_id(), $1 FROM due), \
     closed AS (UPDATE tenants t SET status = 'deleted', logo_url = NULL, updated_at = $1 FROM due WHERE t.id = due.id RETURNING 1) \
     SELECT count(*) AS closed FROM closed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[SCHEDULE.described(), CANCEL.described(), CLOSE.described()];

/// What became of a wish.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per request, and most are the large one")]
pub enum Scheduling {
    /// It is so now; its owners are owed a mail.
    Done {
        /// The organisation.
        tenant: TenantRow,
        /// The job that syncs the directory.
        queued: Queued,
    },
    /// There was nothing to say or to take back.
    Not,
    /// Its version is not among those expected.
    VersionLost,
}

impl Scheduling {
    fn read(mut answers: Answers, scope: &TenantScope, outbox_id: OutboxId) -> Result<Self, StoreError> {
        let outcome = only(answers.take(), "tenancy.schedule_deletion")?;
        Ok(match outcome.cell("outcome")? {
            "done" => Self::Done {
                tenant: TenantRow::read(&only(answers.take(), "tenancy.schedule_deletion")?)?,
                queued: Queued { id: outbox_id, tenant_id: scope.tenant_id(), kind: "directory.sync".to_owned(), queue: Queue::Jobs },
            },
            "lost" => Self::VersionLost,
            _ => Self::Not,
        })
    }
}

/// Has the scope's organisation deleted in 30 days, if its version is among those given.
///
/// # Errors
/// `Unavailable`, `Retry`; whatever the scope's guard refuses.
pub async fn schedule_deletion(
    db: &Db,
    scope: &TenantScope,
    if_version: Option<&[i64]>,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Scheduling, StoreError> {
    let due = at(now.plus_seconds(GRACE_SECONDS));
    let (outbox, now) = (outbox_id.uuid(), at(now));
    let answers = Batch::write(db, scope).add(&SCHEDULE, &[&due, &if_version, &outbox, &now]).add(&TENANT, &[]).run().await?;
    Scheduling::read(answers, scope, outbox_id)
}

/// Keeps an organisation that was to be deleted, if its version is among those given.
///
/// # Errors
/// As [`schedule_deletion`].
pub async fn cancel_deletion(
    db: &Db,
    scope: &TenantScope,
    if_version: Option<&[i64]>,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Scheduling, StoreError> {
    let (outbox, now) = (outbox_id.uuid(), at(now));
    let answers = Batch::write(db, scope).add(&CANCEL, &[&if_version, &outbox, &now]).add(&TENANT, &[]).run().await?;
    Scheduling::read(answers, scope, outbox_id)
}

/// Closes organisations that are due, a hundred at most; answers how many.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn close_due(db: &Db, scope: &PlatformScope, now: Timestamp) -> Result<i64, StoreError> {
    only(Batch::write(db, scope).add(&CLOSE, &[&at(now)]).rows().await?, "tenancy.close_due")?.cell("closed")
}
