//! Setting second factors up and taking them off.

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{TenantId, UserId},
    identity::mfa::Factor,
    seal::CodeHash,
    time::Timestamp,
};

use super::standing::read_factors;
use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

/// Keeps a secret that is yet to be confirmed: the first factor by whoever is signed in, another only with a fresh one.
const START: Statement<TenantScope> = Statement::new(
    "identity.start_factor",
    &[Type::UUID, Type::TEXT, Type::BYTEA, Type::BOOL, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT_ARRAY, Type::BOOL],
    "/* identity.start_factor */ WITH person AS (SELECT email, mfa_factors(id) AS factors FROM users WHERE id = app_user_id()), \
     kept AS ( \
       INSERT INTO mfa_tokens AS t (id, user_id, kind, secret_sealed, created_at) \
       SELECT $1, app_user_id(), $2, $3, $5 FROM person WHERE $4 OR NOT factors && ARRAY['totp', 'sms', 'passkey'] \
       ON CONFLICT (user_id, kind) DO UPDATE SET id = excluded.id, secret_sealed = excluded.secret_sealed, created_at = excluded.created_at \
         WHERE t.confirmed_at IS NULL \
       RETURNING t.id) \
     SELECT email, factors, EXISTS (SELECT FROM kept) AS kept FROM person",
);

const PENDING: Statement<TenantScope> = Statement::new(
    "identity.pending_factor",
    &[Type::TEXT],
    &[Type::UUID, Type::BYTEA, Type::BOOL, Type::TEXT_ARRAY],
    "/* identity.pending_factor */ SELECT id, secret_sealed, confirmed_at IS NOT NULL AS confirmed, mfa_factors(user_id) AS factors \
     FROM mfa_tokens WHERE user_id = app_user_id() AND kind = $1",
);

/// Holds others back who change the same person's factors: what follows in the batch sees what they did.
const LOCK: Statement<TenantScope> = Statement::new(
    "identity.change_factors.lock",
    &[],
    &[Type::UUID],
    "/* identity.change_factors.lock */ SELECT id FROM users WHERE id = app_user_id() FOR UPDATE",
);

const CONFIRM: Statement<TenantScope> = Statement::new(
    "identity.confirm_factor",
    &[Type::UUID, Type::INT8, Type::BOOL, Type::BOOL, Type::UUID_ARRAY, Type::BYTEA_ARRAY, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL],
    "/* identity.confirm_factor */ WITH confirmed AS ( \
       UPDATE mfa_tokens SET confirmed_at = $7, last_step = $2 \
       WHERE id = $1 AND user_id = app_user_id() AND confirmed_at IS NULL \
         AND ($3 OR NOT mfa_factors(app_user_id()) && ARRAY['totp', 'sms', 'passkey']) RETURNING kind), \
     codeless AS (SELECT FROM confirmed WHERE $4 OR NOT EXISTS (SELECT FROM mfa_backup_codes WHERE user_id = app_user_id() AND used_at IS NULL)), \
     voided AS (DELETE FROM mfa_backup_codes WHERE user_id = app_user_id() AND EXISTS (SELECT FROM codeless)), \
     codes AS ( \
       INSERT INTO mfa_backup_codes (id, user_id, code_hash, created_at) \
       SELECT c.id, app_user_id(), c.hash, $7 FROM codeless, unnest($5, $6) c (id, hash) RETURNING id), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($7), app_tenant_id(), 'user.factor_added', jsonb_build_object('user_id', app_user_id(), 'factor', kind), \
         app_user_id(), app_request_id(), $7 FROM confirmed) \
     SELECT EXISTS (SELECT FROM confirmed) AS confirmed, EXISTS (SELECT FROM codes) AS coded",
);

const REMOVE: Statement<TenantScope> = Statement::new(
    "identity.remove_factor",
    &[Type::TEXT, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.remove_factor */ WITH removed AS ( \
       DELETE FROM mfa_tokens WHERE user_id = app_user_id() AND kind = $1 AND confirmed_at IS NOT NULL RETURNING kind), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($2), app_tenant_id(), 'user.factor_removed', jsonb_build_object('user_id', app_user_id(), 'factor', kind), \
         app_user_id(), app_request_id(), $2 FROM removed) \
     SELECT EXISTS (SELECT FROM removed) AS removed",
);

const REPLACE: Statement<TenantScope> = Statement::new(
    "identity.replace_backup_codes",
    &[Type::UUID_ARRAY, Type::BYTEA_ARRAY, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.replace_backup_codes */ WITH enrolled AS (SELECT WHERE mfa_factors(app_user_id()) && ARRAY['totp', 'sms', 'passkey']), \
     voided AS (DELETE FROM mfa_backup_codes WHERE user_id = app_user_id() AND EXISTS (SELECT FROM enrolled)), \
     codes AS ( \
       INSERT INTO mfa_backup_codes (id, user_id, code_hash, created_at) \
       SELECT c.id, app_user_id(), c.hash, $3 FROM enrolled, unnest($1, $2) c (id, hash)) \
     SELECT EXISTS (SELECT FROM enrolled) AS enrolled",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[START.described(), PENDING.described(), LOCK.described(), CONFIRM.described(), REMOVE.described(), REPLACE.described()];

/// A secret that is to become a factor.
#[derive(Clone)]
pub struct NewFactor<'a> {
    /// Identifier.
    pub id: Uuid,
    /// Whose.
    pub user_id: UserId,
    /// `totp` or `sms`.
    pub factor: Factor,
    /// The sealed secret or number.
    pub sealed: &'a str,
    /// Whether the person gave another factor just now.
    pub fresh: bool,
    /// The instant.
    pub now: Timestamp,
}

/// What came of it.
#[derive(Clone)]
pub enum Started {
    /// It waits to be confirmed.
    Kept {
        /// The person's mail address, to label it with.
        email: String,
    },
    /// That factor is set up already.
    Taken,
    /// There are other factors, and none was given just now.
    NotFresh,
    /// The account is gone.
    Missing,
}

/// Keeps a secret until it is confirmed; one that was waiting is replaced.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn start_factor(db: &Db, scope: &LookupScope, new: &NewFactor<'_>) -> Result<Started, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(new.user_id));
    let rows = Batch::write(db, &scope).add(&START, &[&new.id, &new.factor.key(), &new.sealed.as_bytes(), &new.fresh, &at(new.now)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(Started::Missing) };
    if row.cell("kept")? {
        return Ok(Started::Kept { email: row.cell("email")? });
    }
    Ok(if read_factors(row, "factors")?.contains(&new.factor) { Started::Taken } else { Started::NotFresh })
}

/// A secret as it is kept.
#[derive(Clone)]
pub struct Pending {
    /// Identifier.
    pub id: Uuid,
    /// The sealed secret or number.
    pub sealed: Vec<u8>,
    /// Whether it was confirmed before.
    pub confirmed: bool,
    /// Every factor that is set up.
    pub factors: Vec<Factor>,
}

/// The secret that somebody is about to confirm, or confirmed before.
///
/// # Errors
/// `Unavailable`.
pub async fn pending_factor(db: &Db, scope: &LookupScope, user_id: UserId, factor: Factor) -> Result<Option<Pending>, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let rows = Batch::read(db, &scope).add(&PENDING, &[&factor.key()]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Pending {
        id: row.id("id")?,
        sealed: row.cell("secret_sealed")?,
        confirmed: row.cell("confirmed")?,
        factors: read_factors(row, "factors")?,
    }))
}

/// A set of backup codes as they are kept.
#[derive(Clone)]
pub struct CodeSet {
    /// Identifiers.
    pub ids: Vec<Uuid>,
    /// The codes' hashes, as many.
    pub hashes: Vec<CodeHash>,
}

impl CodeSet {
    fn slices(&self) -> Vec<&[u8]> {
        self.hashes.iter().map(<[u8; 32]>::as_slice).collect()
    }
}

/// A factor that was proved to work.
#[derive(Clone)]
pub struct Confirmation<'a> {
    /// Whose.
    pub user_id: UserId,
    /// The secret's identifier.
    pub id: Uuid,
    /// The step of the code that proved it, for an authenticator app.
    pub step: Option<i64>,
    /// Whether the person gave another factor just now.
    pub fresh: bool,
    /// Backup codes to keep.
    pub codes: &'a CodeSet,
    /// Whether they replace those that there are.
    pub replace_codes: bool,
    /// The instant.
    pub now: Timestamp,
}

/// What came of a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// Whether the factor is set up now; not if it was confirmed at the same moment, or started anew.
    pub confirmed: bool,
    /// Whether the backup codes were kept.
    pub coded: bool,
}

/// Confirms a factor, with its event, and with backup codes where there are none or they are to be replaced.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn confirm_factor(db: &Db, scope: &LookupScope, confirmation: &Confirmation<'_>) -> Result<Confirmed, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(confirmation.user_id));
    let Confirmation { id, step, fresh, codes, replace_codes, now, .. } = confirmation;
    let mut answers = Batch::write(db, &scope)
        .add(&LOCK, &[])
        .add(&CONFIRM, &[id, step, fresh, replace_codes, &codes.ids, &codes.slices(), &at(*now)])
        .run()
        .await?;
    answers.take();
    let row = only(answers.take(), "identity.confirm_factor")?;
    Ok(Confirmed { confirmed: row.cell("confirmed")?, coded: row.cell("coded")? })
}

/// Takes a factor off, with its event. False if there was none.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn remove_factor(db: &Db, scope: &LookupScope, user_id: UserId, factor: Factor, now: Timestamp) -> Result<bool, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let rows = Batch::write(db, &scope).add(&REMOVE, &[&factor.key(), &at(now)]).rows().await?;
    only(rows, "identity.remove_factor")?.cell("removed")
}

/// Replaces somebody's backup codes. False if they have no second factor that these could stand in for.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn replace_backup_codes(db: &Db, scope: &LookupScope, user_id: UserId, codes: &CodeSet, now: Timestamp) -> Result<bool, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let mut answers = Batch::write(db, &scope).add(&LOCK, &[]).add(&REPLACE, &[&codes.ids, &codes.slices(), &at(now)]).run().await?;
    answers.take();
    only(answers.take(), "identity.replace_backup_codes")?.cell("enrolled")
}
