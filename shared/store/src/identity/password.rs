//! Passwords that are set anew: by a mailed token, or by whoever knows the old one.

use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, SessionId, TenantId, UserId},
    identity::one_time::OneTimeToken,
    time::Timestamp,
};

use super::{
    EndedSessions, MailProfile, Redeemed, UserRow,
    member::own_profile,
    token::{ENDED, NewToken},
};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const REQUEST: Statement<LookupScope> = Statement::new(
    "identity.request_account_mail",
    &[Type::TEXT, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.request_account_mail */ SELECT request_account_mail($1, $2, $3, $4) AS owed",
);

const BEGIN: Statement<PlatformScope> = Statement::new(
    "identity.begin_reset",
    &[Type::UUID, Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::BOOL, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* identity.begin_reset */ WITH person AS ( \
       SELECT id, email, email_verified_at IS NOT NULL AS email_verified, first_name, locale, locked_until \
       FROM users WHERE id = $2 AND status = 'active'), \
     token AS ( \
       INSERT INTO password_reset_tokens (id, user_id, email, token_hash, expires_at, created_at) SELECT $1, id, email, $3, $4, $5 FROM person) \
     SELECT email, email_verified, first_name, locale, locked_until FROM person",
);

const PEEK: Statement<LookupScope> = Statement::new(
    "identity.peek_reset",
    &[Type::BYTEA, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT4],
    "/* identity.peek_reset */ SELECT * FROM peek_reset($1, $2)",
);

const RESET: Statement<LookupScope> = Statement::new(
    "identity.reset_password",
    &[Type::BYTEA, Type::TEXT, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    ENDED,
    "/* identity.reset_password */ SELECT * FROM reset_password($1, $2, $3, $4, $5)",
);

const SECRET: Statement<LookupScope> = Statement::new(
    "identity.own_secret",
    &[],
    &[Type::TEXT, Type::TIMESTAMPTZ, Type::INT4],
    "/* identity.own_secret */ SELECT password_hash, locked_until, min_length FROM own_secret()",
);

const CHANGE: Statement<LookupScope> = Statement::new(
    "identity.change_password",
    &[Type::TEXT, Type::TEXT, Type::UUID, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    ENDED,
    "/* identity.change_password */ SELECT * FROM change_password($1, $2, $3, $4, $5, $6)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[REQUEST.described(), BEGIN.described(), PEEK.described(), RESET.described(), SECRET.described(), CHANGE.described()];

/// A mail that opens an account, and that anyone may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountMail {
    /// Sets a new password.
    ResetPassword,
    /// Signs in.
    MagicLink,
}

impl AccountMail {
    const fn kind(self) -> &'static str {
        match self {
            Self::ResetPassword => "mail.reset_password",
            Self::MagicLink => "mail.magic_link",
        }
    }
}

/// Owes a mail, if the address has an account that is open; answers the row to enqueue.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn request_account_mail(
    db: &Db,
    scope: &LookupScope,
    mail: AccountMail,
    email: &str,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<Queued>, StoreError> {
    let kind = mail.kind();
    let rows = Batch::write(db, scope).add(&REQUEST, &[&email, &kind, &outbox_id.uuid(), &at(now)]).rows().await?;
    let owed: bool = only(rows, "identity.request_account_mail")?.cell("owed")?;
    Ok(owed.then(|| Queued { id: outbox_id, tenant_id: TenantId::PLATFORM, kind: kind.to_owned(), queue: Queue::Mail }))
}

/// Keeps the hash of a reset token. `None` if the account is gone or closed.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_reset(db: &Db, scope: &PlatformScope, new: &NewToken<'_>) -> Result<Option<MailProfile>, StoreError> {
    let expires_at = new.now.plus_seconds(new.token.purpose().ttl_seconds());
    let rows = Batch::write(db, scope)
        .add(&BEGIN, &[&new.id, &new.user_id.uuid(), &new.token.hash().as_slice(), &at(expires_at), &at(new.now)])
        .rows()
        .await?;
    rows.first().map(MailProfile::read).transpose()
}

/// Whose password a token is about to reset: what the new one must not be. `Debug` is left out.
#[derive(Clone)]
pub struct ResetOf {
    /// Mail address.
    pub email: String,
    /// Given and family name.
    pub names: Vec<String>,
    /// Fewest characters of a new password: the most that one of their tenants asks for.
    pub min_length: i32,
}

/// Looks at a reset token without using it up.
///
/// # Errors
/// `Unavailable`.
pub async fn peek_reset(db: &Db, scope: &LookupScope, token: &OneTimeToken, now: Timestamp) -> Result<Redeemed<ResetOf>, StoreError> {
    let rows = Batch::read(db, scope).add(&PEEK, &[&token.hash().as_slice(), &at(now)]).rows().await?;
    Redeemed::read(&rows, |row| {
        let names: [Option<String>; 2] = [row.cell("first_name")?, row.cell("last_name")?];
        Ok(ResetOf { email: row.cell("email")?, names: names.into_iter().flatten().collect(), min_length: row.cell("min_length")? })
    })
}

/// Identifiers of what a new password writes beside itself, and the instant.
#[derive(Debug, Clone, Copy)]
pub struct PasswordChange {
    /// Of the event `user.password_changed`.
    pub event_id: EventId,
    /// Of the outbox row of the notice.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

impl PasswordChange {
    /// The notice to put on its queue.
    #[must_use]
    pub fn queued(&self) -> Queued {
        super::notice::queued(self.outbox_id)
    }
}

/// Sets a new password by a token, once, and ends every session of its owner; devices are trusted no more, and the lock after
/// failures is open.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn reset_password(
    db: &Db,
    scope: &LookupScope,
    token: &OneTimeToken,
    password_hash: &str,
    change: &PasswordChange,
) -> Result<Redeemed<EndedSessions>, StoreError> {
    let (event, outbox) = (change.event_id.uuid(), change.outbox_id.uuid());
    let rows = Batch::write(db, scope).add(&RESET, &[&token.hash().as_slice(), &password_hash, &event, &outbox, &at(change.now)]).rows().await?;
    Redeemed::read(&rows, |_| EndedSessions::read(&rows))
}

/// A person and their secret. `Debug` is left out.
#[derive(Clone)]
pub struct OwnSecret {
    /// The person.
    pub user: UserRow,
    /// PHC string; `None` for somebody without a password.
    pub password_hash: Option<String>,
    /// Until when no password is accepted.
    pub locked_until: Option<Timestamp>,
    /// Fewest characters of a new password: the most that one of their tenants asks for.
    pub min_length: i32,
}

/// What a signed-in person must prove to know. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`.
pub async fn own_secret(db: &Db, scope: &LookupScope, user_id: UserId) -> Result<Option<OwnSecret>, StoreError> {
    let scope = scope.of(user_id);
    let mut answers = Batch::read(db, &scope).add(&own_profile(), &[]).add(&SECRET, &[]).run().await?;
    let (profile, secret) = (answers.take(), answers.take());
    let (Some(profile), Some(secret)) = (profile.first(), secret.first()) else { return Ok(None) };
    let (password_hash, locked_until) = (secret.cell("password_hash")?, secret.maybe_time("locked_until")?);
    Ok(Some(OwnSecret { user: UserRow::read(profile)?, password_hash, locked_until, min_length: secret.cell("min_length")? }))
}

/// Sets a person's password, if the one that they proved to know still stands, and ends their other sessions. `None` if
/// another change came before.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn change_password(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    hashes: (&str, &str),
    kept: SessionId,
    change: &PasswordChange,
) -> Result<Option<EndedSessions>, StoreError> {
    let scope = scope.of(user_id);
    let (old, new) = hashes;
    let (event, outbox) = (change.event_id.uuid(), change.outbox_id.uuid());
    let rows = Batch::write(db, &scope).add(&CHANGE, &[&old, &new, &kept.uuid(), &event, &outbox, &at(change.now)]).rows().await?;
    match Redeemed::read(&rows, |_| EndedSessions::read(&rows))? {
        Redeemed::Good(ended) => Ok(Some(ended)),
        _ => Ok(None),
    }
}
