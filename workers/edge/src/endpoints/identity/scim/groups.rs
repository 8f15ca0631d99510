//! `/scim/v2/Groups`

use serde_json::Value;
use zygo_core::{
    error::{Code, Problem},
    id::ScimGroupId,
    identity::scim::{
        group::{GroupChange, GroupInput},
        patch as operations,
        schema::GROUP_TYPE,
    },
};
use zygo_runtime::random;
use zygo_store::identity::scim::{self, GroupWrite, Outcome};

use super::{
    Body, Nothing, answer,
    enter::{Directory, made},
    search::{Wanted, find_groups},
};
use crate::{ctx::Ctx, reply::Answer};

fn with_members(ctx: &Ctx) -> bool {
    answer::projection(ctx).shows(&GROUP_TYPE, "members")
}

/// Lists the groups that fit.
///
/// # Errors
/// `invalidFilter`, `invalidValue`.
pub async fn list(ctx: Ctx, directory: Directory, _: Nothing) -> Result<Answer, Problem> {
    find_groups(&ctx, &directory, &Wanted::of_query(&ctx)?).await
}

/// Answers one group.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn read(ctx: Ctx, directory: Directory, _: Nothing) -> Result<Answer, Problem> {
    let id = ctx.id::<ScimGroupId>("id")?;
    let db = ctx.db().await?;
    let found = ctx.store(scim::group(&db, &directory.scope, id, with_members(&ctx))).await?;
    Ok(answer::one(&ctx, 200, &GROUP_TYPE, found.ok_or(Problem::new(Code::NotFound))?, &answer::projection(&ctx)))
}

/// Makes a group. Where it is mapped to a role, its members have that.
///
/// # Errors
/// `uniqueness`, `invalidValue` for a member who is no user.
pub async fn create(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    let write = write(&ctx, &directory, random::id(ctx.now), GroupInput::read(body.0)?.into());
    let db = ctx.db().await?;
    let outcome = ctx.store(scim::create_group(&db, &directory.scope, &write)).await?;
    answered(&ctx, &directory, 201, outcome).await
}

fn write(ctx: &Ctx, directory: &Directory, id: ScimGroupId, change: GroupChange) -> GroupWrite {
    GroupWrite { connection: directory.connection, id, change, with_members: with_members(ctx), now: ctx.now }
}

/// Says anew what a group is and who is in it.
///
/// # Errors
/// `NOT_FOUND`, `PRECONDITION_FAILED`, `uniqueness`, `invalidValue`.
pub async fn replace(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    change(ctx, directory, |body| GroupInput::read(body).map(GroupChange::from), body.0).await
}

/// Applies operations to a group, without reading it first.
///
/// # Errors
/// As [`replace`], and those of a PATCH.
pub async fn patch(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    change(ctx, directory, |body| operations::read(body).and_then(GroupChange::read), body.0).await
}

async fn change(
    ctx: Ctx,
    directory: Directory,
    read: impl Fn(Value) -> Result<GroupChange, zygo_core::identity::scim::Fault>,
    body: Value,
) -> Result<Answer, Problem> {
    let id = ctx.id::<ScimGroupId>("id")?;
    let (write, versions) = (write(&ctx, &directory, id, read(body)?), ctx.if_match()?);
    let db = ctx.db().await?;
    let outcome = ctx.store(scim::change_group(&db, &directory.scope, &write, versions.as_deref())).await?;
    answered(&ctx, &directory, 200, outcome).await
}

/// Removes a group; its members have the roles that their other groups give.
///
/// # Errors
/// `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn delete(ctx: Ctx, directory: Directory, _: Nothing) -> Result<Answer, Problem> {
    let id = ctx.id::<ScimGroupId>("id")?;
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    let outcome = ctx.store(scim::delete_group(&db, &directory.scope, id, versions.as_deref(), ctx.now)).await?;
    made(&ctx, &directory, outcome).await?;
    Ok(answer::gone())
}

async fn answered(ctx: &Ctx, directory: &Directory, status: u16, outcome: Outcome) -> Result<Answer, Problem> {
    let made = made(ctx, directory, outcome).await?;
    let resource = made.resource.ok_or_else(|| Problem::internal("a group was made and is not there"))?;
    Ok(answer::one(ctx, status, &GROUP_TYPE, resource, &answer::projection(ctx)))
}
