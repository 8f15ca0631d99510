//! Changing an account's mail address: wished for, confirmed on the new one, taken back by the old one.

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, TenantId, UserId},
    identity::one_time::OneTimeToken,
    time::Timestamp,
};

use super::{
    EndedSessions, Redeemed, UserRow,
    token::{ENDED, NewToken},
    verification::PROFILE_OUTCOME,
};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const REQUEST: Statement<LookupScope> = Statement::new(
    "identity.request_email_change",
    &[Type::UUID, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.request_email_change */ SELECT request_email_change($1, $2, $3, $4) AS free",
);

const BEGIN_CONFIRM: Statement<PlatformScope> = Statement::new(
    "identity.begin_email_change",
    &[Type::UUID, Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT],
    "/* identity.begin_email_change */ WITH change AS ( \
       SELECT c.id, c.user_id, c.new_email, u.locale FROM email_changes c JOIN users u ON u.id = c.user_id \
       WHERE c.id = $2 AND c.confirmed_at IS NULL AND u.email = c.old_email AND u.status = 'active'), \
     token AS ( \
       INSERT INTO one_time_tokens (id, user_id, purpose, subject_id, email, token_hash, expires_at, created_at) \
       SELECT $1, user_id, 'confirm_email', id, new_email, $3, $4, $5 FROM change) \
     SELECT new_email AS email, locale FROM change",
);

const BEGIN_REVERT: Statement<PlatformScope> = Statement::new(
    "identity.begin_email_revert",
    &[Type::UUID, Type::UUID, Type::BYTEA, Type::FLOAT8, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT],
    "/* identity.begin_email_revert */ WITH change AS ( \
       SELECT c.id, c.user_id, c.old_email, c.confirmed_at, u.locale FROM email_changes c JOIN users u ON u.id = c.user_id \
       WHERE c.id = $2 AND c.confirmed_at IS NOT NULL AND c.reverted_at IS NULL), \
     token AS ( \
       INSERT INTO one_time_tokens (id, user_id, purpose, subject_id, email, token_hash, expires_at, created_at) \
       SELECT $1, user_id, 'revert_email', id, old_email, $3, confirmed_at + make_interval(secs => $4), $5 FROM change) \
     SELECT old_email AS email, locale FROM change",
);

const CONFIRM: Statement<LookupScope> = Statement::new(
    "identity.confirm_email_change",
    &[Type::BYTEA, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    PROFILE_OUTCOME,
    "/* identity.confirm_email_change */ SELECT c.outcome, (c.profile).* FROM confirm_email_change($1, $2, $3, $4) c",
);

const REVERT: Statement<LookupScope> = Statement::new(
    "identity.revert_email_change",
    &[Type::BYTEA, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    ENDED,
    "/* identity.revert_email_change */ SELECT * FROM revert_email_change($1, $2, $3, $4)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[REQUEST.described(), BEGIN_CONFIRM.described(), BEGIN_REVERT.described(), CONFIRM.described(), REVERT.described()];

/// Somebody wants another address.
#[derive(Clone)]
pub struct NewEmailChange<'a> {
    /// Identifier of the change.
    pub id: Uuid,
    /// Who.
    pub user_id: UserId,
    /// The address, in lower case.
    pub email: &'a str,
    /// Identifier of the outbox row.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

/// Notes the wish and owes a mail to the new address: to prove it, or to tell whoever proved it before. The client must not
/// learn which.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn request_email_change(db: &Db, scope: &LookupScope, new: &NewEmailChange<'_>) -> Result<Queued, StoreError> {
    let scope = scope.of(new.user_id);
    let rows = Batch::write(db, &scope).add(&REQUEST, &[&new.id, &new.email, &new.outbox_id.uuid(), &at(new.now)]).rows().await?;
    let free: bool = only(rows, "identity.request_email_change")?.cell("free")?;
    Ok(mail(new.outbox_id, if free { "mail.confirm_email" } else { "mail.account_exists" }))
}

fn mail(id: OutboxId, kind: &str) -> Queued {
    Queued { id, tenant_id: TenantId::PLATFORM, kind: kind.to_owned(), queue: Queue::Mail }
}

/// Where a mail about a change goes, and in which language. `Debug` is left out.
#[derive(Clone)]
pub struct Recipient {
    /// Mail address.
    pub email: String,
    /// Language, BCP 47.
    pub locale: String,
}

/// Keeps the hash of the token that confirms a change. `None` if it is no longer wanted.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_email_change(db: &Db, scope: &PlatformScope, change_id: Uuid, new: &NewToken<'_>) -> Result<Option<Recipient>, StoreError> {
    let expires_at = new.now.plus_seconds(new.token.purpose().ttl_seconds());
    let rows = Batch::write(db, scope)
        .add(&BEGIN_CONFIRM, &[&new.id, &change_id, &new.token.hash().as_slice(), &at(expires_at), &at(new.now)])
        .rows()
        .await?;
    recipient(&rows)
}

/// Keeps the hash of the token that takes a change back, which counts from the change. `None` if it was taken back.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_email_revert(db: &Db, scope: &PlatformScope, change_id: Uuid, new: &NewToken<'_>) -> Result<Option<Recipient>, StoreError> {
    #[expect(clippy::cast_precision_loss, reason = "a few days in seconds")]
    let life = new.token.purpose().ttl_seconds() as f64;
    let rows = Batch::write(db, scope).add(&BEGIN_REVERT, &[&new.id, &change_id, &new.token.hash().as_slice(), &life, &at(new.now)]).rows().await?;
    recipient(&rows)
}

fn recipient(rows: &[tokio_postgres::Row]) -> Result<Option<Recipient>, StoreError> {
    rows.first().map(|row| Ok(Recipient { email: row.cell("email")?, locale: row.cell("locale")? })).transpose()
}

/// What became of a proved address.
#[derive(Debug, Clone)]
pub enum Taking<T> {
    /// It is the account's now.
    Done(T),
    /// Another account proved it before.
    Taken,
}

/// Makes the new address the account's, once; the old one is owed a mail, whose row is the one named here.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn confirm_email_change(
    db: &Db,
    scope: &LookupScope,
    token: &OneTimeToken,
    event_id: EventId,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Redeemed<Taking<(UserRow, Queued)>>, StoreError> {
    let rows = Batch::write(db, scope).add(&CONFIRM, &[&token.hash().as_slice(), &event_id.uuid(), &outbox_id.uuid(), &at(now)]).rows().await?;
    if is_taken(&rows)? {
        return Ok(Redeemed::Good(Taking::Taken));
    }
    Redeemed::read(&rows, |row| Ok(Taking::Done((UserRow::read(row)?, mail(outbox_id, "mail.email_changed")))))
}

/// Gives the account its old address back, once, and ends every session; the password is gone, and the mail that sets a new
/// one is owed, whose row is the one named here.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn revert_email_change(
    db: &Db,
    scope: &LookupScope,
    token: &OneTimeToken,
    event_id: EventId,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Redeemed<Taking<(EndedSessions, Queued)>>, StoreError> {
    let rows = Batch::write(db, scope).add(&REVERT, &[&token.hash().as_slice(), &event_id.uuid(), &outbox_id.uuid(), &at(now)]).rows().await?;
    if is_taken(&rows)? {
        return Ok(Redeemed::Good(Taking::Taken));
    }
    Redeemed::read(&rows, |_| Ok(Taking::Done((EndedSessions::read(&rows)?, mail(outbox_id, "mail.reset_password")))))
}

fn is_taken(rows: &[tokio_postgres::Row]) -> Result<bool, StoreError> {
    rows.first().map_or(Ok(false), |row| Ok(row.cell::<&str>("outcome")? == "taken"))
}
