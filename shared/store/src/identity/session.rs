//! Sessions on record, and what their next access token stands on.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{SessionId, TenantId, UserId},
    time::Timestamp,
};

use super::{
    Membership, UserRow,
    member::{OWN_MEMBERSHIP, own_profile},
};
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

const TOUCH: Statement<LookupScope> = Statement::new(
    "identity.session_context.touch",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.session_context.touch */ SELECT touch_own_session($1, $2)",
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

/// This module's statements.
pub const STATEMENTS: &[Described] = &[TOUCH.described(), LIST.described(), END.described()];

/// What a new access token stands on.
#[derive(Debug, Clone)]
pub struct SessionContext {
    /// The person.
    pub user: UserRow,
    /// Whether the person is suspended everywhere.
    pub user_suspended: bool,
    /// The membership in the tenant asked for.
    pub membership: Option<Membership>,
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
    let batch = batch.add(&own_profile(), &[]).add(&OWN_MEMBERSHIP, &[&tenant_id]);
    let batch = if seen.is_some() { batch.add(&TOUCH, &[&seen, &now]) } else { batch };
    let mut answers = batch.run().await?;
    let (profile, membership) = (answers.take(), answers.take());
    let Some(row) = profile.first() else { return Ok(None) };
    Ok(Some(SessionContext {
        user: UserRow::read(row)?,
        user_suspended: row.cell("user_suspended")?,
        membership: membership.first().map(Membership::read).transpose()?,
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
