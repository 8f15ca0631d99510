//! Signing in with a password.

use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, TenantId, TrustedDeviceId, UserId},
    identity::{mfa::Standing, risk::history::History},
    time::Timestamp,
};

use super::{
    Membership, NewNotice, SessionRecord, UserRow,
    mfa::{Arrival, standing::read_standing},
    notice::owe,
    passkey::PasskeyUse,
    record::{ACTIVITY, CREATED, INSERT},
    rehash::Rehash,
    risk::read_history,
};
use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const FIND: Statement<LookupScope> = Statement::new(
    "identity.find_credentials",
    &[Type::TEXT, Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ, Type::TEXT],
    &[
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
        Type::TEXT,
        Type::INT4,
        Type::TIMESTAMPTZ,
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
        Type::TEXT_ARRAY,
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::JSONB,
    ],
    "/* identity.find_credentials */ SELECT (c.profile).*, c.password_hash, c.failed_sign_ins, c.locked_until, (c.membership).*, \
     tenant_facts((c.membership).tenant_id) AS tenant_facts, s.*, \
     sign_in_history((c.profile).id, $2, $5, $4) AS history \
     FROM find_credentials($1, $2) c CROSS JOIN LATERAL mfa_standing((c.profile).id, $2, $3, $4) s",
);

/// No failures stand in a row any more.
pub const SUCCEEDED: Statement<TenantScope> = Statement::new(
    "identity.record_sign_in.user",
    &[Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.record_sign_in.user */ SELECT sign_in_succeeded($1)",
);

const DEVICE_USED: Statement<TenantScope> = Statement::new(
    "identity.record_sign_in.device",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[],
    "/* identity.record_sign_in.device */ UPDATE trusted_devices SET last_used_at = $2 WHERE id = $1 AND user_id = app_user_id()",
);

const FAILED: Statement<TenantScope> = Statement::new(
    "identity.record_sign_in_failure",
    &[Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.record_sign_in_failure */ SELECT mailed FROM sign_in_failed($1, $2, $3)",
);

const FAILED_EVENT: Statement<TenantScope> = Statement::new(
    "identity.record_sign_in_failure.event",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    &[],
    "/* identity.record_sign_in_failure.event */ INSERT INTO security_events (id, tenant_id, kind, user_id, ip, details, request_id, created_at) \
     VALUES ($1, app_tenant_id(), 'sign_in.failed', $2, $3, jsonb_build_object('account', $4), app_request_id(), $5)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[FIND.described(), SUCCEEDED.described(), DEVICE_USED.described(), FAILED.described(), FAILED_EVENT.described()];

/// What a password sign-in must know about an address.
#[derive(Clone)]
pub struct Credentials {
    /// The person.
    pub user: UserRow,
    /// Whether the person is suspended everywhere.
    pub user_suspended: bool,
    /// PHC string; `None` for somebody without a password.
    pub password_hash: Option<String>,
    /// Wrong passwords in a row.
    pub failed_sign_ins: i32,
    /// Until when no password is accepted.
    pub locked_until: Option<Timestamp>,
    /// The membership in the tenant asked for.
    pub membership: Option<Membership>,
    /// Where they stand with second factors there.
    pub standing: Standing,
    /// What this sign-in is compared with.
    pub history: History,
}

/// Finds an address's account, with the membership in a tenant and where its owner stands with second factors.
///
/// # Errors
/// `Unavailable`.
pub async fn find_credentials(db: &Db, scope: &LookupScope, email: &str, arrival: &Arrival) -> Result<Option<Credentials>, StoreError> {
    let device = arrival.device_hash.as_ref().map(<[u8; 32]>::as_slice);
    let rows = Batch::read(db, scope).add(&FIND, &[&email, &arrival.home.uuid(), &device, &at(arrival.now), &arrival.client()]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Credentials {
        user: UserRow::read(row)?,
        user_suspended: row.cell("user_suspended")?,
        password_hash: row.cell("password_hash")?,
        failed_sign_ins: row.cell("failed_sign_ins")?,
        locked_until: row.maybe_time("locked_until")?,
        membership: Membership::maybe(row)?,
        standing: read_standing(row)?,
        history: read_history(row)?,
    }))
}

/// A sign-in that succeeded.
#[derive(Clone)]
pub struct SignIn<'a> {
    /// The session that it began.
    pub session: &'a SessionRecord,
    /// A hash with newer parameters, where the stored one is weak.
    pub rehash: Option<Rehash>,
    /// The trusted device that stood in for a second factor.
    pub device: Option<TrustedDeviceId>,
    /// The passkey that signed in.
    pub passkey: Option<PasskeyUse>,
    /// What its owner is told of it.
    pub notice: Option<NewNotice>,
}

/// Records a sign-in: the session, its event, the activity, and that no failures stand in a row any more.
///
/// # Errors
/// `Unavailable`, `Retry`; `Conflict` if the session is on record already.
pub async fn record_sign_in(db: &Db, scope: &LookupScope, sign_in: &SignIn<'_>) -> Result<(), StoreError> {
    let session = sign_in.session;
    let scope = scope.within(session.tenant_id, Some(session.user_id));
    let params = session.params();
    let (device, now) = (sign_in.device.map(TrustedDeviceId::uuid), at(session.now));
    let batch = Batch::write(db, &scope)
        .add(&INSERT, &params.insert())
        .add(&CREATED, &params.created())
        .add(&ACTIVITY, &params.activity(&"signed_in"))
        .add(&SUCCEEDED, &[&now]);
    let batch = match &sign_in.rehash {
        Some(rehash) => rehash.add(batch),
        None => batch,
    };
    let batch = if device.is_some() { batch.add(&DEVICE_USED, &[&device, &now]) } else { batch };
    let passkey = sign_in.passkey.map(|passkey| passkey.params(now));
    let batch = match &passkey {
        Some(passkey) => passkey.add(batch),
        None => batch,
    };
    let notice = sign_in.notice.as_ref().map(NewNotice::params).transpose()?;
    let batch = match &notice {
        Some(notice) => batch.add(&owe(), &notice.owe()),
        None => batch,
    };
    batch.run().await.map(drop)
}

/// A sign-in that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Whose account; `None` for an unknown address.
    pub user_id: Option<UserId>,
    /// A keyed hash of the address, to see attempts on one account without the address.
    pub account: String,
    /// Where it was tried.
    pub tenant_id: TenantId,
    /// Client address.
    pub ip: Option<String>,
    /// Identifier of the security event.
    pub event_id: EventId,
    /// Identifier of the outbox row, if the account's owner is to be told.
    pub outbox_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

/// Counts a failed sign-in and records it. From the tenth in a row the account is locked, a minute doubling to an hour;
/// when the first such lock begins, its owner is owed a mail. An unknown address costs the same statements.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn record_sign_in_failure(db: &Db, scope: &LookupScope, failure: &Failure) -> Result<Option<Queued>, StoreError> {
    let scope = scope.within(failure.tenant_id, None);
    let user_id = failure.user_id.map(UserId::uuid);
    let now = at(failure.now);
    let mut answers = Batch::write(db, &scope)
        .add(&FAILED, &[&user_id, &failure.outbox_id.uuid(), &now])
        .add(&FAILED_EVENT, &[&failure.event_id.uuid(), &user_id, &failure.ip, &failure.account, &now])
        .run()
        .await?;
    let mailed: bool = only(answers.take(), "identity.record_sign_in_failure")?.cell("mailed")?;
    Ok(mailed.then(|| Queued { id: failure.outbox_id, tenant_id: TenantId::PLATFORM, kind: "mail.account_locked".to_owned(), queue: Queue::Mail }))
}
