//! Addresses that mail does not reach, or whose owners want none. They are known by keyed hashes, which the caller makes.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{OutboxId, TenantId},
    mail::{report::Fate, standing::Trouble},
    seal::CodeHash,
    tenancy::settings::Colors,
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

/// The organisation that a mail is sent for, if it has proved who it is: by a mail domain, or by a host that leads to it. Where it has proved
/// several, it goes by the domain of its addresses, and by what it proved first.
const PROVED: Statement<PlatformScope> = Statement::new(
    "events.mail.proved",
    &[Type::UUID, Type::TEXT],
    &[Type::UUID, Type::TEXT, Type::JSONB, Type::TEXT, Type::TEXT, Type::BOOL],
    "/* events.mail.proved */ SELECT t.id, t.name, t.colors, t.logo_url, p.domain, EXISTS ( \
       SELECT FROM users u JOIN user_roles m ON m.user_id = u.id WHERE u.email = $2 AND m.tenant_id = t.id AND m.status = 'active') AS is_member \
     FROM outbox o JOIN tenants t ON t.id = coalesce(nullif(o.tenant_id, '00000000-0000-0000-0000-000000000000'), o.on_behalf_of) \
       AND t.status IN ('active', 'deleting') \
     CROSS JOIN LATERAL ( \
       SELECT domain FROM ( \
         SELECT 1 AS rank, s.domain, s.verified_at FROM sso_domains s WHERE s.tenant_id = t.id AND s.verified_at IS NOT NULL UNION ALL \
         SELECT 2, d.domain, d.verified_at FROM tenant_domains d WHERE d.tenant_id = t.id AND d.kind = 'custom' AND d.status = 'active') every \
       ORDER BY rank, verified_at, domain LIMIT 1) p \
     WHERE o.id = $1",
);

const MINE: Statement<LookupScope> = Statement::new(
    "events.mail.mine",
    &[],
    &[Type::TEXT, Type::TIMESTAMPTZ],
    "/* events.mail.mine */ SELECT mail_state, mail_state_since FROM users WHERE id = app_user_id()",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[REPORTED_TO_US.described(), REPORTED_BY_US.described(), STANDING.described(), PROVED.described(), MINE.described()];

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

pub(crate) fn columns(hashes: &[CodeHash]) -> Vec<&[u8]> {
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

/// An organisation that has proved who it is, as it says that it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The organisation.
    pub tenant_id: TenantId,
    /// What it calls itself.
    pub name: String,
    /// The domain that it has proved to be its own.
    pub domain: String,
    /// Its colours.
    pub colors: Colors,
    /// Where its logo is.
    pub logo_url: Option<String>,
    /// Whether the recipient is a member.
    pub is_member: bool,
}

impl Proved {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            tenant_id: row.id("id")?,
            name: row.cell("name")?,
            domain: row.cell("domain")?,
            // Colours that are none keep no mail from being sent.
            colors: serde_json::from_value(row.cell("colors")?).unwrap_or_default(),
            logo_url: row.cell("logo_url")?,
            is_member: row.cell("is_member")?,
        })
    }
}

/// What a mail must know before it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The trouble that its address is in, if it is in any.
    pub trouble: Option<Trouble>,
    /// For whom it is sent, if that is an organisation that has proved who it is.
    pub proved: Option<Proved>,
}

/// How it stands with the address that a row's mail is for, and with whom the mail is for.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn mail_standing(
    db: &Db,
    scope: &PlatformScope,
    row: OutboxId,
    (address, hashes): (&str, &[CodeHash]),
    now: Timestamp,
) -> Result<Standing, StoreError> {
    let (row, hashes, now) = (row.uuid(), columns(hashes), at(now));
    let batch = Batch::write(db, scope).add(&STANDING, &[&address, &hashes, &now]).add(&PROVED, &[&row, &address]);
    let mut answers = batch.run().await?;
    let (trouble, proved) = (answers.take(), answers.take());
    let trouble = trouble.first().map(|row| row.cell("state")).transpose()?;
    Ok(Standing { trouble: trouble.and_then(Trouble::parse), proved: proved.first().map(Proved::read).transpose()? })
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
