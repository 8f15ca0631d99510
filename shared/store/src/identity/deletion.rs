//! Leaving for good: asked for, taken back, and after the time for that, done.

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, TenantId, UserId},
    identity::one_time::OneTimeToken,
    time::Timestamp,
};

use super::{EndedSessions, Redeemed, token::ENDED};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const REQUEST: Statement<LookupScope> = Statement::new(
    "identity.request_deletion",
    &[Type::UUID, Type::TIMESTAMPTZ, Type::INT8_ARRAY, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    ENDED,
    "/* identity.request_deletion */ SELECT * FROM request_deletion($1, $2, $3, $4, $5, $6)",
);

const CANCEL: Statement<LookupScope> = Statement::new(
    "identity.cancel_deletion",
    &[Type::BYTEA, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* identity.cancel_deletion */ SELECT * FROM cancel_deletion($1, $2, $3)",
);

/// Erases who is due. What somebody wrote in an organisation stays there; what is theirs alone goes, by cascade or here.
/// Whoever has become the last owner of an organisation, or runs the platform, stays until that is settled.
const ERASE: Statement<PlatformScope> = Statement::new(
    "identity.erase_due",
    &[Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* identity.erase_due */ WITH due AS MATERIALIZED ( \
       SELECT r.id, r.user_id, u.avatar_url FROM deletion_requests r JOIN users u ON u.id = r.user_id AND u.status = 'deleting' \
       WHERE r.due_at <= $1 AND r.cancelled_at IS NULL AND r.completed_at IS NULL \
         AND NOT EXISTS (SELECT FROM solely_owned(r.user_id)) AND NOT EXISTS (SELECT FROM admin_users a WHERE a.user_id = r.user_id) \
       ORDER BY r.due_at LIMIT 100 FOR UPDATE OF r SKIP LOCKED), \
     memberships AS (DELETE FROM user_roles m USING due WHERE m.user_id = due.user_id), \
     invitations AS (DELETE FROM invitations i USING due WHERE due.user_id IN (i.invited_by, i.accepted_by)), \
     files AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT make_uuid_v7($1), '00000000-0000-0000-0000-000000000000', 'files.remove', 'jobs', \
         jsonb_build_object('kind', 'files.remove', 'key', 'users/' || user_id || '/avatars/' || file), $1, $1 \
       FROM due, substring(avatar_url FROM '/avatars/' || user_id || '/([^/?#]+)$') file WHERE file IS NOT NULL), \
     completed AS (UPDATE deletion_requests r SET completed_at = $1 FROM due WHERE r.id = due.id), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($1), '00000000-0000-0000-0000-000000000000', 'user.deleted', jsonb_build_object('user_id', user_id), user_id, \
         app_request_id(), $1 FROM due), \
     gone AS (DELETE FROM users u USING due WHERE u.id = due.user_id RETURNING 1) \
     SELECT count(*) AS erased FROM gone",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[REQUEST.described(), CANCEL.described(), ERASE.described()];

/// Somebody wants to be forgotten.
#[derive(Debug, Clone)]
pub struct NewDeletion<'a> {
    /// Identifier of the request.
    pub id: Uuid,
    /// Who.
    pub user_id: UserId,
    /// When the account is erased.
    pub due_at: Timestamp,
    /// The versions of the profile that the wish may be about; any, where none are given.
    pub if_version: Option<&'a [i64]>,
    /// Identifier of the event `user.deletion_requested`.
    pub event_id: EventId,
    /// Identifier of the outbox row of the mail.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

/// What became of the wish.
#[derive(Debug, Clone)]
pub enum Deletion {
    /// The account is closed until it is erased; its sessions have ended on record, and a mail is owed.
    Scheduled(EndedSessions, Queued),
    /// An organisation would be left without an owner.
    LastOwner,
    /// The profile's version is not among those expected, or the account is closed already.
    Lost,
}

/// Closes a person's account, to be erased when it is due.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn request_deletion(db: &Db, scope: &LookupScope, new: &NewDeletion<'_>) -> Result<Deletion, StoreError> {
    let scope = scope.of(new.user_id);
    let (event, outbox) = (new.event_id.uuid(), new.outbox_id.uuid());
    let rows = Batch::write(db, &scope).add(&REQUEST, &[&new.id, &at(new.due_at), &new.if_version, &event, &outbox, &at(new.now)]).rows().await?;
    let outcome = rows.first().map(|row| row.cell::<&str>("outcome")).transpose()?;
    Ok(match outcome {
        Some("good") => Deletion::Scheduled(
            EndedSessions::read(&rows)?,
            Queued { id: new.outbox_id, tenant_id: TenantId::PLATFORM, kind: "mail.deletion_requested".to_owned(), queue: Queue::Mail },
        ),
        Some("last_owner") => Deletion::LastOwner,
        _ => Deletion::Lost,
    })
}

/// Redeems the token that keeps an account, once.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn cancel_deletion(
    db: &Db,
    scope: &LookupScope,
    token: &OneTimeToken,
    event_id: EventId,
    now: Timestamp,
) -> Result<Redeemed<()>, StoreError> {
    let rows = Batch::write(db, scope).add(&CANCEL, &[&token.hash().as_slice(), &event_id.uuid(), &at(now)]).rows().await?;
    Redeemed::read(&rows, |_| Ok(()))
}

/// Erases accounts that are due, a hundred at most; answers how many.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn erase_due(db: &Db, scope: &PlatformScope, now: Timestamp) -> Result<i64, StoreError> {
    let rows = Batch::write(db, scope).add(&ERASE, &[&at(now)]).rows().await?;
    only(rows, "identity.erase_due")?.cell("erased")
}
