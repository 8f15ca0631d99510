//! The tokens of a directory's connection, as its administrators see them.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{ScimConnectionId, ScimTokenId},
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    access::actor,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const LIST: Statement<TenantScope> = Statement::new(
    "identity.scim_tokens",
    &[Type::UUID],
    &[Type::BOOL, Type::UUID, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    "/* identity.scim_tokens */ SELECT true AS known, t.id, t.expires_at, t.last_used_at, t.created_at \
     FROM scim_connections c LEFT JOIN scim_tokens t ON t.tenant_id = c.tenant_id AND t.connection_id = c.id \
     WHERE c.tenant_id = app_tenant_id() AND c.id = $1 ORDER BY t.created_at, t.id",
);

/// $1 token, $2 connection, $3 hash, $4 expiry, $5 most, $6 now, $7 plans. Tokens that have run out make room.
const ISSUE: Statement<TenantScope> = Statement::new(
    "identity.issue_scim_token",
    &[Type::UUID, Type::UUID, Type::BYTEA, Type::TIMESTAMPTZ, Type::INT8, Type::TIMESTAMPTZ, Type::JSONB],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    concat!(
        "/* identity.issue_scim_token */ WITH ",
        actor!(),
        ", plan AS (SELECT plan_limit(app_tenant_id(), 'sso', $7) IS DISTINCT FROM 0 AS covered), \
         target AS (SELECT c.id, coalesce(a.level >= c.level, false) AS below FROM scim_connections c LEFT JOIN actor a ON true \
           WHERE c.tenant_id = app_tenant_id() AND c.id = $2), \
         past AS (DELETE FROM scim_tokens t USING target, plan WHERE below AND covered AND t.tenant_id = app_tenant_id() \
           AND t.connection_id = target.id AND t.expires_at <= $6), \
         room AS (SELECT count(*) < $5 AS fits FROM scim_tokens t WHERE t.tenant_id = app_tenant_id() AND t.connection_id = $2 \
           AND (t.expires_at IS NULL OR t.expires_at > $6)), \
         made AS (INSERT INTO scim_tokens (id, tenant_id, connection_id, token_hash, expires_at, created_at) \
           SELECT $1, app_tenant_id(), target.id, $3, $4, $6 FROM target, plan, room WHERE below AND covered AND fits RETURNING id), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($6), app_tenant_id(), 'scim_token.issued', jsonb_build_object('connection_id', $2, 'token_id', id), app_user_id(), \
             app_request_id(), $6 FROM made) \
         SELECT covered, below, fits, EXISTS (SELECT FROM made) AS made FROM target, plan, room"
    ),
);

const REVOKE: Statement<TenantScope> = Statement::new(
    "identity.revoke_scim_token",
    &[Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    concat!(
        "/* identity.revoke_scim_token */ WITH ",
        actor!(),
        ", target AS (SELECT t.id, coalesce(a.level >= c.level, false) AS below FROM scim_tokens t JOIN scim_connections c ON c.tenant_id = t.tenant_id \
           AND c.id = t.connection_id LEFT JOIN actor a ON true WHERE t.tenant_id = app_tenant_id() AND t.connection_id = $1 AND t.id = $2), \
         gone AS (DELETE FROM scim_tokens t USING target WHERE below AND t.tenant_id = app_tenant_id() AND t.id = target.id RETURNING t.id), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($3), app_tenant_id(), 'scim_token.revoked', jsonb_build_object('connection_id', $1, 'token_id', id), app_user_id(), \
             app_request_id(), $3 FROM gone) \
         SELECT below FROM target"
    ),
);

/// Nothing but the guard.
const CHECK: Statement<TenantScope> =
    Statement::new("identity.check_scim_token", &[], &[Type::BOOL], "/* identity.check_scim_token */ SELECT true AS good");

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), ISSUE.described(), REVOKE.described(), CHECK.described()];

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Identifier.
    pub id: ScimTokenId,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Timestamp>,
    /// When it was issued.
    pub created_at: Timestamp,
}

impl TokenRow {
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(id) = row.cell::<Option<uuid::Uuid>>("id")? else { return Ok(None) };
        Ok(Some(Self {
            id: id.into(),
            expires_at: row.maybe_time("expires_at")?,
            last_used_at: row.maybe_time("last_used_at")?,
            created_at: row.time("created_at")?,
        }))
    }
}

/// A token about to be issued.
pub struct NewToken {
    /// Identifier.
    pub id: ScimTokenId,
    /// Its connection.
    pub connection: ScimConnectionId,
    /// What is stored of it.
    pub hash: [u8; 32],
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// What each plan says of sign-on.
    pub by_plan: serde_json::Value,
    /// The instant.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// It is good now; or it is gone.
    Done,
    /// There is no such connection, or token.
    Missing,
    /// The plan does not cover it.
    NotCovered,
    /// The connection acts above the caller's own level.
    TooHigh,
    /// The connection has as many as it may.
    Full,
}

/// The tokens of a connection, oldest first; `None` where there is no such connection.
///
/// # Errors
/// `Unavailable`.
pub async fn tokens(db: &Db, scope: &TenantScope, connection: ScimConnectionId) -> Result<Option<Vec<TokenRow>>, StoreError> {
    let rows = Batch::read(db, scope).add(&LIST, &[&connection.uuid()]).rows().await?;
    if rows.is_empty() {
        return Ok(None);
    }
    rows.iter().filter_map(|row| TokenRow::read(row).transpose()).collect::<Result<_, _>>().map(Some)
}

/// Issues a token, unless the connection has `most` that are good.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn issue(db: &Db, scope: &TenantScope, new: &NewToken, most: i64) -> Result<Issued, StoreError> {
    let (id, connection, hash, expires_at, now) = (new.id.uuid(), new.connection.uuid(), new.hash.as_slice(), new.expires_at.map(at), at(new.now));
    let batch = Batch::write(db, scope).alone().add(&ISSUE, &[&id, &connection, &hash, &expires_at, &most, &now, &new.by_plan]);
    let Some(row) = batch.rows().await?.into_iter().next() else { return Ok(Issued::Missing) };
    Ok(match (row.cell("covered")?, row.cell("below")?, row.cell("made")?) {
        (false, ..) => Issued::NotCovered,
        (_, false, _) => Issued::TooHigh,
        (.., false) => Issued::Full,
        _ => Issued::Done,
    })
}

/// Ends a token at once.
///
/// # Errors
/// `Unavailable`.
pub async fn revoke(db: &Db, scope: &TenantScope, connection: ScimConnectionId, id: ScimTokenId, now: Timestamp) -> Result<Issued, StoreError> {
    let rows = Batch::write(db, scope).add(&REVOKE, &[&connection.uuid(), &id.uuid(), &at(now)]).rows().await?;
    Ok(match rows.first().map(|row| row.cell("below")).transpose()? {
        None => Issued::Missing,
        Some(false) => Issued::TooHigh,
        Some(true) => Issued::Done,
    })
}

/// Asks whether the scope's token is good, and nothing else.
///
/// # Errors
/// `Refused` where it is not.
pub async fn check(db: &Db, scope: &TenantScope) -> Result<(), StoreError> {
    only(Batch::read(db, scope).add(&CHECK, &[]).rows().await?, "identity.check_scim_token").map(drop)
}
