//! Setting second factors up and taking them off.

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    id::{OutboxId, TenantId, UserId},
    identity::mfa::Factor,
    time::Timestamp,
};

use super::standing::read_factors;
use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    identity::notice,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

/// Keeps a secret that is yet to be confirmed: the first factor by whoever is signed in, another only with a fresh one.
pub const START: Statement<TenantScope> = Statement::new(
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

const REMOVE: Statement<TenantScope> = Statement::new(
    "identity.remove_factor",
    &[Type::TEXT, Type::TIMESTAMPTZ, Type::UUID],
    &[Type::BOOL, Type::BOOL],
    "/* identity.remove_factor */ WITH removed AS ( \
       DELETE FROM mfa_tokens WHERE user_id = app_user_id() AND kind = $1 AND confirmed_at IS NOT NULL RETURNING kind), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($2), app_tenant_id(), 'user.factor_removed', jsonb_build_object('user_id', app_user_id(), 'factor', kind), \
         app_user_id(), app_request_id(), $2 FROM removed) \
     SELECT EXISTS (SELECT FROM removed) AS removed, \
       (SELECT owe_notice($3, jsonb_build_object('what', 'factor_removed', 'factor', kind), $2) FROM removed) AS noticed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[START.described(), PENDING.described(), REMOVE.described()];

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
    started(&rows, new.factor)
}

/// What the rows of [`START`] say.
pub fn started(rows: &[Row], factor: Factor) -> Result<Started, StoreError> {
    let Some(row) = rows.first() else { return Ok(Started::Missing) };
    if row.cell("kept")? {
        return Ok(Started::Kept { email: row.cell("email")? });
    }
    Ok(if read_factors(row, "factors")?.contains(&factor) { Started::Taken } else { Started::NotFresh })
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

/// Takes a factor off, with its event and its notice; answers the notice's row. `None` if there was none.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn remove_factor(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    factor: Factor,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<Queued>, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let rows = Batch::write(db, &scope).add(&REMOVE, &[&factor.key(), &at(now), &outbox_id.uuid()]).rows().await?;
    let removed: bool = only(rows, "identity.remove_factor")?.cell("removed")?;
    Ok(removed.then(|| notice::queued(outbox_id)))
}
