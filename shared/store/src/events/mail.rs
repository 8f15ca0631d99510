//! Addresses that mail does not reach, or whose owners want none. They are known by keyed hashes, which the caller makes.

use tokio_postgres::types::Type;
use zygo_core::{
    mail::{report::Fate, standing::Trouble},
    seal::CodeHash,
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const REPORTED: &[Type] = &[Type::TEXT, Type::TEXT, Type::BYTEA_ARRAY, Type::TEXT, Type::TIMESTAMPTZ];

const REPORTED_TO_US: Statement<LookupScope> =
    Statement::new("events.mail.report", REPORTED, &[Type::BOOL], "/* events.mail.report */ SELECT report_mail($1, $2, $3, $4, $5) AS heard");
const REPORTED_BY_US: Statement<PlatformScope> =
    Statement::new("events.mail.notice", REPORTED, &[Type::BOOL], "/* events.mail.notice */ SELECT report_mail($1, $2, $3, $4, $5) AS heard");

/// What was reported before its owner proved the address counts no more. Whoever it concerns is told by the way: they may have made their
/// account after the trouble began.
const STANDING: Statement<PlatformScope> = Statement::new(
    "events.mail.standing",
    &[Type::TEXT, Type::BYTEA_ARRAY, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* events.mail.standing */ WITH found AS MATERIALIZED ( \
       SELECT s.state FROM mail_suppressions s WHERE s.address_hash = ANY ($2) AND s.state <> 'deferred' \
         AND NOT EXISTS (SELECT FROM users u WHERE u.email = $1 AND u.email_verified_at > s.reported_at) ORDER BY s.state LIMIT 1), \
     noted AS ( \
       UPDATE users u SET mail_state = f.state, mail_state_since = $3 FROM found f WHERE u.email = $1 AND u.mail_state IS DISTINCT FROM f.state) \
     SELECT state FROM found",
);

const MINE: Statement<LookupScope> = Statement::new(
    "events.mail.mine",
    &[],
    &[Type::TEXT, Type::TIMESTAMPTZ],
    "/* events.mail.mine */ SELECT mail_state, mail_state_since FROM users WHERE id = app_user_id()",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[REPORTED_TO_US.described(), REPORTED_BY_US.described(), STANDING.described(), MINE.described()];

/// What a carrier says of a mail to an address.
#[derive(Clone, Copy)]
pub struct Reported<'a> {
    /// The report, the same however often it is told.
    pub id: &'a str,
    /// The address.
    pub address: &'a str,
    /// Its hashes under each key, the newest first.
    pub hashes: &'a [CodeHash],
    /// What became of the mail.
    pub fate: Fate,
}

fn columns(hashes: &[CodeHash]) -> Vec<&[u8]> {
    hashes.iter().map(<[u8; 32]>::as_slice).collect()
}

/// Takes in what a carrier told us, of each recipient. What was heard before changes nothing.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn report_mail(db: &Db, scope: &LookupScope, reports: &[Reported<'_>], now: Timestamp) -> Result<(), StoreError> {
    let now = at(now);
    let rows: Vec<_> = reports.iter().map(|one| (one.id, one.address, columns(one.hashes), one.fate.key())).collect();
    let mut batch = Batch::write(db, scope);
    for (id, address, hashes, fate) in &rows {
        batch = batch.add(&REPORTED_TO_US, &[id, address, hashes, fate, &now]);
    }
    batch.run().await.map(drop)
}

/// Takes in what a carrier said at once, when it was given a mail.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn note_mail(db: &Db, scope: &PlatformScope, reported: &Reported<'_>, now: Timestamp) -> Result<(), StoreError> {
    let Reported { id, address, hashes, fate } = reported;
    let rows = Batch::write(db, scope).add(&REPORTED_BY_US, &[id, address, &columns(hashes), &fate.key(), &at(now)]).rows().await?;
    only(rows, "events.mail.notice").map(drop)
}

/// The trouble that an address is in, if it is in any.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn mail_standing(
    db: &Db,
    scope: &PlatformScope,
    address: &str,
    hashes: &[CodeHash],
    now: Timestamp,
) -> Result<Option<Trouble>, StoreError> {
    let rows = Batch::write(db, scope).add(&STANDING, &[&address, &columns(hashes), &at(now)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Trouble::parse(row.cell("state")?))
}

/// The trouble that the caller's address is in, and since when.
///
/// # Errors
/// `Unavailable`.
pub async fn own_mail(db: &Db, scope: &LookupScope) -> Result<Option<(Trouble, Timestamp)>, StoreError> {
    let rows = Batch::read(db, scope).add(&MINE, &[]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let state: Option<&str> = row.cell("mail_state")?;
    Ok(state.and_then(Trouble::parse).zip(row.maybe_time("mail_state_since")?))
}
