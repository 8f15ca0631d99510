//! `POST /roles/{id}/permissions`, `DELETE /roles/{id}/permissions/{key}`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    access::{Permission, PermissionSet},
    error::{Code, Problem},
    id::RoleId,
};
use zygo_store::access::{self, RoleEdit};

use super::{
    composed,
    views::{self, RoleView},
};
use crate::{ctx::Ctx, json_input, reply::Reply, route::NoBody};

/// What to put in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Keys of permissions; all of them the caller's own.
    permissions: Vec<Permission>,
}

json_input!(Input);

/// Puts permissions into a role; those that it holds already stay.
///
/// # Errors
/// `PERMISSION_DENIED` for one that the caller does not hold, `ROLE_HIERARCHY`, `CONFLICT` for a default role, `NOT_FOUND`,
/// `PRECONDITION_FAILED`.
pub async fn grant(ctx: Ctx, input: Input) -> Result<Reply<RoleView>, Problem> {
    let add = input.permissions.into_iter().collect();
    edit(&ctx, RoleEdit { add, ..RoleEdit::default() }).await
}

/// Takes a permission out of a role.
///
/// # Errors
/// `NOT_FOUND` for what is no permission, and those of putting in.
pub async fn withdraw(ctx: Ctx, _: NoBody) -> Result<Reply<RoleView>, Problem> {
    let key = ctx.param("key").and_then(Permission::from_key).ok_or(Problem::new(Code::NotFound))?;
    edit(&ctx, RoleEdit { remove: PermissionSet::EMPTY.with(key), ..RoleEdit::default() }).await
}

async fn edit(ctx: &Ctx, edit: RoleEdit) -> Result<Reply<RoleView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<RoleId>("id")?);
    let edit = RoleEdit { if_version: ctx.if_match()?, ..edit };
    let db = ctx.db().await?;
    let outcome = ctx.store(access::edit_role(&db, &scope, id, &edit, ctx.now)).await?;
    let role = composed(ctx, id, edit.add, outcome).await?.ok_or(Problem::new(Code::NotFound))?;
    Ok(views::reply(Reply::ok(role)))
}
