//! Members' connections to drives elsewhere, with their sealed tokens.

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, SessionId, TenantId, UserId},
    time::Timestamp,
};

use crate::{
    Db, Described, PlatformScope, Scope, StoreError, TenantScope,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const CONNECT: Statement<TenantScope> = Statement::new(
    "integrations.connect",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* integrations.connect */ WITH saved AS ( \
       INSERT INTO integrations (id, tenant_id, user_id, provider, tokens_sealed, expires_at, renew_at, created_at, updated_at) \
       SELECT $1, app_tenant_id(), app_user_id(), $3, $4, $5, $6, $8, $8 WHERE own_session_goes_on($2, $8) \
       ON CONFLICT (tenant_id, user_id, provider) WHERE status <> 'ending' DO UPDATE \
         SET status = 'active', tokens_sealed = excluded.tokens_sealed, expires_at = excluded.expires_at, renew_at = excluded.renew_at \
       RETURNING id, user_id, provider), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT $7, app_tenant_id(), 'integration.connected', \
         jsonb_build_object('integration_id', id, 'user_id', user_id, 'provider', provider), user_id, app_request_id(), $8 FROM saved) \
     SELECT EXISTS (SELECT FROM saved) AS saved",
);

const LIST: Statement<TenantScope> = Statement::new(
    "integrations.list",
    &[],
    &[Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* integrations.list */ SELECT provider, status, created_at FROM integrations WHERE status <> 'ending'",
);

const FIND: Statement<TenantScope> = Statement::new(
    "integrations.find",
    &[Type::TEXT],
    &[Type::UUID, Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* integrations.find */ SELECT id, tenant_id, user_id, provider, status, tokens_sealed, expires_at FROM integrations \
     WHERE provider = $1 AND status <> 'ending'",
);

const DISCONNECT: Statement<TenantScope> = Statement::new(
    "integrations.disconnect",
    &[Type::TEXT, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* integrations.disconnect */ WITH ended AS ( \
       UPDATE integrations SET status = 'ending', updated_at = $4 WHERE provider = $1 AND status <> 'ending' RETURNING id, user_id, provider), \
     owed AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT $2, app_tenant_id(), 'integrations.revoke', 'jobs', jsonb_build_object('kind', 'integrations.revoke', 'integration_id', id), \
         $4, $4 + interval '30 seconds' FROM ended), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT $3, app_tenant_id(), 'integration.disconnected', \
         jsonb_build_object('integration_id', id, 'user_id', user_id, 'provider', provider), user_id, app_request_id(), $4 FROM ended) \
     SELECT EXISTS (SELECT FROM ended) AS ended",
);

const DUE: Statement<PlatformScope> = Statement::new(
    "integrations.owe_renewals",
    &[Type::TIMESTAMPTZ, Type::INT8],
    &[Type::UUID, Type::UUID],
    "/* integrations.owe_renewals */ WITH due AS MATERIALIZED ( \
       SELECT id, tenant_id FROM integrations WHERE status = 'active' AND renew_at <= $1 ORDER BY renew_at LIMIT $2 FOR UPDATE SKIP LOCKED), \
     moved AS (UPDATE integrations i SET renew_at = $1 + interval '15 minutes' FROM due WHERE i.id = due.id) \
     INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
     SELECT make_uuid_v7($1), tenant_id, 'integrations.renew', 'jobs', jsonb_build_object('kind', 'integrations.renew', 'integration_id', id), \
       $1, $1 + interval '30 seconds' FROM due \
     RETURNING id, tenant_id",
);

const LOAD: Statement<PlatformScope> = Statement::new(
    "integrations.load",
    &[Type::UUID],
    &[Type::UUID, Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::BOOL],
    "/* integrations.load */ SELECT i.id, i.tenant_id, i.user_id, i.provider, i.status, i.tokens_sealed, i.expires_at, \
       EXISTS (SELECT FROM user_roles m WHERE m.tenant_id = i.tenant_id AND m.user_id = i.user_id) AS is_member \
     FROM integrations i WHERE i.id = $1",
);

const FORGET: Statement<PlatformScope> =
    Statement::new("integrations.forget", &[Type::UUID], &[], "/* integrations.forget */ DELETE FROM integrations WHERE id = $1");

/// New tokens in place of those that were renewed; whoever lost to a twin changes nothing.
const fn renewed<S>() -> Statement<S> {
    Statement::new(
        "integrations.renewed",
        &[Type::UUID, Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
        &[],
        "/* integrations.renewed */ UPDATE integrations SET tokens_sealed = $3, expires_at = $4, renew_at = $5 \
         WHERE id = $1 AND tokens_sealed = $2 AND status = 'active'",
    )
}

const fn broke<S>() -> Statement<S> {
    Statement::new(
        "integrations.broke",
        &[Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
        &[],
        "/* integrations.broke */ UPDATE integrations SET status = 'broken', updated_at = $3 WHERE id = $1 AND tokens_sealed = $2 AND status = 'active'",
    )
}

/// This module's statements.
pub const STATEMENTS: &[Described] = &[
    CONNECT.described(),
    LIST.described(),
    FIND.described(),
    DISCONNECT.described(),
    DUE.described(),
    LOAD.described(),
    FORGET.described(),
    renewed::<PlatformScope>().described(),
    broke::<PlatformScope>().described(),
];

/// A connection that was just allowed.
#[derive(Clone)]
pub struct NewIntegration {
    /// Identifier, if there is none yet.
    pub id: Uuid,
    /// The provider's key.
    pub provider: &'static str,
    /// The session that asked for it.
    pub session_id: SessionId,
    /// The sealed tokens.
    pub tokens: SealedTokens,
    /// Identifier of the event.
    pub event_id: EventId,
    /// The instant.
    pub now: Timestamp,
}

/// Tokens as they are kept.
#[derive(Clone)]
pub struct SealedTokens {
    /// The sealed tokens.
    pub sealed: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// When it is to be renewed.
    pub renew_at: Timestamp,
}

/// Keeps a connection for the scope's person, in place of an earlier one at the provider. False if the session that asked
/// for it has ended, or its person is no member any more.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn connect(db: &Db, scope: &TenantScope, new: &NewIntegration) -> Result<bool, StoreError> {
    let tokens = &new.tokens;
    let rows = Batch::write(db, scope)
        .add(
            &CONNECT,
            &[
                &new.id,
                &new.session_id.uuid(),
                &new.provider,
                &tokens.sealed,
                &at(tokens.expires_at),
                &at(tokens.renew_at),
                &new.event_id.uuid(),
                &at(new.now),
            ],
        )
        .rows()
        .await?;
    only(rows, "integrations.connect")?.cell("saved")
}

/// A connection, as its owner sees it.
#[derive(Debug, Clone)]
pub struct IntegrationRow {
    /// The provider's key.
    pub provider: String,
    /// `active` or `broken`.
    pub status: String,
    /// When it was first connected.
    pub created_at: Timestamp,
}

/// The connections of the scope's person.
///
/// # Errors
/// `Unavailable`.
pub async fn list(db: &Db, scope: &TenantScope) -> Result<Vec<IntegrationRow>, StoreError> {
    let rows = Batch::read(db, scope).add(&LIST, &[]).rows().await?;
    rows.iter()
        .map(|row| Ok(IntegrationRow { provider: row.cell("provider")?, status: row.cell("status")?, created_at: row.time("created_at")? }))
        .collect()
}

/// A connection with its sealed tokens.
#[derive(Clone)]
pub struct Integration {
    /// Identifier.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Whose it is.
    pub user_id: UserId,
    /// The provider's key.
    pub provider: String,
    /// `active`, `broken` or `ending`.
    pub status: String,
    /// The sealed tokens.
    pub sealed: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
}

impl Integration {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.cell("id")?,
            tenant_id: row.id("tenant_id")?,
            user_id: row.id("user_id")?,
            provider: row.cell("provider")?,
            status: row.cell("status")?,
            sealed: row.cell("tokens_sealed")?,
            expires_at: row.time("expires_at")?,
        })
    }
}

/// The connection of the scope's person to a provider.
///
/// # Errors
/// `Unavailable`.
pub async fn find(db: &Db, scope: &TenantScope, provider: &str) -> Result<Option<Integration>, StoreError> {
    let rows = Batch::read(db, scope).add(&FIND, &[&provider]).rows().await?;
    rows.first().map(Integration::read).transpose()
}

/// Ends the connection of the scope's person to a provider; its revocation is owed, as the row to be enqueued.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn disconnect(
    db: &Db,
    scope: &TenantScope,
    provider: &str,
    outbox_id: OutboxId,
    event_id: EventId,
    now: Timestamp,
) -> Result<Option<Queued>, StoreError> {
    let rows = Batch::write(db, scope).add(&DISCONNECT, &[&provider, &outbox_id.uuid(), &event_id.uuid(), &at(now)]).rows().await?;
    let ended: bool = only(rows, "integrations.disconnect")?.cell("ended")?;
    Ok(ended.then(|| job(outbox_id, scope.tenant_id(), "integrations.revoke")))
}

/// Owes the renewal of connections whose time has come, `most` at once; answers the rows to be enqueued.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn owe_renewals(db: &Db, scope: &PlatformScope, most: i64, now: Timestamp) -> Result<Vec<Queued>, StoreError> {
    let rows = Batch::write(db, scope).add(&DUE, &[&at(now), &most]).rows().await?;
    rows.iter().map(|row| Ok(job(row.id("id")?, row.id("tenant_id")?, "integrations.renew"))).collect()
}

fn job(id: OutboxId, tenant_id: TenantId, kind: &str) -> Queued {
    Queued { id, tenant_id, kind: kind.to_owned(), queue: Queue::Jobs }
}

/// A connection for a job, and whether its owner is still a member.
///
/// # Errors
/// `Unavailable`.
pub async fn load(db: &Db, scope: &PlatformScope, id: Uuid) -> Result<Option<(Integration, bool)>, StoreError> {
    let rows = Batch::read(db, scope).add(&LOAD, &[&id]).rows().await?;
    rows.first().map(|row| Ok((Integration::read(row)?, row.cell("is_member")?))).transpose()
}

/// Keeps renewed tokens, unless somebody else renewed them meanwhile.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn keep_renewed<S: Scope>(db: &Db, scope: &S, integration: &Integration, tokens: &SealedTokens) -> Result<(), StoreError> {
    let (expires_at, renew_at) = (at(tokens.expires_at), at(tokens.renew_at));
    let params: [crate::batch::Param<'_>; 5] = [&integration.id, &integration.sealed, &tokens.sealed, &expires_at, &renew_at];
    Batch::write(db, scope).add(&renewed(), &params).run().await.map(drop)
}

/// Notes that the provider does not take a connection's refresh token any more.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn mark_broken<S: Scope>(db: &Db, scope: &S, integration: &Integration, now: Timestamp) -> Result<(), StoreError> {
    Batch::write(db, scope).add(&broke(), &[&integration.id, &integration.sealed, &at(now)]).run().await.map(drop)
}

/// Forgets a connection that was revoked.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn forget(db: &Db, scope: &PlatformScope, id: Uuid) -> Result<(), StoreError> {
    Batch::write(db, scope).add(&FORGET, &[&id]).run().await.map(drop)
}
