//! One-time tokens: made when their mail is written, used up by whoever redeems them first.

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    id::{SessionId, UserId},
    identity::one_time::OneTimeToken,
    time::Timestamp,
};

use super::{EndedSession, verification::MailProfile};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

const BEGIN: Statement<PlatformScope> = Statement::new(
    "identity.begin_token",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::BOOL, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* identity.begin_token */ WITH person AS ( \
       SELECT id, email, email_verified_at IS NOT NULL AS email_verified, first_name, locale, locked_until FROM users WHERE id = $2), \
     token AS ( \
       INSERT INTO one_time_tokens (id, user_id, purpose, subject_id, email, token_hash, expires_at, created_at) \
       SELECT $1, id, $3, $4, email, $5, $6, $7 FROM person) \
     SELECT email, email_verified, first_name, locale, locked_until FROM person",
);

const ORIGIN: Statement<PlatformScope> = Statement::new(
    "identity.begin_token.session",
    &[Type::UUID, Type::UUID],
    &[Type::TEXT],
    "/* identity.begin_token.session */ SELECT country FROM sessions WHERE id = $1 AND user_id = $2",
);

/// Columns of the functions that end sessions: what became of the token, whose it was, and a row per session.
pub const ENDED: &[Type] = &[Type::TEXT, Type::UUID, Type::UUID, Type::UUID];

const END_SESSIONS: Statement<LookupScope> = Statement::new(
    "identity.end_sessions_by_token",
    &[Type::BYTEA, Type::TIMESTAMPTZ],
    ENDED,
    "/* identity.end_sessions_by_token */ SELECT * FROM end_sessions_by_token($1, $2)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[BEGIN.described(), ORIGIN.described(), END_SESSIONS.described()];

/// What became of a one-time token.
#[derive(Debug, Clone)]
pub enum Redeemed<T> {
    /// It was good, and did its work.
    Good(T),
    /// It, or what it was for, was used up before.
    Consumed,
    /// It is too old.
    Expired,
    /// There is no such token.
    Unknown,
}

impl<T> Redeemed<T> {
    /// The outcome of a function of the database, which gives `good` with what is read from its rows.
    pub(crate) fn read(rows: &[Row], good: impl FnOnce(&Row) -> Result<T, StoreError>) -> Result<Self, StoreError> {
        let Some(row) = rows.first() else { return Ok(Self::Unknown) };
        match row.cell::<&str>("outcome")? {
            "good" => good(row).map(Self::Good),
            "expired" => Ok(Self::Expired),
            "unknown" => Ok(Self::Unknown),
            _ => Ok(Self::Consumed),
        }
    }
}

/// Somebody's sessions that have just ended on record, and must end in their objects.
#[derive(Debug, Clone)]
pub struct EndedSessions {
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub sessions: Vec<EndedSession>,
}

impl EndedSessions {
    /// The rows of a function that ends sessions: a row per session, one without a session if there was none.
    pub(crate) fn read(rows: &[Row]) -> Result<Self, StoreError> {
        let user_id = rows.first().ok_or_else(|| StoreError::Bug("ended sessions of nobody".into()))?.id("user_id")?;
        let ended = rows.iter().filter_map(|row| match row.cell::<Option<Uuid>>("session_id") {
            Ok(None) => None,
            Ok(Some(id)) => Some(row.id("tenant_id").map(|tenant_id| EndedSession { id: id.into(), tenant_id })),
            Err(error) => Some(Err(error)),
        });
        Ok(Self { user_id, sessions: ended.collect::<Result<_, _>>()? })
    }
}

/// A token about to be mailed to somebody's address.
#[derive(Clone)]
pub struct NewToken<'a> {
    /// Identifier of its row.
    pub id: Uuid,
    /// To whom.
    pub user_id: UserId,
    /// The token.
    pub token: &'a OneTimeToken,
    /// What it is about, where that is not the person.
    pub subject_id: Option<Uuid>,
    /// The instant.
    pub now: Timestamp,
}

/// Keeps the hash of a token; answers what its mail needs. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_token(db: &Db, scope: &PlatformScope, new: &NewToken<'_>) -> Result<Option<MailProfile>, StoreError> {
    Ok(begin_token_of_session(db, scope, new, None).await?.map(|(profile, _)| profile))
}

/// The same for a mail about a session: also the country that it began in, if that is known.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_token_of_session(
    db: &Db,
    scope: &PlatformScope,
    new: &NewToken<'_>,
    session: Option<SessionId>,
) -> Result<Option<(MailProfile, Option<String>)>, StoreError> {
    let purpose = new.token.purpose();
    let expires_at = new.now.plus_seconds(purpose.ttl_seconds());
    let mut answers = Batch::write(db, scope)
        .add(&BEGIN, &[&new.id, &new.user_id.uuid(), &purpose.key(), &new.subject_id, &new.token.hash().as_slice(), &at(expires_at), &at(new.now)])
        .add(&ORIGIN, &[&session.map(SessionId::uuid), &new.user_id.uuid()])
        .run()
        .await?;
    let (people, sessions) = (answers.take(), answers.take());
    let Some(person) = people.first() else { return Ok(None) };
    let country = sessions.first().map(|row| row.cell("country")).transpose()?.flatten();
    Ok(Some((MailProfile::read(person)?, country)))
}

/// Redeems the token of a security notice by its SHA-256: ends every session of whom it was mailed to, and forgets the
/// devices that they trusted.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn end_sessions_by_token(
    db: &Db,
    scope: &LookupScope,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Redeemed<EndedSessions>, StoreError> {
    let rows = Batch::write(db, scope).add(&END_SESSIONS, &[&token_hash.as_slice(), &at(now)]).rows().await?;
    Redeemed::read(&rows, |_| EndedSessions::read(&rows))
}
