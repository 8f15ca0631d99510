//! `/scim/v2/Users` (RFC 7644, 3.3 to 3.6)

use serde_json::{Map, Value};
use zygo_core::{
    error::{Code, Problem},
    id::{ScimConnectionId, UserId},
    identity::scim::{patch as operations, resource::UserInput, schema::USER_TYPE},
    tenancy::plan::Feature,
};
use zygo_runtime::random;
use zygo_store::identity::scim::{self, Outcome, Resource, UserWrite};

use super::{
    Body, Nothing, answer,
    enter::{Directory, made},
    search::{Wanted, find_users},
};
use crate::{ctx::Ctx, reply::Answer};

/// How often a PATCH begins again, because somebody else was faster.
const TRIES: u32 = 3;

fn write(ctx: &Ctx, connection: ScimConnectionId, input: UserInput) -> UserWrite {
    UserWrite {
        connection,
        given_name: input.name("givenName"),
        family_name: input.name("familyName"),
        user_name: input.user_name,
        external_id: input.external_id,
        attributes: input.attributes,
        active: input.active,
        record_id: random::id(ctx.now),
        now: ctx.now,
    }
}

/// Lists the users that fit.
///
/// # Errors
/// `invalidFilter`, `invalidValue`.
pub async fn list(ctx: Ctx, directory: Directory, _: Nothing) -> Result<Answer, Problem> {
    find_users(&ctx, &directory, &Wanted::of_query(&ctx)?).await
}

/// Answers one user.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn read(ctx: Ctx, directory: Directory, _: Nothing) -> Result<Answer, Problem> {
    let id = ctx.id::<UserId>("id")?;
    let resource = known(&ctx, &directory, id).await?;
    Ok(answer::one(&ctx, 200, &USER_TYPE, resource, &answer::projection(&ctx)))
}

async fn known(ctx: &Ctx, directory: &Directory, id: UserId) -> Result<Resource, Problem> {
    let db = ctx.db().await?;
    ctx.store(scim::user(&db, &directory.scope, id)).await?.ok_or(Problem::new(Code::NotFound))
}

/// Makes somebody a member: a new account, or that of the address. Whoever the directory had deleted is let in again.
///
/// # Errors
/// `uniqueness`, `invalidValue` for an address elsewhere than in a proved domain, `PLAN_LIMIT`, `ROLE_HIERARCHY`.
pub async fn create(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    let input = UserInput::read(body.0)?;
    let address = input.address()?;
    let write = write(&ctx, directory.connection, input);
    let (members, new) = (Feature::Members.by_plan(), (random::id(ctx.now), random::id(ctx.now)));
    let db = ctx.db().await?;
    let outcome = ctx.store(scim::create_user(&db, &directory.scope, &write, address.as_str(), &members, new)).await?;
    answered(&ctx, &directory, 201, outcome).await
}

/// Says anew who somebody is. What is absent is gone, but for `active`, which stays as it is.
///
/// # Errors
/// `NOT_FOUND`, `PRECONDITION_FAILED`, `uniqueness`, `ROLE_HIERARCHY`, `LAST_OWNER`.
pub async fn replace(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    let id = ctx.id::<UserId>("id")?;
    let write = write(&ctx, directory.connection, UserInput::read(body.0)?);
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    let outcome = ctx.store(scim::replace_user(&db, &directory.scope, id, &write, versions.as_deref())).await?;
    answered(&ctx, &directory, 200, outcome).await
}

/// Applies operations to what is said of somebody. They are applied to the resource as it was read, and written if it is still that;
/// else all of it begins again, but where the client has said which version it means.
///
/// # Errors
/// As [`replace`], and those of a PATCH.
pub async fn patch(ctx: Ctx, directory: Directory, body: Body) -> Result<Answer, Problem> {
    let id = ctx.id::<UserId>("id")?;
    let (operations, expected) = (operations::read(body.0)?, ctx.if_match()?);
    let db = ctx.db().await?;
    for _ in 0..TRIES {
        let resource = known(&ctx, &directory, id).await?;
        if expected.as_ref().is_some_and(|versions| !versions.contains(&resource.version)) {
            return Err(Problem::new(Code::PreconditionFailed));
        }
        let version = [resource.version];
        let mut document = writable(resource.attributes);
        operations::apply(&USER_TYPE, &mut document, operations.clone())?;
        let write = write(&ctx, directory.connection, UserInput::of(document)?);
        match ctx.store(scim::replace_user(&db, &directory.scope, id, &write, Some(&version))).await? {
            Outcome::Lost => {}
            outcome => return answered(&ctx, &directory, 200, outcome).await,
        }
    }
    Err(Problem::new(Code::PreconditionFailed))
}

/// A resource without what is not the client's to write.
fn writable(mut attributes: Map<String, Value>) -> Map<String, Value> {
    for name in ["id", "meta", "groups"] {
        attributes.shift_remove(name);
    }
    attributes
}

/// Suspends somebody, who is not there for the directory any more (RFC 7644, 3.6). Their membership stays, and their account.
///
/// # Errors
/// `NOT_FOUND`, `PRECONDITION_FAILED`, `ROLE_HIERARCHY`, `LAST_OWNER`.
pub async fn delete(ctx: Ctx, directory: Directory, _: Nothing) -> Result<Answer, Problem> {
    let id = ctx.id::<UserId>("id")?;
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    let gone = scim::delete_user(&db, &directory.scope, directory.connection, id, versions.as_deref(), random::id(ctx.now), ctx.now);
    made(&ctx, &directory, ctx.store(gone).await?).await?;
    Ok(answer::gone())
}

async fn answered(ctx: &Ctx, directory: &Directory, status: u16, outcome: Outcome) -> Result<Answer, Problem> {
    let made = made(ctx, directory, outcome).await?;
    let resource = made.resource.ok_or_else(|| Problem::internal("a user was made and is not there"))?;
    Ok(answer::one(ctx, status, &USER_TYPE, resource, &answer::projection(ctx)))
}
