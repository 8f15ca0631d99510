//! How odd a sign-in is: what it is compared with, and what is recorded of one that is refused.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{ChallengeId, EventId, TenantId, UserId},
    identity::{
        notice::Reason,
        risk::{Assessment, history::History},
    },
    time::Timestamp,
};

use super::{MailProfile, NewNotice, notice::owe};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError, TenantScope,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

const REFUSED: Statement<TenantScope> = Statement::new(
    "identity.refuse_sign_in",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::INT4, Type::TEXT_ARRAY, Type::TIMESTAMPTZ],
    &[],
    "/* identity.refuse_sign_in */ INSERT INTO security_events \
     (id, tenant_id, kind, severity, user_id, ip, country, details, request_id, created_at) \
     VALUES ($1, app_tenant_id(), 'sign_in.refused', 'critical', $2, $3, $4, jsonb_build_object('score', $5, 'reasons', $6), app_request_id(), $7)",
);

const CODE: Statement<PlatformScope> = Statement::new(
    "identity.begin_sign_in_code",
    &[Type::UUID, Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::BOOL, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::TEXT_ARRAY],
    "/* identity.begin_sign_in_code */ WITH open AS ( \
       UPDATE mfa_challenges SET mail_code_hash = $3 WHERE id = $1 AND user_id = $2 AND consumed_at IS NULL AND expires_at > $4 \
       RETURNING user_id, reasons) \
     SELECT u.email, u.email_verified_at IS NOT NULL AS email_verified, u.first_name, u.locale, u.locked_until, o.reasons \
     FROM open o JOIN users u ON u.id = o.user_id AND u.status = 'active'",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[REFUSED.described(), CODE.described()];

/// The history in the column of that name.
pub fn read_history(row: &Row) -> Result<History, StoreError> {
    let history: serde_json::Value = row.cell("history")?;
    serde_json::from_value(history).map_err(|error| StoreError::Bug(format!("sign_in_history: {error}")))
}

/// The reasons in the column of that name.
pub fn read_reasons(row: &Row) -> Result<Vec<Reason>, StoreError> {
    let names: Vec<&str> = row.cell("reasons")?;
    names.into_iter().map(|name| Reason::from_key(name).ok_or_else(|| StoreError::Bug(format!("no reason {name}")))).collect()
}

/// A sign-in that is refused for being odd, whatever was proved.
#[derive(Debug, Clone)]
pub struct Refusal<'a> {
    /// Whose account.
    pub user_id: UserId,
    /// Where it was tried.
    pub home: TenantId,
    /// How odd.
    pub assessment: &'a Assessment,
    /// Client address.
    pub ip: &'a str,
    /// Country of the client address.
    pub country: Option<&'a str>,
    /// Identifier of the security event.
    pub event_id: EventId,
    /// What the owner is told.
    pub notice: NewNotice,
    /// The instant.
    pub now: Timestamp,
}

/// Records a refusal as a security event, and owes the account's owner a mail.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn refuse_sign_in(db: &Db, scope: &LookupScope, refusal: &Refusal<'_>) -> Result<Queued, StoreError> {
    let scope = scope.within(refusal.home, Some(refusal.user_id));
    let notice = refusal.notice.params()?;
    let score = i32::from(refusal.assessment.score);
    Batch::write(db, &scope)
        .add(
            &REFUSED,
            &[&refusal.event_id.uuid(), &refusal.user_id.uuid(), &refusal.ip, &refusal.country, &score, &refusal.assessment.keys(), &at(refusal.now)],
        )
        .add(&owe(), &notice.owe())
        .run()
        .await?;
    Ok(refusal.notice.queued())
}

/// Keeps the hash of a code that is about to be mailed for a challenge; answers whom to, and what was odd. `None` if the challenge is over.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn begin_sign_in_code(
    db: &Db,
    scope: &PlatformScope,
    user_id: UserId,
    challenge: ChallengeId,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(MailProfile, Vec<Reason>)>, StoreError> {
    let rows = Batch::write(db, scope).add(&CODE, &[&challenge.uuid(), &user_id.uuid(), &hash.as_slice(), &at(now)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some((MailProfile::read(row)?, read_reasons(row)?)))
}
