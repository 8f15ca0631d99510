//! Challenges: sign-ins that wait for a second factor.

use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::{ChallengeId, OutboxId, TenantId, UserId},
    identity::{mfa::Factor, notice::Reason},
    time::Timestamp,
};

use super::standing::read_factors;
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    identity::rehash::Rehash,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

const BEGIN: Statement<LookupScope> = Statement::new(
    "identity.begin_challenge",
    &[Type::UUID, Type::UUID, Type::BYTEA, Type::TEXT_ARRAY, Type::TEXT, Type::BOOL, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[Type::VOID],
    "/* identity.begin_challenge */ SELECT begin_mfa_challenge($1, $2, $3, $4, $5, $6, $7, $8)",
);

const NOTE: Statement<LookupScope> = Statement::new(
    "identity.begin_challenge.note",
    &[Type::UUID, Type::TEXT_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::VOID],
    "/* identity.begin_challenge.note */ SELECT note_challenge($1, $2, $3, $4)",
);

const LOOK: Statement<LookupScope> = Statement::new(
    "identity.look_at_challenge",
    &[Type::BYTEA, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::UUID, Type::UUID, Type::TEXT_ARRAY, Type::BYTEA],
    "/* identity.look_at_challenge */ SELECT * FROM look_at_mfa_challenge($1, $2, $3)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[BEGIN.described(), NOTE.described(), LOOK.described()];

/// A challenge to be.
#[derive(Clone)]
pub struct NewChallenge<'a> {
    /// Identifier.
    pub id: ChallengeId,
    /// Who signs in.
    pub user_id: UserId,
    /// To which tenant.
    pub home: TenantId,
    /// SHA-256 of the token that the client answers with.
    pub token_hash: [u8; 32],
    /// Authentication methods so far (RFC 8176).
    pub amr: &'a [String],
    /// What the client calls its device.
    pub device_name: Option<&'a str>,
    /// Whether the client wants its refresh token in a cookie.
    pub cookie: bool,
    /// A password hash with newer parameters, where the stored one is weak.
    pub rehash: Option<&'a Rehash>,
    /// What is odd about the sign-in.
    pub reasons: &'a [Reason],
    /// Identifier of the outbox row that mails a code, where one is asked for.
    pub mailed: Option<OutboxId>,
    /// Until when it can be answered.
    pub expires_at: Timestamp,
    /// The instant.
    pub now: Timestamp,
}

/// Keeps a challenge, and what is odd about its sign-in; answers the row to enqueue where a code is to be mailed.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_challenge(db: &Db, scope: &LookupScope, new: &NewChallenge<'_>) -> Result<Option<Queued>, StoreError> {
    let scope = scope.of(new.user_id);
    let (id, home, hash) = (new.id.uuid(), new.home.uuid(), new.token_hash.as_slice());
    let (reasons, mailed): (Vec<&str>, _) = (new.reasons.iter().map(|reason| reason.key()).collect(), new.mailed.map(OutboxId::uuid));
    let (until, now) = (at(new.expires_at), at(new.now));
    let batch = Batch::write(db, &scope)
        .add(&BEGIN, &[&id, &home, &hash, &new.amr, &new.device_name, &new.cookie, &until, &now])
        .add(&NOTE, &[&id, &reasons, &mailed, &now]);
    let batch = match new.rehash {
        Some(rehash) => rehash.add(batch),
        None => batch,
    };
    batch.run().await?;
    Ok(new.mailed.map(|id| Queued { id, tenant_id: TenantId::PLATFORM, kind: "mail.sign_in_code".to_owned(), queue: Queue::Mail }))
}

/// Whether a challenge can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeState {
    /// It can.
    Open,
    /// It was answered.
    Consumed,
    /// It is too old.
    Expired,
    /// It had its five answers.
    Exhausted,
}

impl ChallengeState {
    pub(crate) fn from_outcome(outcome: &str) -> Option<Self> {
        match outcome {
            "open" => Some(Self::Open),
            "consumed" => Some(Self::Consumed),
            "expired" => Some(Self::Expired),
            "exhausted" => Some(Self::Exhausted),
            _ => None,
        }
    }
}

/// A challenge, looked at without answering it. `Debug` shows no number.
#[derive(Clone)]
pub struct Look {
    /// Identifier.
    pub id: ChallengeId,
    /// Who signs in.
    pub user_id: UserId,
    /// Whether it can be answered.
    pub state: ChallengeState,
    /// What they have set up.
    pub factors: Vec<Factor>,
    /// The sealed number of their SMS factor.
    pub phone_sealed: Option<Vec<u8>>,
}

/// Looks at a challenge by the SHA-256 of its token. `None` if that tenant has none such.
///
/// # Errors
/// `Unavailable`.
pub async fn look_at_challenge(
    db: &Db,
    scope: &LookupScope,
    token_hash: &[u8; 32],
    home: TenantId,
    now: Timestamp,
) -> Result<Option<Look>, StoreError> {
    let rows = Batch::read(db, scope).add(&LOOK, &[&token_hash.as_slice(), &home.uuid(), &at(now)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let outcome: &str = row.cell("outcome")?;
    Ok(Some(Look {
        id: row.id("challenge_id")?,
        user_id: row.id("user_id")?,
        state: ChallengeState::from_outcome(outcome).ok_or_else(|| StoreError::Bug(format!("no outcome {outcome}")))?,
        factors: read_factors(row, "factors")?,
        phone_sealed: row.cell("phone_sealed")?,
    }))
}
