//! Right answers: redeemed at most once, together with what they are good for.

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{ChallengeId, TenantId, TrustedDeviceId, UserId},
    identity::mfa::Factor,
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    identity::{
        NewNotice, SessionRecord,
        notice::owe,
        passkey::PasskeyUse,
        record::{ACTIVITY, CREATED, INSERT},
        sign_in::SUCCEEDED,
    },
    row::at,
    statement::Statement,
};

const REDEEM: Statement<TenantScope> = Statement::new(
    "identity.redeem_answer",
    &[Type::UUID, Type::TEXT, Type::INT8, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::VOID],
    "/* identity.redeem_answer */ SELECT redeem_mfa_answer($1, $2, $3, $4, $5)",
);

const TRUST: Statement<TenantScope> = Statement::new(
    "identity.trust_device",
    &[Type::UUID, Type::BYTEA, Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    &[],
    "/* identity.trust_device */ INSERT INTO trusted_devices (id, user_id, token_hash, name, created_at, last_used_at, expires_at) \
     VALUES ($1, app_user_id(), $2, $3, $4, $4, $5)",
);

const STEPPED_UP: Statement<TenantScope> = Statement::new(
    "identity.redeem_own.activity",
    &[Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    &[],
    "/* identity.redeem_own.activity */ INSERT INTO user_activity (id, tenant_id, user_id, action, ip, details, request_id, created_at) \
     VALUES (make_uuid_v7($3), app_tenant_id(), app_user_id(), 'stepped_up', $1, jsonb_build_object('factor', $2), app_request_id(), $3)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[REDEEM.described(), TRUST.described(), STEPPED_UP.described()];

/// What a right answer uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redemption {
    /// The factor.
    pub factor: Factor,
    /// The step of an authenticator app's code.
    pub step: Option<i64>,
    /// The code, if it is a row.
    pub code: Option<Uuid>,
    /// The use of a passkey.
    pub passkey: Option<PasskeyUse>,
}

/// A device to trust.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Identifier.
    pub id: TrustedDeviceId,
    /// SHA-256 of the token that it holds.
    pub token_hash: [u8; 32],
    /// What it is called; the first 100 characters are kept.
    pub name: Option<String>,
    /// Until when it is trusted.
    pub expires_at: Timestamp,
}

/// What came of a right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// It counted.
    Done,
    /// The challenge was answered at the same moment.
    ChallengeUsed,
    /// The code was used at the same moment.
    CodeUsed,
}

fn redeemed<T>(result: Result<T, StoreError>) -> Result<Redeemed, StoreError> {
    match result {
        Ok(_) => Ok(Redeemed::Done),
        Err(StoreError::Conflict { constraint }) if constraint == "mfa_challenge_once" => Ok(Redeemed::ChallengeUsed),
        Err(StoreError::Conflict { constraint }) if constraint == "mfa_code_once" => Ok(Redeemed::CodeUsed),
        Err(other) => Err(other),
    }
}

/// Redeems a right answer to a challenge and records the sign-in that it ends, with what its owner is told of it; all of it or nothing.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn finish_challenge(
    db: &Db,
    scope: &LookupScope,
    challenge: ChallengeId,
    redemption: Redemption,
    session: &SessionRecord,
    device: Option<&NewDevice>,
    notices: &[NewNotice],
) -> Result<Redeemed, StoreError> {
    let scope = scope.within(session.tenant_id, Some(session.user_id));
    let params = session.params();
    let (challenge, factor, now) = (Some(challenge.uuid()), redemption.factor.key(), at(session.now));
    let device = device.map(|device| {
        let name: Option<String> = device.name.as_ref().map(|name| name.chars().take(100).collect());
        (device.id.uuid(), device.token_hash.as_slice(), name, at(device.expires_at))
    });
    let batch = Batch::write(db, &scope)
        .add(&REDEEM, &[&challenge, &factor, &redemption.step, &redemption.code, &now])
        .add(&INSERT, &params.insert())
        .add(&CREATED, &params.created())
        .add(&ACTIVITY, &params.activity(&"signed_in"))
        .add(&SUCCEEDED, &[&now]);
    let batch = match &device {
        Some((id, hash, name, until)) => batch.add(&TRUST, &[id, hash, name, &now, until]),
        None => batch,
    };
    let passkey = redemption.passkey.map(|passkey| passkey.params(now));
    let batch = match &passkey {
        Some(passkey) => passkey.add(batch),
        None => batch,
    };
    let notices = notices.iter().map(NewNotice::params).collect::<Result<Vec<_>, _>>()?;
    let batch = notices.iter().fold(batch, |batch, notice| batch.add(&owe(), &notice.owe()));
    redeemed(batch.run().await)
}

/// A right answer of somebody who is signed in.
#[derive(Debug, Clone)]
pub struct StepUp<'a> {
    /// Who.
    pub user_id: UserId,
    /// In which tenant; tenant zero where there is none.
    pub home: TenantId,
    /// What the answer uses up.
    pub redemption: Redemption,
    /// Client address.
    pub ip: &'a str,
    /// What the person is told of it.
    pub notice: Option<&'a NewNotice>,
    /// The instant.
    pub now: Timestamp,
}

/// Redeems a right answer of somebody who is signed in, and records that they stepped up.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn redeem_own(db: &Db, scope: &LookupScope, step_up: &StepUp<'_>) -> Result<Redeemed, StoreError> {
    let StepUp { redemption, ip, .. } = step_up;
    let scope = scope.within(step_up.home, Some(step_up.user_id));
    let notice = step_up.notice.map(NewNotice::params).transpose()?;
    let (no_challenge, factor, now) = (None::<Uuid>, redemption.factor.key(), at(step_up.now));
    let batch = Batch::write(db, &scope)
        .add(&REDEEM, &[&no_challenge, &factor, &redemption.step, &redemption.code, &now])
        .add(&STEPPED_UP, &[ip, &factor, &now]);
    let passkey = redemption.passkey.map(|passkey| passkey.params(now));
    let batch = match &passkey {
        Some(passkey) => passkey.add(batch),
        None => batch,
    };
    let batch = match &notice {
        Some(notice) => batch.add(&owe(), &notice.owe()),
        None => batch,
    };
    redeemed(batch.run().await)
}
