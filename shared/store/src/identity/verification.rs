//! Verifying mail addresses.

use std::fmt;

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, TenantId, UserId},
    time::Timestamp,
};

use super::{Redeemed, UserRow};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const REQUEST: Statement<LookupScope> = Statement::new(
    "identity.request_verification",
    &[Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.request_verification */ SELECT request_verification($1, $2, $3) AS owed",
);

const BEGIN: Statement<PlatformScope> = Statement::new(
    "identity.begin_verification",
    &[Type::UUID, Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::BOOL, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* identity.begin_verification */ WITH person AS ( \
       SELECT id, email, email_verified_at IS NOT NULL AND mail_state IS NULL AS email_verified, first_name, locale, locked_until \
       FROM users WHERE id = $2 AND status = 'active'), \
     token AS ( \
       INSERT INTO email_verification_tokens (id, user_id, email, token_hash, expires_at, created_at) \
       SELECT $1, id, email, $3, $4, $5 FROM person WHERE NOT email_verified) \
     SELECT email, email_verified, first_name, locale, locked_until FROM person",
);

/// What became of a token, and a profile.
pub const PROFILE_OUTCOME: &[Type] = &[
    Type::TEXT,
    Type::UUID,
    Type::TEXT,
    Type::BOOL,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::TIMESTAMPTZ,
    Type::BOOL,
];

const VERIFY: Statement<LookupScope> = Statement::new(
    "identity.verify_email",
    &[Type::BYTEA, Type::UUID, Type::TIMESTAMPTZ],
    PROFILE_OUTCOME,
    "/* identity.verify_email */ SELECT CASE v.outcome WHEN 'verified' THEN 'good' ELSE v.outcome END AS outcome, (v.profile).* \
     FROM verify_email($1, $2, $3) v",
);

const MAIL_PROFILE: Statement<PlatformScope> = Statement::new(
    "identity.user_profile_for_mail",
    &[Type::UUID],
    &[Type::TEXT, Type::BOOL, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* identity.user_profile_for_mail */ SELECT email, email_verified_at IS NOT NULL AS email_verified, first_name, locale, \
     greatest(u.locked_until, s.locked_until) AS locked_until FROM users u LEFT JOIN mfa_state s ON s.user_id = u.id WHERE u.id = $1",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[REQUEST.described(), BEGIN.described(), VERIFY.described(), MAIL_PROFILE.described()];

/// Owes the verification mail once more, if the address has an account that needs it; answers the row to enqueue.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn request_verification(
    db: &Db,
    scope: &LookupScope,
    email: &str,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<Queued>, StoreError> {
    let rows = Batch::write(db, scope).add(&REQUEST, &[&email, &outbox_id.uuid(), &at(now)]).rows().await?;
    let owed: bool = only(rows, "identity.request_verification")?.cell("owed")?;
    Ok(owed.then(|| Queued { id: outbox_id, tenant_id: TenantId::PLATFORM, kind: "mail.verify_email".to_owned(), queue: Queue::Mail }))
}

/// A verification token about to be mailed.
#[derive(Clone)]
pub struct NewVerification {
    /// Identifier of the token's row.
    pub id: Uuid,
    /// Whose address.
    pub user_id: UserId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// The instant.
    pub now: Timestamp,
}

/// What a mail to somebody needs. `Debug` shows none of it.
#[derive(Clone)]
pub struct MailProfile {
    /// Mail address.
    pub email: String,
    /// Whether it is verified.
    pub email_verified: bool,
    /// Given name.
    pub first_name: Option<String>,
    /// Language, BCP 47.
    pub locale: String,
    /// Until when the account takes no password, or no answer with a second factor.
    pub locked_until: Option<Timestamp>,
}

impl fmt::Debug for MailProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailProfile(…)")
    }
}

impl MailProfile {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            email: row.cell("email")?,
            email_verified: row.cell("email_verified")?,
            first_name: row.cell("first_name")?,
            locale: row.cell("locale")?,
            locked_until: row.maybe_time("locked_until")?,
        })
    }
}

/// Keeps a token's hash, unless the address is verified by now; one that mail did not reach is to be verified again. `None` if the account is gone or suspended.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_verification(db: &Db, scope: &PlatformScope, new: &NewVerification) -> Result<Option<MailProfile>, StoreError> {
    let rows = Batch::write(db, scope)
        .add(&BEGIN, &[&new.id, &new.user_id.uuid(), &new.token_hash.as_slice(), &at(new.expires_at), &at(new.now)])
        .rows()
        .await?;
    rows.first().map(MailProfile::read).transpose()
}

/// Redeems a token by its SHA-256; the address's other tokens are used up with it.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn verify_email(
    db: &Db,
    scope: &LookupScope,
    token_hash: &[u8; 32],
    now: Timestamp,
    event_id: EventId,
) -> Result<Redeemed<UserRow>, StoreError> {
    let rows = Batch::write(db, scope).add(&VERIFY, &[&token_hash.as_slice(), &event_id.uuid(), &at(now)]).rows().await?;
    Redeemed::read(&rows, UserRow::read)
}

/// What a mail to a person needs. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`.
pub async fn user_profile_for_mail(db: &Db, scope: &PlatformScope, user_id: UserId) -> Result<Option<MailProfile>, StoreError> {
    let rows = Batch::read(db, scope).add(&MAIL_PROFILE, &[&user_id.uuid()]).rows().await?;
    rows.first().map(MailProfile::read).transpose()
}
