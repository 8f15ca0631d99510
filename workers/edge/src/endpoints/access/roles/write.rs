//! `POST /roles`, `PATCH,DELETE /roles/{id}`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    access::{
        Permission, PermissionSet,
        custom::{Description, Level, RoleKey, RoleName},
    },
    error::{Code, Problem},
    id::RoleId,
};
use zygo_runtime::random;
use zygo_store::access::{self, NewRole, RoleEdit};

use super::{
    composed,
    views::{self, RoleView},
};
use crate::{ctx::Ctx, json_input, reply::Reply, route::NoBody};

/// A custom role.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Key, unique in the organisation; made of the name unless given.
    #[serde(default)]
    key: Option<RoleKey>,
    /// Name for people.
    name: RoleName,
    /// What it is for.
    #[serde(default)]
    description: Option<Description>,
    /// Level in the hierarchy, below the caller's own; 10, the viewers', unless given.
    #[serde(default)]
    level: Option<Level>,
    /// Keys of what it permits; all of them the caller's own.
    #[serde(default)]
    permissions: Vec<Permission>,
}

json_input!(Input);

/// What is to change; what is absent stays, `null` clears the description.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Name for people.
    #[serde(default)]
    name: Option<RoleName>,
    /// What it is for.
    #[serde(default, deserialize_with = "crate::route::present")]
    description: Option<Option<Description>>,
    /// Level in the hierarchy, below the caller's own.
    #[serde(default)]
    level: Option<Level>,
    /// Keys of all that it permits; what is new must be the caller's own.
    #[serde(default)]
    permissions: Option<Vec<Permission>>,
}

json_input!(Patch);

/// Makes a role.
///
/// # Errors
/// `ROLE_HIERARCHY` for a level that is not below the caller's, `PERMISSION_DENIED` for a permission that the caller does not
/// hold, `PLAN_LIMIT`, `CONFLICT` for a key that is taken, `VALIDATION_FAILED`.
pub async fn create(ctx: Ctx, input: Input) -> Result<Reply<RoleView>, Problem> {
    let scope = ctx.tenant_scope()?;
    let permissions: PermissionSet = input.permissions.into_iter().collect();
    let new = NewRole {
        id: random::id(ctx.now),
        key: input.key.unwrap_or_else(|| RoleKey::of(&input.name)).into_string(),
        name: input.name.into_string(),
        description: input.description.and_then(Description::into_text),
        level: input.level.unwrap_or_default().get(),
        permissions,
    };
    let db = ctx.db().await?;
    let outcome = ctx.store(access::create_role(&db, &scope, &new, ctx.now)).await?;
    let role = composed(&ctx, new.id, permissions, outcome).await?.ok_or(Problem::internal("no role"))?;
    let location = format!("/roles/{}", role.id);
    Ok(views::reply(Reply::created(role)).header("location", location))
}

/// Changes a role. Whoever holds it refreshes their token before they go on.
///
/// # Errors
/// Those of making one; `NOT_FOUND`, `PRECONDITION_FAILED`, `CONFLICT` for a default role.
pub async fn update(ctx: Ctx, input: Patch) -> Result<Reply<RoleView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<RoleId>("id")?);
    let given: PermissionSet = input.permissions.iter().flatten().copied().collect();
    let edit = RoleEdit {
        name: input.name.map(RoleName::into_string),
        description: input.description.map(|text| text.and_then(Description::into_text)),
        level: input.level.map(Level::get),
        replace: input.permissions.is_some(),
        add: given,
        remove: PermissionSet::EMPTY,
        if_version: ctx.if_match()?,
    };
    let db = ctx.db().await?;
    let outcome = ctx.store(access::edit_role(&db, &scope, id, &edit, ctx.now)).await?;
    let role = composed(&ctx, id, given, outcome).await?.ok_or(Problem::new(Code::NotFound))?;
    Ok(views::reply(Reply::ok(role)))
}

/// Removes a role that nobody holds.
///
/// # Errors
/// `CONFLICT` while somebody holds it or is invited to it, and for a default role; `ROLE_HIERARCHY`, `NOT_FOUND`,
/// `PRECONDITION_FAILED`.
pub async fn delete(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<RoleId>("id")?);
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    let outcome = ctx.store(access::delete_role(&db, &scope, id, versions.as_deref(), ctx.now)).await?;
    composed(&ctx, id, PermissionSet::EMPTY, outcome).await?;
    Ok(Reply::no_content())
}
