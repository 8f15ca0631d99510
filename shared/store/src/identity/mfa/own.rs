//! Answers of somebody who is signed in, and gives a second factor again.

use tokio_postgres::types::Type;
use zygo_core::{
    id::{TenantId, UserId},
    identity::mfa::Factor,
};

use super::{
    Answered, Evidence, Given,
    answer::{queued, slices},
    standing::read_factors,
};
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    identity::{
        Membership, UserRow,
        passkey::{CeremonyOutcome, ceremony::run_before},
    },
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

const ANSWER_OWN: Statement<LookupScope> = Statement::new(
    "identity.answer_own",
    &[Type::UUID, Type::TEXT, Type::BYTEA_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    &[
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::BOOL,
        Type::TEXT_ARRAY,
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
    "/* identity.answer_own */ SELECT a.outcome, a.wait_until, a.mailed, a.factors, a.totp_sealed, a.totp_step, a.sms_id, a.sms_hash, \
     a.backup_id, (a.profile).*, (a.membership).*, tenant_facts((a.membership).tenant_id) AS tenant_facts \
     FROM answer_own_mfa($1, $2, $3, $4, $5) a",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[ANSWER_OWN.described()];

/// An answer that was taken of somebody who is signed in.
pub struct Own {
    /// What they have set up.
    pub factors: Vec<Factor>,
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

/// Counts an answer of somebody who is signed in, and answers what to compare it with.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn answer_own(db: &Db, scope: &LookupScope, user_id: UserId, home: TenantId, given: &Given<'_>) -> Result<Answered<Own>, StoreError> {
    let scope = scope.of(user_id);
    let hashes = slices(given.backup_hashes);
    let mut answers = run_before(
        Batch::write(db, &scope).add(&ANSWER_OWN, &[&home.uuid(), &given.factor.key(), &hashes, &given.outbox_id.uuid(), &at(given.now)]),
        given.passkey.as_ref(),
    )
    .await?;
    let rows = answers.take();
    let passkey = given.passkey.map(|_| CeremonyOutcome::read(answers.take())).transpose()?;
    let row = match rows.first() {
        Some(row) if row.cell::<&str>("outcome")? != "none" => row,
        _ => return Ok(Answered::Nothing),
    };
    if row.cell::<&str>("outcome")? == "locked" {
        return Ok(Answered::Locked(row.time("wait_until")?));
    }
    Ok(Answered::Taken(Box::new(Own {
        factors: read_factors(row, "factors")?,
        evidence: Evidence::read(row, passkey)?,
        user: UserRow::read(row)?,
        user_suspended: row.cell("user_suspended")?,
        membership: Membership::maybe(row)?,
        queued: queued(row, given)?,
    })))
}
