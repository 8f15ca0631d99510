//! What carriers reported of one address, looked up and forgotten.

use tokio_postgres::types::Type;
use zygo_core::{seal::CodeHash, time::Timestamp};

use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    events::mail::columns,
    row::{Cells, at},
    statement::Statement,
};

/// What was reported before its owner proved the address counts no more.
const LOOK: Statement<PlatformScope> = Statement::new(
    "admin.suppressions.look",
    &[Type::TEXT, Type::BYTEA_ARRAY],
    &[Type::TEXT, Type::INT4, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    "/* admin.suppressions.look */ SELECT s.state, s.reports, s.since, s.reported_at FROM mail_suppressions s WHERE s.address_hash = ANY ($2) \
       AND NOT EXISTS (SELECT FROM users u WHERE u.email = $1 AND u.email_verified_at > s.reported_at) ORDER BY s.state LIMIT 1",
);

/// Whoever it concerns is told that it is over; what an administrator did is on record, with the hash in place of the address.
const LIFT: Statement<PlatformScope> = Statement::new(
    "admin.suppressions.lift",
    &[Type::TEXT, Type::BYTEA_ARRAY, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* admin.suppressions.lift */ WITH gone AS (DELETE FROM mail_suppressions s WHERE s.address_hash = ANY ($2) RETURNING s.address_hash, s.state), \
     told AS (UPDATE users u SET mail_state = NULL, mail_state_since = NULL \
       WHERE u.email = $1 AND u.mail_state IS NOT NULL AND EXISTS (SELECT FROM gone)), \
     noted AS (INSERT INTO admin_actions (id, tenant_id, admin_user_id, reason, details, request_id, created_at) \
       SELECT make_uuid_v7($3), '00000000-0000-0000-0000-000000000000', app_user_id(), 'mail suppression lifted', \
         jsonb_build_object('state', state, 'address_hash', encode(address_hash, 'hex')), app_request_id(), $3 FROM gone) \
     SELECT state FROM gone",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LOOK.described(), LIFT.described()];

/// What was reported of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// `deferred`, `bounced`, `complained`.
    pub state: String,
    /// Reports since it is in this state.
    pub reports: i32,
    /// Since when it is.
    pub since: Timestamp,
    /// When the latest came.
    pub reported_at: Timestamp,
}

/// What was reported of an address, by its hashes under each key.
///
/// # Errors
/// `Unavailable`, `Denied`.
pub async fn look(db: &Db, scope: &PlatformScope, address: &str, hashes: &[CodeHash]) -> Result<Option<Suppression>, StoreError> {
    let rows = Batch::read(db, scope).add(&LOOK, &[&address, &columns(hashes)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Suppression {
        state: row.cell("state")?,
        reports: row.cell("reports")?,
        since: row.time("since")?,
        reported_at: row.time("reported_at")?,
    }))
}

/// Forgets what was reported of an address. False if nothing was.
///
/// # Errors
/// `Unavailable`, `Retry`, `Denied`.
pub async fn lift(db: &Db, scope: &PlatformScope, address: &str, hashes: &[CodeHash], now: Timestamp) -> Result<bool, StoreError> {
    Ok(!Batch::write(db, scope).add(&LIFT, &[&address, &columns(hashes), &at(now)]).rows().await?.is_empty())
}
