//! `POST /users/{id}/suspend`, `POST /users/{id}/activate`

use zygo_core::{error::Problem, id::UserId, identity::session::EndReason};
use zygo_store::access;

use super::{
    changed,
    views::{self, MemberView},
};
use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// Suspends a member of the active organisation: their sessions in it end at once, and none begins.
///
/// # Errors
/// `LAST_OWNER`, `ROLE_HIERARCHY`, `NOT_FOUND`.
pub async fn suspend(ctx: Ctx, _: NoBody) -> Result<Reply<MemberView>, Problem> {
    set(&ctx, false).await
}

/// Lets a suspended member in again; they sign in anew.
///
/// # Errors
/// `ROLE_HIERARCHY`, `NOT_FOUND`.
pub async fn activate(ctx: Ctx, _: NoBody) -> Result<Reply<MemberView>, Problem> {
    set(&ctx, true).await
}

async fn set(ctx: &Ctx, active: bool) -> Result<Reply<MemberView>, Problem> {
    let (scope, user) = (ctx.tenant_scope()?, ctx.id::<UserId>("id")?);
    let db = ctx.db().await?;
    let verdict = ctx.store(access::set_status(&db, &scope, user, active, ctx.now)).await?;
    let ended = (!active).then_some(EndReason::UserSuspended);
    let (row, _) = changed(ctx, user, "id", ended, verdict).await?;
    Ok(views::reply(row))
}
