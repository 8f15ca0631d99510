//! `GET /users/{id}/activity`

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use zygo_core::{
    access::Permission,
    error::{Code, Problem},
    id::{TenantId, UserId},
    time::Timestamp,
};
use zygo_store::{
    Actor, TenantScope,
    audit::{self, ActivityRow},
};

use super::Position;
use crate::{ctx::Ctx, page::Page, pipeline::authenticate, reply::Reply, route::NoBody};

pub use crate::page::Query;

/// A page of what a person did in the active organisation, newest first; without one, what they did on the platform.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// What they did.
    data: Vec<ActivityView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Something that a person did. Where from and on what, they and whoever may read the audit trail see; others `null`.
#[derive(Serialize, JsonSchema)]
pub struct ActivityView {
    /// Identifier.
    id: Uuid,
    /// What, as `signed_in`.
    action: String,
    /// Address that the request came from.
    ip: Option<String>,
    /// Its country.
    country: Option<String>,
    /// User agent.
    user_agent: Option<String>,
    /// More.
    details: Option<Value>,
    /// The request.
    request_id: Option<String>,
    /// When.
    created_at: Timestamp,
}

impl ActivityView {
    fn new(row: ActivityRow, whole: bool) -> Self {
        let ActivityRow { id, action, ip, country, user_agent, details, request_id, created_at } = row;
        let seen = |text: Option<String>| text.filter(|_| whole);
        Self {
            id,
            action,
            ip: seen(ip),
            country: seen(country),
            user_agent: seen(user_agent),
            details: whole.then_some(details),
            request_id: seen(request_id),
            created_at,
        }
    }
}

/// Lists what a person did.
///
/// # Errors
/// `PERMISSION_DENIED` for somebody else's without `users.view`, `NOT_FOUND` for nobody of this organisation,
/// `VALIDATION_FAILED` for an odd limit or cursor.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let user_id: UserId = ctx.id("id")?;
    let own = user_id == caller.user_id;
    if !own {
        authenticate::hold(caller, Permission::UsersView)?;
    }
    let whole = own || caller.permissions.contains(Permission::AuditView);
    let tenant = caller.tenant_id.unwrap_or(TenantId::PLATFORM);
    let scope = TenantScope::new(tenant, Some(caller.user_id), &ctx.request_id, Actor::User(caller.user_id));
    let page = Page::<Position>::read(&ctx, &format!("{tenant} {user_id}"))?;
    let db = ctx.db().await?;
    let after = page.after.as_ref().map(Position::pair);
    let rows = ctx.store(audit::activity(&db, &scope, user_id, after, page.fetch())).await?;
    // One's own is there even before one did anything.
    let mut rows = if own { rows.unwrap_or_default() } else { rows.ok_or(Problem::new(Code::NotFound))? };
    let next_cursor = page.next(&ctx, &mut rows, |row| Position(row.created_at, row.id))?;
    Ok(Reply::ok(Output { data: rows.into_iter().map(|row| ActivityView::new(row, whole)).collect(), next_cursor }))
}
