//! Answers: counted before they are compared.

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{ChallengeId, OutboxId, TenantId},
    identity::{mfa::Factor, notice::Reason},
    seal::CodeHash,
    time::Timestamp,
};

use super::ChallengeState;
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    identity::{
        Membership, UserRow,
        passkey::{CeremonyOutcome, PasskeyAnswer, ceremony::run_before},
        risk::read_reasons,
    },
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const ANSWER: Statement<LookupScope> = Statement::new(
    "identity.answer_challenge",
    &[Type::BYTEA, Type::UUID, Type::TEXT, Type::BYTEA_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    &[
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::BOOL,
        Type::UUID,
        Type::TEXT_ARRAY,
        Type::TEXT,
        Type::BOOL,
        Type::BYTEA,
        Type::INT8,
        Type::UUID,
        Type::BYTEA,
        Type::UUID,
        // user_profiles
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
        // memberships
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT8,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::INT2,
        Type::BOOL,
        Type::TEXT,
        Type::INT2_ARRAY,
        Type::JSONB,
    ],
    "/* identity.answer_challenge */ SELECT a.outcome, a.wait_until, a.mailed, a.challenge_id, a.challenge_amr, a.challenge_device, \
     a.challenge_cookie, a.totp_sealed, a.totp_step, a.sms_id, a.sms_hash, a.backup_id, (a.profile).*, (a.membership).*, \
     tenant_facts((a.membership).tenant_id) AS tenant_facts \
     FROM answer_mfa_challenge($1, $2, $3, $4, $5, $6) a",
);

const NOTES: Statement<LookupScope> = Statement::new(
    "identity.answer_challenge.notes",
    &[Type::BYTEA, Type::UUID],
    &[Type::TEXT_ARRAY, Type::BYTEA],
    "/* identity.answer_challenge.notes */ SELECT * FROM challenge_notes($1, $2)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[NOTES.described(), ANSWER.described()];

/// An answer before it is compared.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// With which factor.
    pub factor: Factor,
    /// For a backup code, what may be stored of it.
    pub backup_hashes: &'a [CodeHash],
    /// For a passkey, the ceremony that it answers.
    pub passkey: Option<PasskeyAnswer<'a>>,
    /// Identifier of the outbox row, if the account's owner is to be told of a lock.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

/// What an answer is compared with.
#[derive(Clone, Default)]
pub struct Evidence {
    /// The sealed secret of the authenticator app.
    pub totp_sealed: Option<Vec<u8>>,
    /// The last step whose code was accepted.
    pub totp_step: Option<i64>,
    /// The latest code sent by SMS, and what is kept of it.
    pub sms: Option<(Uuid, Vec<u8>)>,
    /// The unused backup code that it is.
    pub backup: Option<Uuid>,
    /// What is kept of the code that was mailed.
    pub mail: Option<Vec<u8>>,
    /// What became of the ceremony of a passkey.
    pub passkey: Option<CeremonyOutcome>,
}

impl Evidence {
    pub(super) fn read(row: &Row, passkey: Option<CeremonyOutcome>) -> Result<Self, StoreError> {
        let hash: Option<Vec<u8>> = row.cell("sms_hash")?;
        Ok(Self {
            mail: None,
            passkey,
            totp_sealed: row.cell("totp_sealed")?,
            totp_step: row.cell("totp_step")?,
            sms: row.cell::<Option<Uuid>>("sms_id")?.zip(hash),
            backup: row.cell("backup_id")?,
        })
    }
}

/// What came of counting an answer.
pub enum Answered<T> {
    /// It may be compared.
    Taken(Box<T>),
    /// Its challenge cannot be answered any more, until when it stands.
    Closed(ChallengeState, Timestamp),
    /// Too many wrong answers in a row; until when none is taken.
    Locked(Timestamp),
    /// There is no such challenge, or nothing to answer with.
    Nothing,
}

/// A challenge that an answer was taken for.
pub struct Answer {
    /// Identifier.
    pub id: ChallengeId,
    /// Authentication methods so far.
    pub amr: Vec<String>,
    /// What the client calls its device.
    pub device_name: Option<String>,
    /// Whether the client wants its refresh token in a cookie.
    pub cookie: bool,
    /// What was odd about the sign-in.
    pub reasons: Vec<Reason>,
    /// What to compare with.
    pub evidence: Evidence,
    /// The person.
    pub user: UserRow,
    /// Whether they are suspended everywhere.
    pub user_suspended: bool,
    /// Their membership in the tenant.
    pub membership: Option<Membership>,
    /// The mail that is owed if the answer is wrong.
    pub queued: Option<Queued>,
}

pub(super) fn queued(row: &Row, given: &Given<'_>) -> Result<Option<Queued>, StoreError> {
    let mailed: bool = row.cell("mailed")?;
    Ok(mailed.then(|| Queued { id: given.outbox_id, tenant_id: TenantId::PLATFORM, kind: "mail.account_locked".to_owned(), queue: Queue::Mail }))
}

pub(super) fn slices(hashes: &[CodeHash]) -> Vec<&[u8]> {
    hashes.iter().map(<[u8; 32]>::as_slice).collect()
}

/// Counts an answer to a challenge, found by the SHA-256 of its token, and answers what to compare it with.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn answer_challenge(
    db: &Db,
    scope: &LookupScope,
    token_hash: &[u8; 32],
    home: TenantId,
    given: &Given<'_>,
) -> Result<Answered<Answer>, StoreError> {
    let (hash, hashes) = (token_hash.as_slice(), slices(given.backup_hashes));
    let mut answers = run_before(
        Batch::write(db, scope)
            .add(&ANSWER, &[&hash, &home.uuid(), &given.factor.key(), &hashes, &given.outbox_id.uuid(), &at(given.now)])
            .add(&NOTES, &[&hash, &home.uuid()]),
        given.passkey.as_ref(),
    )
    .await?;
    let (rows, notes) = (answers.take(), answers.take());
    let passkey = given.passkey.map(|_| CeremonyOutcome::read(answers.take())).transpose()?;
    let Some(row) = rows.first() else { return Ok(Answered::Nothing) };
    let outcome: &str = row.cell("outcome")?;
    if let Some(state) = ChallengeState::from_outcome(outcome) {
        return Ok(Answered::Closed(state, row.time("wait_until")?));
    }
    if outcome == "locked" {
        return Ok(Answered::Locked(row.time("wait_until")?));
    }
    let notes = only(notes, "identity.answer_challenge.notes")?;
    Ok(Answered::Taken(Box::new(Answer {
        id: row.id("challenge_id")?,
        amr: row.cell("challenge_amr")?,
        device_name: row.cell("challenge_device")?,
        cookie: row.cell("challenge_cookie")?,
        reasons: read_reasons(&notes)?,
        evidence: Evidence { mail: notes.cell("mail_code_hash")?, ..Evidence::read(row, passkey)? },
        user: UserRow::read(row)?,
        user_suspended: row.cell("user_suspended")?,
        membership: Membership::maybe(row)?,
        queued: queued(row, given)?,
    })))
}
