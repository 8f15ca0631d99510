//! `GET,POST /scim/connections`, `GET,PATCH,DELETE /scim/connections/{id}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    id::{RoleId, ScimConnectionId},
    identity::{
        scim::{BASE, MOST_CONNECTIONS},
        sign_on::{MOST_MAPPINGS, RoleMapping},
    },
    tenancy::plan::Feature,
    text::Name,
    time::Timestamp,
};
use zygo_runtime::random;
use zygo_store::identity::scim::{self, ConnectionEdit, NewScimConnection, Saved, ScimConnection};

use crate::{ctx::Ctx, json_input, reply::Reply, revocation, route::NoBody, security};

/// A connection for a directory.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name for people.
    name: Name,
    /// The role of a member whom no mapping fits; `member` unless said otherwise.
    #[serde(default)]
    default_role_id: Option<RoleId>,
    /// Names or external identifiers of groups, each with the role that it gives; of several the highest counts. Without any,
    /// the directory leaves roles alone.
    #[serde(default)]
    roles: Option<Vec<RoleMapping>>,
    /// Whether its tokens are good; yes, unless said otherwise.
    #[serde(default)]
    enabled: Option<bool>,
}

json_input!(Input);

/// What is to change; what is absent stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Name for people.
    #[serde(default)]
    name: Option<Name>,
    /// The role of a member whom no mapping fits; `null` for `member`.
    #[serde(default, deserialize_with = "crate::route::present")]
    default_role_id: Option<Option<RoleId>>,
    /// Names or external identifiers of groups, each with the role that it gives. Whoever is in them has it at once.
    #[serde(default)]
    roles: Option<Vec<RoleMapping>>,
    /// Whether its tokens are good.
    #[serde(default)]
    enabled: Option<bool>,
}

json_input!(Patch);

/// A connection.
#[derive(Serialize, JsonSchema)]
pub struct View {
    /// Identifier.
    id: ScimConnectionId,
    /// Name for people.
    name: String,
    /// Where the directory finds the service.
    base_url: String,
    /// The role of a member whom no mapping fits; `null` for `member`.
    default_role_id: Option<RoleId>,
    /// Which groups give which roles.
    roles: Vec<RoleMapping>,
    /// Whether its tokens are good.
    enabled: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// The connections; all of them, since there are five at most.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The connections, oldest first.
    data: Vec<View>,
    /// Always `null`.
    next_cursor: Option<String>,
}

fn view(ctx: &Ctx, row: ScimConnection) -> Result<View, Problem> {
    Ok(View {
        id: row.id,
        name: row.name,
        base_url: format!("{}{BASE}", ctx.app.config.issuer),
        default_role_id: row.default_role_id,
        roles: serde_json::from_value(row.role_mappings).map_err(|error| Problem::internal(error.to_string()))?,
        enabled: row.enabled,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn reply(ctx: &Ctx, status: u16, row: ScimConnection) -> Result<Reply<View>, Problem> {
    let version = i64::from(row.version);
    Ok(Reply::with(status, view(ctx, row)?).version(version))
}

fn edit(roles: Option<Vec<RoleMapping>>) -> Result<ConnectionEdit, Problem> {
    if roles.as_ref().is_some_and(|roles| roles.len() > MOST_MAPPINGS) {
        return Err(Problem::field("roles", "too_many", "at most 100"));
    }
    Ok(ConnectionEdit {
        by_plan: Feature::Sso.by_plan(),
        mapped_roles: roles.iter().flatten().map(|mapping| mapping.role_id).collect(),
        role_mappings: roles.map(serde_json::to_value).transpose().map_err(|error| Problem::internal(error.to_string()))?,
        ..ConnectionEdit::default()
    })
}

/// Lists the organisation's connections.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let scope = ctx.tenant_scope()?;
    let db = ctx.db().await?;
    let rows = ctx.store(scim::connections(&db, &scope)).await?;
    Ok(Reply::ok(List { data: rows.into_iter().map(|row| view(&ctx, row)).collect::<Result<_, _>>()?, next_cursor: None }))
}

/// Makes a connection, which acts with its maker's level.
///
/// # Errors
/// `PLAN_LIMIT`, `VALIDATION_FAILED`, `ROLE_HIERARCHY` for a role at or above the caller's own, `CONFLICT` for a sixth.
pub async fn create(ctx: Ctx, input: Input) -> Result<Reply<View>, Problem> {
    let scope = ctx.tenant_scope()?;
    let Input { name, default_role_id, roles, enabled } = input;
    let rest = ConnectionEdit { name: Some(name.into_string()), default_role_id: default_role_id.map(Some), enabled, ..edit(roles)? };
    let new = NewScimConnection { id: random::id(ctx.now), rest };
    let db = ctx.db().await?;
    match ctx.store(scim::create(&db, &scope, &new, MOST_CONNECTIONS, ctx.now)).await? {
        Saved::Not => Err(Problem::new(Code::Conflict).detail("an organisation has five connections at most")),
        saved => {
            let row = done(&ctx, saved).await?;
            let location = format!("/scim/connections/{}", row.id);
            Ok(reply(&ctx, 201, row)?.header("location", location))
        }
    }
}

/// Answers one connection.
///
/// # Errors
/// `NOT_FOUND`, recorded if it is another organisation's.
pub async fn read(ctx: Ctx, _: NoBody) -> Result<Reply<View>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<ScimConnectionId>("id")?);
    let db = ctx.db().await?;
    let row = ctx.store(scim::read(&db, &scope, id)).await?.ok_or_else(|| missing(&ctx, id))?;
    reply(&ctx, 200, row)
}

/// Changes a connection.
///
/// # Errors
/// Those of making one; `ROLE_HIERARCHY` where it acts above the caller's own level, `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn update(ctx: Ctx, input: Patch) -> Result<Reply<View>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<ScimConnectionId>("id")?);
    let Patch { name, default_role_id, roles, enabled } = input;
    let change = ConnectionEdit { name: name.map(Name::into_string), default_role_id, enabled, if_version: ctx.if_match()?, ..edit(roles)? };
    let db = ctx.db().await?;
    match ctx.store(scim::update(&db, &scope, id, &change, ctx.now)).await? {
        Saved::Missing => Err(missing(&ctx, id)),
        saved => reply(&ctx, 200, done(&ctx, saved).await?),
    }
}

/// Removes a connection.
///
/// # Errors
/// `ROLE_HIERARCHY`, `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn delete(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<ScimConnectionId>("id")?);
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    match ctx.store(scim::delete(&db, &scope, id, versions.as_deref(), ctx.now)).await? {
        Saved::Gone => Ok(Reply::no_content()),
        Saved::Missing => Err(missing(&ctx, id)),
        saved => done(&ctx, saved).await.map(|_| Reply::no_content()),
    }
}

async fn done(ctx: &Ctx, saved: Saved) -> Result<ScimConnection, Problem> {
    match saved {
        Saved::Done(row, told) => {
            revocation::tell(ctx, ctx.tenant_scope()?.tenant_id(), told).await;
            Ok(*row)
        }
        Saved::NotCovered => Err(Feature::Sso.not_covered()),
        Saved::UnknownRole => Err(Problem::field("roles", "unknown", "not a role of this organisation")),
        Saved::TooHigh => Err(Problem::new(Code::RoleHierarchy)),
        Saved::Not => Err(Problem::new(Code::PreconditionFailed)),
        Saved::Gone | Saved::Missing => Err(Problem::new(Code::NotFound)),
    }
}

/// There is no such connection here.
pub fn missing(ctx: &Ctx, id: ScimConnectionId) -> Problem {
    security::foreign_read(ctx, "scim_connections", id.uuid());
    Problem::new(Code::NotFound)
}
