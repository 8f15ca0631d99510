//! The passkeys that somebody has: listed, added, removed.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{OutboxId, PasskeyId, UserId},
    identity::{
        mfa::Factor,
        passkey::{Backup, challenge::Ceremony, registration::Credential},
    },
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    identity::{UserRow, member::own_profile, mfa::standing::read_factors, notice},
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const LIST: Statement<LookupScope> = Statement::new(
    "identity.list_passkeys",
    &[],
    &[Type::UUID, Type::BYTEA, Type::TEXT, Type::TEXT, Type::TEXT_ARRAY, Type::BOOL, Type::BOOL, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    "/* identity.list_passkeys */ SELECT id, credential_id, rp_id, name, transports, backup_eligible, backed_up, created_at, last_used_at \
     FROM passkeys WHERE user_id = app_user_id() ORDER BY created_at, id",
);

const FACTORS: Statement<LookupScope> = Statement::new(
    "identity.passkey_owner.factors",
    &[],
    &[Type::TEXT_ARRAY],
    "/* identity.passkey_owner.factors */ SELECT mfa_factors(app_user_id()) AS factors",
);

const ADD: Statement<LookupScope> = Statement::new(
    "identity.add_passkey",
    &[
        Type::BYTEA,
        Type::TIMESTAMPTZ,
        Type::UUID,
        Type::BYTEA,
        Type::TEXT,
        Type::BYTEA,
        Type::INT2,
        Type::INT8,
        Type::BOOL,
        Type::BOOL,
        Type::TEXT_ARRAY,
        Type::TEXT,
        Type::UUID,
        Type::TIMESTAMPTZ,
    ],
    &[Type::TEXT],
    "/* identity.add_passkey */ SELECT add_passkey($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS outcome",
);

const REMOVE: Statement<LookupScope> = Statement::new(
    "identity.remove_passkey",
    &[Type::UUID, Type::BOOL, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* identity.remove_passkey */ SELECT remove_passkey($1, $2, $3, $4) AS outcome",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), FACTORS.described(), ADD.described(), REMOVE.described()];

/// A credential, as its owner sees it.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// Identifier.
    pub id: PasskeyId,
    /// The credential's own id.
    pub credential_id: Vec<u8>,
    /// The domain that it is good for.
    pub rp_id: String,
    /// What its owner calls it.
    pub name: String,
    /// How its authenticator can be reached.
    pub transports: Vec<String>,
    /// What it said last of its backups.
    pub backup: Backup,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl PasskeyRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            credential_id: row.cell("credential_id")?,
            rp_id: row.cell("rp_id")?,
            name: row.cell("name")?,
            transports: row.cell("transports")?,
            backup: Backup { eligible: row.cell("backup_eligible")?, exists: row.cell("backed_up")? },
            created_at: row.time("created_at")?,
            last_used_at: row.maybe_time("last_used_at")?,
        })
    }
}

/// A person's credentials, the oldest first.
///
/// # Errors
/// `Unavailable`.
pub async fn list_passkeys(db: &Db, scope: &LookupScope, user_id: UserId) -> Result<Vec<PasskeyRow>, StoreError> {
    let scope = scope.of(user_id);
    let rows = Batch::read(db, &scope).add(&LIST, &[]).rows().await?;
    rows.iter().map(PasskeyRow::read).collect()
}

/// Who wants to add a credential.
#[derive(Debug, Clone)]
pub struct PasskeyOwner {
    /// The person.
    pub user: UserRow,
    /// What they have already.
    pub passkeys: Vec<PasskeyRow>,
    /// What second factors they have set up.
    pub factors: Vec<Factor>,
}

/// A person, their credentials and second factors, as a registration begins with. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`.
pub async fn passkey_owner(db: &Db, scope: &LookupScope, user_id: UserId) -> Result<Option<PasskeyOwner>, StoreError> {
    let scope = scope.of(user_id);
    let mut answers = Batch::read(db, &scope).add(&own_profile(), &[]).add(&LIST, &[]).add(&FACTORS, &[]).run().await?;
    let (profile, passkeys, factors) = (answers.take(), answers.take(), answers.take());
    let Some(row) = profile.first() else { return Ok(None) };
    Ok(Some(PasskeyOwner {
        user: UserRow::read(row)?,
        passkeys: passkeys.iter().map(PasskeyRow::read).collect::<Result<_, _>>()?,
        factors: read_factors(&only(factors, "identity.passkey_owner.factors")?, "factors")?,
    }))
}

/// A credential to add.
#[derive(Debug, Clone)]
pub struct NewPasskey<'a> {
    /// Identifier.
    pub id: PasskeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// The domain that it was made for.
    pub rp_id: &'a str,
    /// The credential.
    pub credential: &'a Credential,
    /// What its owner calls it.
    pub name: &'a str,
    /// Identifier of the outbox row that tells the owner.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

/// What became of a new credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is the person's now.
    Added {
        /// The row to put on its queue.
        queued: Queued,
    },
    /// The challenge was answered before.
    Replayed,
    /// Somebody has it already.
    Known,
    /// The person has as many as anybody may.
    Full,
}

/// Uses a ceremony's challenge up, and adds the credential that answers it, with its event and a notice to its owner.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn add_passkey(db: &Db, scope: &LookupScope, ceremony: &Ceremony, new: &NewPasskey<'_>) -> Result<Added, StoreError> {
    let scope = scope.of(new.user_id);
    let Credential { id, key, sign_count, backup, transports } = new.credential;
    let rows = Batch::write(db, &scope)
        .add(
            &ADD,
            &[
                &ceremony.digest().as_slice(),
                &at(ceremony.expires_at()),
                &new.id.uuid(),
                id,
                &new.rp_id,
                &key.bytes,
                &key.algorithm.cose(),
                &i64::from(*sign_count),
                &backup.eligible,
                &backup.exists,
                transports,
                &new.name,
                &new.outbox_id.uuid(),
                &at(new.now),
            ],
        )
        .rows()
        .await?;
    match only(rows, "identity.add_passkey")?.cell::<&str>("outcome")? {
        "added" => Ok(Added::Added { queued: notice::queued(new.outbox_id) }),
        "replayed" => Ok(Added::Replayed),
        "full" => Ok(Added::Full),
        _ => Ok(Added::Known),
    }
}

/// What became of a credential that was to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Removed {
        /// The row to put on its queue.
        queued: Queued,
    },
    /// It stays until a fresh second factor is given.
    Stale,
    /// It is the person's only way in, and stays.
    LastWayIn,
    /// The person has none such.
    Unknown,
}

/// Removes a credential, with its event and a notice to its owner, unless it is their only way in. `fresh` says whether they have just given a
/// second factor.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn remove_passkey(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    id: PasskeyId,
    fresh: bool,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Removed, StoreError> {
    let scope = scope.of(user_id);
    let rows = Batch::write(db, &scope).add(&REMOVE, &[&id.uuid(), &fresh, &outbox_id.uuid(), &at(now)]).rows().await?;
    match only(rows, "identity.remove_passkey")?.cell::<&str>("outcome")? {
        "removed" => Ok(Removed::Removed { queued: notice::queued(outbox_id) }),
        "stale" => Ok(Removed::Stale),
        "last" => Ok(Removed::LastWayIn),
        _ => Ok(Removed::Unknown),
    }
}
