//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    id::SessionId,
    identity::session::{EndReason, Filter},
};
use zygo_store::identity::{self, Which};

use super::views::SessionView;
use crate::{ctx::Ctx, reply::Reply, revocation, route::NoBody};

/// The caller's live sessions, the most recently used first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The sessions.
    data: Vec<SessionView>,
    /// Always `null`: nobody has so many that they need a second page.
    next_cursor: Option<String>,
}

/// Lists the sessions of all tenants.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let rows = ctx.store(identity::list_sessions(&db, &ctx.lookup(), caller.user_id, ctx.now)).await?;
    let data = rows
        .into_iter()
        .map(|row| SessionView {
            current: row.id == caller.session_id,
            id: row.id,
            tenant_id: (!row.tenant_id.is_platform()).then_some(row.tenant_id),
            device: row.device_name,
            ip: row.ip,
            country: row.country,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
        })
        .collect();
    Ok(Reply::ok(Output { data, next_cursor: None }))
}

/// Ends one session.
///
/// # Errors
/// `NOT_FOUND` for a session that is not the caller's, or has ended.
pub async fn end(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let id: SessionId = ctx.id("id")?;
    let ended = revocation::end(&ctx, Which::One(id), Filter::One(id), EndReason::SignedOutElsewhere).await?;
    if ended.is_empty() { Err(Problem::new(Code::NotFound)) } else { Ok(Reply::no_content()) }
}
