//! Sessions on record, and what their next access token stands on.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{SessionId, TenantId, UserId},
    identity::mfa::Standing,
    time::Timestamp,
};

use super::{
    Membership, NewNotice, UserRow,
    member::{OWN_MEMBERSHIP, own_profile},
    mfa::standing::{OWN_STANDING, read_standing},
};
use crate::{
    Db, Described, LookupScope, PlatformScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const TOUCH: Statement<LookupScope> = Statement::new(
    "identity.session_context.touch",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* identity.session_context.touch */ SELECT touch_own_session($1, $2) AS life",
);

const LIST: Statement<LookupScope> = Statement::new(
    "identity.list_sessions",
    &[Type::TIMESTAMPTZ],
    &[
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT_ARRAY,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
    ],
    "/* identity.list_sessions */ SELECT * FROM own_sessions($1)",
);

const END: Statement<LookupScope> = Statement::new(
    "identity.end_sessions",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    &[Type::UUID, Type::UUID],
    "/* identity.end_sessions */ SELECT * FROM end_own_sessions($1, $2, $3, $4)",
);

const END_REUSED: Statement<LookupScope> = Statement::new(
    "identity.end_reused_session",
    &[Type::UUID, Type::UUID, Type::JSONB, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.end_reused_session */ SELECT owe_notice($2, $3, $4) AS told FROM end_own_sessions($1, NULL, 'refresh_token_reused', $4)",
);

const ENDED: Statement<PlatformScope> = Statement::new(
    "identity.ended_sessions",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::UUID, Type::UUID],
    "/* identity.ended_sessions */ SELECT id, tenant_id FROM sessions WHERE user_id = $1 AND ended_at = $2 ORDER BY tenant_id, id",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[TOUCH.described(), LIST.described(), END.described(), END_REUSED.described(), ENDED.described()];

/// How a session is, on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It lives; or none was asked about.
    Lives,
    /// It was ended.
    Ended,
    /// It lasted as long as its tenant's settings let it.
    Expired,
}

impl Life {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(match row.cell("life")? {
            "lives" => Self::Lives,
            "expired" => Self::Expired,
            _ => Self::Ended,
        })
    }
}

/// What a new access token stands on.
#[derive(Debug, Clone)]
pub struct SessionContext {
    /// The person.
    pub user: UserRow,
    /// Whether the person is suspended everywhere.
    pub user_suspended: bool,
    /// The membership in the tenant asked for.
    pub membership: Option<Membership>,
    /// How the session that was seen is, on record.
    pub life: Life,
    /// Where they stand with second factors there, whatever their device.
    pub standing: Standing,
}

/// Answers what an access token for a tenant stands on, and notes that a session was seen. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn session_context(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    tenant_id: TenantId,
    seen: Option<SessionId>,
    now: Timestamp,
) -> Result<Option<SessionContext>, StoreError> {
    let scope = scope.of(user_id);
    let (tenant_id, seen, now) = (tenant_id.uuid(), seen.map(SessionId::uuid), at(now));
    let batch = if seen.is_some() { Batch::write(db, &scope) } else { Batch::read(db, &scope) };
    let batch = batch.add(&own_profile(), &[]).add(&OWN_MEMBERSHIP, &[&tenant_id]).add(&OWN_STANDING, &[&tenant_id, &now]);
    let batch = if seen.is_some() { batch.add(&TOUCH, &[&seen, &now]) } else { batch };
    let mut answers = batch.run().await?;
    let (profile, membership, standing) = (answers.take(), answers.take(), answers.take());
    let touched = answers.take();
    let Some(row) = profile.first() else { return Ok(None) };
    Ok(Some(SessionContext {
        user: UserRow::read(row)?,
        user_suspended: row.cell("user_suspended")?,
        membership: membership.first().map(Membership::read).transpose()?,
        life: touched.first().map_or(Ok(Life::Lives), Life::read)?,
        standing: read_standing(&only(standing, "identity.own_standing")?)?,
    }))
}

/// A live session, as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Identifier.
    pub id: SessionId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Name of the device.
    pub device_name: Option<String>,
    /// Client address at sign-in.
    pub ip: Option<String>,
    /// Country at sign-in.
    pub country: Option<String>,
    /// User agent at sign-in.
    pub user_agent: Option<String>,
    /// Authentication methods.
    pub amr: Vec<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_seen_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
}

impl SessionRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            tenant_id: row.id("tenant_id")?,
            device_name: row.cell("device_name")?,
            ip: row.cell("ip")?,
            country: row.cell("country")?,
            user_agent: row.cell("user_agent")?,
            amr: row.cell("amr")?,
            created_at: row.time("created_at")?,
            last_seen_at: row.time("last_seen_at")?,
            expires_at: row.time("expires_at")?,
        })
    }
}

/// A person's live sessions over all tenants, the most recently used first; at most 200.
///
/// # Errors
/// `Unavailable`.
pub async fn list_sessions(db: &Db, scope: &LookupScope, user_id: UserId, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
    let scope = scope.of(user_id);
    let rows = Batch::read(db, &scope).add(&LIST, &[&at(now)]).rows().await?;
    rows.iter().map(SessionRow::read).collect()
}

/// Which of a person's sessions to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All but this one.
    Others(SessionId),
    /// All.
    All,
}

/// A session that has just ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedSession {
    /// Identifier.
    pub id: SessionId,
    /// Its tenant.
    pub tenant_id: TenantId,
}

/// Ends a person's sessions on record, over all tenants, each with its event `session.revoked`. Ending again ends nothing.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn end_sessions(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    which: Which,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<EndedSession>, StoreError> {
    let scope = scope.of(user_id);
    let (only, kept) = match which {
        Which::One(id) => (Some(id.uuid()), None),
        Which::Others(id) => (None, Some(id.uuid())),
        Which::All => (None, None),
    };
    let rows = Batch::write(db, &scope).add(&END, &[&only, &kept, &reason, &at(now)]).rows().await?;
    rows.iter().map(|row| Ok(EndedSession { id: row.id("id")?, tenant_id: row.id("tenant_id")? })).collect()
}

/// Ends on record a session whose spent refresh token came back, and owes its person the notice; both once. Answers the row
/// to enqueue, if the session had not ended before.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn end_reused_session(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    session_id: SessionId,
    notice: &NewNotice,
) -> Result<Option<Queued>, StoreError> {
    let scope = scope.of(user_id);
    let params = notice.params()?;
    let [id, told, now] = params.owe();
    let rows = Batch::write(db, &scope).add(&END_REUSED, &[&session_id.uuid(), id, told, now]).rows().await?;
    Ok((!rows.is_empty()).then(|| notice.queued()))
}

/// A person's sessions that ended on record at an instant, by tenant.
///
/// # Errors
/// `Unavailable`.
pub async fn ended_sessions(db: &Db, scope: &PlatformScope, user_id: UserId, ended_at: Timestamp) -> Result<Vec<EndedSession>, StoreError> {
    let rows = Batch::read(db, scope).add(&ENDED, &[&user_id.uuid(), &at(ended_at)]).rows().await?;
    rows.iter().map(|row| Ok(EndedSession { id: row.id("id")?, tenant_id: row.id("tenant_id")? })).collect()
}
