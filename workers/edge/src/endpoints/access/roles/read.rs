//! `GET /roles`, `GET /roles/{id}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    id::RoleId,
};
use zygo_store::access;

use super::views::{self, RoleView};
use crate::{ctx::Ctx, page, reply::Reply, route::NoBody, security};

/// A page of the organisation's roles.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The roles, highest first.
    data: Vec<RoleView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Position in the list: level and id of the last role shown.
#[derive(Serialize, Deserialize)]
struct Position(i16, RoleId);

/// Lists the roles, with what they permit and how many hold them.
///
/// # Errors
/// `VALIDATION_FAILED` for an odd limit or cursor.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let scope = ctx.tenant_scope()?;
    let page = page::Page::<Position>::read(&ctx, &scope.tenant_id().to_string())?;
    let after = page.after.as_ref().map(|position| (position.0, position.1));
    let db = ctx.db().await?;
    let mut rows = ctx.store(access::list_roles(&db, &scope, after, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| Position(row.level, row.id))?;
    Ok(Reply::ok(List { data: rows.into_iter().map(RoleView::from).collect(), next_cursor }))
}

/// Answers one role.
///
/// # Errors
/// `NOT_FOUND`, recorded if it is another organisation's.
pub async fn one(ctx: Ctx, _: NoBody) -> Result<Reply<RoleView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<RoleId>("id")?);
    let db = ctx.db().await?;
    let Some(role) = ctx.store(access::role(&db, &scope, id)).await? else {
        security::foreign_read(&ctx, "roles", id.uuid());
        return Err(Problem::new(Code::NotFound));
    };
    Ok(views::reply(Reply::ok(role)))
}
