//! Answers to ceremonies: each challenge used up once, the credential found with whose it is, its use recorded.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{PasskeyId, TenantId, UserId},
    identity::{
        passkey::{
            assertion::{Known, Used},
            challenge::Ceremony,
            key::{Algorithm, PublicKey},
        },
        risk::history::History,
    },
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::{Answers, Batch},
    identity::{
        Membership, UserRow,
        mfa::{Arrival, ChallengeState},
        risk::read_history,
    },
    row::{Cells, at, only},
    statement::Statement,
};

const FIND: Statement<LookupScope> = Statement::new(
    "identity.find_passkey",
    &[Type::BYTEA, Type::TIMESTAMPTZ, Type::BYTEA, Type::TEXT, Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    &[
        Type::BOOL,
        Type::UUID,
        Type::UUID,
        Type::BYTEA,
        Type::INT2,
        Type::INT8,
        Type::BOOL,
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
        Type::JSONB,
    ],
    "/* identity.find_passkey */ SELECT f.fresh, f.passkey_id, f.passkey_user, f.public_key, f.algorithm, f.sign_count, f.backup_eligible, \
     (f.profile).*, (f.membership).*, tenant_facts((f.membership).tenant_id) AS tenant_facts, \
     sign_in_history(f.passkey_user, $5, $6, $7) AS history FROM find_passkey($1, $2, $3, $4, $5) f",
);

/// Records the use of a credential of the scope's person. A counter that another use moved on meanwhile stays.
const USED: Statement<TenantScope> = Statement::new(
    "identity.passkey_used",
    &[Type::UUID, Type::INT8, Type::BOOL, Type::TIMESTAMPTZ],
    &[],
    "/* identity.passkey_used */ UPDATE passkeys SET sign_count = greatest(sign_count, $2), backed_up = $3, last_used_at = $4 \
     WHERE id = $1 AND user_id = app_user_id()",
);

const FOR_CHALLENGE: Statement<LookupScope> = Statement::new(
    "identity.challenge_passkeys",
    &[Type::BYTEA, Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TIMESTAMPTZ, Type::UUID, Type::BYTEA, Type::TEXT_ARRAY],
    "/* identity.challenge_passkeys */ SELECT * FROM challenge_passkeys($1, $2, $3, $4)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[FIND.described(), USED.described(), FOR_CHALLENGE.described()];

/// A credential that somebody answered with, and whose it is.
#[derive(Clone)]
pub struct FoundPasskey {
    /// Identifier.
    pub id: PasskeyId,
    /// What its use is checked against.
    pub known: Known,
    /// The person.
    pub user: UserRow,
    /// Whether the person is suspended everywhere.
    pub user_suspended: bool,
    /// The membership in the tenant signed in to.
    pub membership: Option<Membership>,
    /// What a sign-in with it is compared with.
    pub history: History,
}

/// An answer to a ceremony.
#[derive(Debug, Clone, Copy)]
pub struct PasskeyAnswer<'a> {
    /// The ceremony.
    pub ceremony: &'a Ceremony,
    /// Id of the credential.
    pub credential: &'a [u8],
    /// The domain that it must have been made for.
    pub rp_id: &'a str,
    /// How whoever answers arrives.
    pub arrival: &'a Arrival,
}

/// An answer's parameters, in the forms that Postgres takes.
pub struct AnswerParams<'a> {
    digest: Vec<u8>,
    until: jiff::Timestamp,
    credential: &'a [u8],
    rp_id: &'a str,
    home: uuid::Uuid,
    client: Option<String>,
    now: jiff::Timestamp,
}

impl<'a> PasskeyAnswer<'a> {
    /// The parameters of [`FIND`].
    pub(crate) fn params(&self) -> AnswerParams<'a> {
        let Self { ceremony, arrival, .. } = *self;
        AnswerParams {
            digest: ceremony.digest().to_vec(),
            until: at(ceremony.expires_at()),
            credential: self.credential,
            rp_id: self.rp_id,
            home: arrival.home.uuid(),
            client: arrival.client(),
            now: at(arrival.now),
        }
    }
}

impl AnswerParams<'_> {
    /// Adds [`FIND`] to a batch.
    pub(crate) fn add<'a>(&'a self, batch: Batch<'a, LookupScope>) -> Batch<'a, LookupScope> {
        batch.add(&FIND, &[&self.digest, &self.until, &self.credential, &self.rp_id, &self.home, &self.client, &self.now])
    }
}

/// What became of an answer's challenge.
#[derive(Clone)]
pub enum CeremonyOutcome {
    /// It was answered before.
    Replayed,
    /// It was fresh, and is used up now; with the credential, if there is one such.
    Fresh(Option<Box<FoundPasskey>>),
}

impl FoundPasskey {
    fn read(row: &Row, id: PasskeyId) -> Result<Self, StoreError> {
        Ok(Self {
            id,
            known: Known {
                user_id: row.id("passkey_user")?,
                key: PublicKey { algorithm: algorithm(row.cell("algorithm")?)?, bytes: row.cell("public_key")? },
                sign_count: u32::try_from(row.cell::<i64>("sign_count")?).map_err(|_| StoreError::Bug("passkeys.sign_count".into()))?,
                backup_eligible: row.cell("backup_eligible")?,
            },
            user: UserRow::read(row)?,
            user_suspended: row.cell("user_suspended")?,
            membership: Membership::maybe(row)?,
            history: read_history(row)?,
        })
    }
}

fn algorithm(cose: i16) -> Result<Algorithm, StoreError> {
    Algorithm::from_cose(cose).ok_or_else(|| StoreError::Bug("passkeys.algorithm".into()))
}

impl CeremonyOutcome {
    /// What [`FIND`] answered.
    pub(crate) fn read(rows: Vec<Row>) -> Result<Self, StoreError> {
        let row = only(rows, "identity.find_passkey")?;
        if !row.cell::<bool>("fresh")? {
            return Ok(Self::Replayed);
        }
        let id: Option<uuid::Uuid> = row.cell("passkey_id")?;
        let found = id.map(|id| FoundPasskey::read(&row, id.into()).map(Box::new)).transpose()?;
        Ok(Self::Fresh(found))
    }
}

/// Uses a ceremony's challenge up, and finds the credential that answers it, with its owner's membership in the tenant.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn find_passkey(db: &Db, scope: &LookupScope, answer: PasskeyAnswer<'_>) -> Result<CeremonyOutcome, StoreError> {
    let params = answer.params();
    CeremonyOutcome::read(params.add(Batch::write(db, scope)).rows().await?)
}

/// Runs a batch, and after its statements what uses up the ceremony of an answer, if there is one.
pub async fn run_before(batch: Batch<'_, LookupScope>, answer: Option<&PasskeyAnswer<'_>>) -> Result<Answers, StoreError> {
    let Some(answer) = answer else { return batch.run().await };
    let params = answer.params();
    params.add(batch).run().await
}

/// A sign-in's challenge that somebody wants to answer with a passkey.
#[derive(Debug, Clone)]
pub struct AskedPasskeys {
    /// Whether it can be answered.
    pub state: ChallengeState,
    /// Until when it stands.
    pub until: Timestamp,
    /// Who signs in.
    pub user_id: UserId,
    /// Id and transports of each of their credentials under the domain.
    pub passkeys: Vec<(Vec<u8>, Vec<String>)>,
}

/// The credentials under a domain that a challenge may be answered with, by the SHA-256 of its token. `None` if that tenant has no such
/// challenge.
///
/// # Errors
/// `Unavailable`.
pub async fn challenge_passkeys(
    db: &Db,
    scope: &LookupScope,
    token_hash: &[u8; 32],
    home: TenantId,
    rp_id: &str,
    now: Timestamp,
) -> Result<Option<AskedPasskeys>, StoreError> {
    let rows = Batch::read(db, scope).add(&FOR_CHALLENGE, &[&token_hash.as_slice(), &home.uuid(), &rp_id, &at(now)]).rows().await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let outcome: &str = first.cell("outcome")?;
    let mut passkeys = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(id) = row.cell::<Option<Vec<u8>>>("credential_id")? {
            passkeys.push((id, row.cell("transports")?));
        }
    }
    Ok(Some(AskedPasskeys {
        state: ChallengeState::from_outcome(outcome).ok_or_else(|| StoreError::Bug(format!("no outcome {outcome}")))?,
        until: first.time("challenge_until")?,
        user_id: first.id("challenge_user")?,
        passkeys,
    }))
}

/// The use of a credential, to be recorded with what it was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyUse {
    /// Identifier.
    pub id: PasskeyId,
    /// What it said of itself.
    pub used: Used,
}

/// A use's parameters, in the forms that Postgres takes.
pub struct UseParams {
    id: uuid::Uuid,
    sign_count: i64,
    backed_up: bool,
    now: jiff::Timestamp,
}

impl PasskeyUse {
    /// The parameters of [`USED`].
    pub(crate) fn params(&self, now: jiff::Timestamp) -> UseParams {
        UseParams { id: self.id.uuid(), sign_count: self.used.sign_count.into(), backed_up: self.used.backup.exists, now }
    }
}

impl UseParams {
    /// Adds [`USED`] to a batch.
    pub(crate) fn add<'a>(&'a self, batch: Batch<'a, TenantScope>) -> Batch<'a, TenantScope> {
        batch.add(&USED, &[&self.id, &self.sign_count, &self.backed_up, &self.now])
    }
}
