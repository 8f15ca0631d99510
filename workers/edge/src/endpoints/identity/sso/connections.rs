//! `GET,POST /sso/connections`, `GET,PATCH,DELETE /sso/connections/{id}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    http::etag::IfMatch,
    id::{ConnectionId, RoleId},
    identity::sign_on::{Attributes, MOST_CONNECTIONS, RoleMapping},
    tenancy::plan::Feature,
    text::Name,
};
use zygo_runtime::random;
use zygo_store::identity::{self, ConnectionRow, NewConnection, Saved};

use super::{
    input::{self, OidcInput, Rest, SamlInput},
    views::ConnectionView,
};
use crate::{ctx::Ctx, json_input, reply::Reply, route::NoBody, security};

/// An identity provider to sign on with: `saml` or `oidc`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name for people.
    name: Name,
    /// A SAML identity provider.
    #[serde(default)]
    saml: Option<SamlInput>,
    /// An OpenID provider.
    #[serde(default)]
    oidc: Option<OidcInput>,
    /// Whether people whom the provider recognises become members; no, unless said otherwise.
    #[serde(default)]
    provision: Option<bool>,
    /// The role of a new member whom no mapping fits; `member` unless said otherwise.
    #[serde(default)]
    default_role_id: Option<RoleId>,
    /// What the provider calls mail address, names and roles.
    #[serde(default)]
    attributes: Option<Attributes>,
    /// Values of the attribute `roles`, each with the role that it gives a new member; the highest counts.
    #[serde(default)]
    roles: Option<Vec<RoleMapping>>,
    /// Whether it is switched on; no, unless said otherwise.
    #[serde(default)]
    enabled: Option<bool>,
}

json_input!(Input);

/// What is to change; what is absent stays. A provider is replaced as a whole, but for a secret that is left out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Name for people.
    #[serde(default)]
    name: Option<Name>,
    /// The SAML identity provider.
    #[serde(default)]
    saml: Option<SamlInput>,
    /// The OpenID provider.
    #[serde(default)]
    oidc: Option<OidcInput>,
    /// Whether people whom the provider recognises become members.
    #[serde(default)]
    provision: Option<bool>,
    /// The role of a new member whom no mapping fits; `null` for `member`.
    #[serde(default, deserialize_with = "crate::route::present")]
    default_role_id: Option<Option<RoleId>>,
    /// What the provider calls mail address, names and roles.
    #[serde(default)]
    attributes: Option<Attributes>,
    /// Values of the attribute `roles`, each with the role that it gives a new member.
    #[serde(default)]
    roles: Option<Vec<RoleMapping>>,
    /// Whether it is switched on.
    #[serde(default)]
    enabled: Option<bool>,
}

json_input!(Patch);

/// The connections; all of them, since there are twenty at most.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The connections, oldest first.
    data: Vec<ConnectionView>,
    /// Always `null`.
    next_cursor: Option<String>,
}

/// Lists the organisation's connections.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let scope = ctx.tenant_scope()?;
    let db = ctx.db().await?;
    let rows = ctx.store(identity::connections(&db, &scope)).await?;
    let data = rows.into_iter().map(|row| ConnectionView::new(&ctx, row)).collect::<Result<_, _>>()?;
    Ok(Reply::ok(List { data, next_cursor: None }))
}

/// Makes a connection.
///
/// # Errors
/// `PLAN_LIMIT`, `VALIDATION_FAILED`, `ROLE_HIERARCHY` for a role at or above the caller's own, `CONFLICT` for a 21st.
pub async fn create(ctx: Ctx, input: Input) -> Result<Reply<ConnectionView>, Problem> {
    let scope = ctx.tenant_scope()?;
    let id: ConnectionId = random::id(ctx.now);
    let Input { name, saml, oidc, provision, default_role_id, attributes, roles, enabled } = input;
    let rest = Rest { provision, default_role_id: default_role_id.map(Some), attributes, roles, enabled };
    let mut change = rest.into_change()?;
    input::provider(&ctx, (saml, oidc), (scope.tenant_id(), id), &mut change).await?;
    let new = NewConnection { id, kind: change.kind.unwrap_or_default(), name: name.into_string(), rest: change };
    let db = ctx.db().await?;
    match ctx.store(identity::create_connection(&db, &scope, &new, MOST_CONNECTIONS, ctx.now)).await? {
        Saved::Not => Err(Problem::new(Code::Conflict).detail("an organisation has twenty connections at most")),
        saved => {
            let row = done(saved)?;
            let location = format!("/sso/connections/{}", row.id);
            Ok(Reply::created(()).map(|()| row)).and_then(|reply| view(&ctx, reply)).map(|reply| reply.header("location", location))
        }
    }
}

/// Answers one connection.
///
/// # Errors
/// `NOT_FOUND`, recorded if it is another organisation's.
pub async fn read(ctx: Ctx, _: NoBody) -> Result<Reply<ConnectionView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<ConnectionId>("id")?);
    let db = ctx.db().await?;
    let row = ctx.store(identity::connection(&db, &scope, id)).await?.ok_or_else(|| missing(&ctx, id))?;
    view(&ctx, Reply::ok(row))
}

/// Changes a connection.
///
/// # Errors
/// Those of making one; `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn update(ctx: Ctx, input: Patch) -> Result<Reply<ConnectionView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<ConnectionId>("id")?);
    let Patch { name, saml, oidc, provision, default_role_id, attributes, roles, enabled } = input;
    let mut change = Rest { provision, default_role_id, attributes, roles, enabled }.into_change()?;
    change.name = name.map(Name::into_string);
    change.if_version = versions(&ctx)?;
    if saml.is_some() || oidc.is_some() {
        input::provider(&ctx, (saml, oidc), (scope.tenant_id(), id), &mut change).await?;
    }
    let db = ctx.db().await?;
    match ctx.store(identity::update_connection(&db, &scope, id, &change, ctx.now)).await? {
        Saved::Not => match ctx.store(identity::connection(&db, &scope, id)).await? {
            None => Err(missing(&ctx, id)),
            Some(row) if change.kind.is_some_and(|kind| kind != row.kind) => {
                Err(Problem::field(change.kind.unwrap_or_default(), "kind", "a connection keeps its kind"))
            }
            Some(_) => Err(Problem::new(Code::PreconditionFailed)),
        },
        saved => view(&ctx, Reply::ok(done(saved)?)),
    }
}

/// Removes a connection with its claims.
///
/// # Errors
/// `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn delete(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<ConnectionId>("id")?);
    let versions = versions(&ctx)?;
    let db = ctx.db().await?;
    match ctx.store(identity::delete_connection(&db, &scope, id, versions.as_deref(), ctx.now)).await? {
        Some(true) => Ok(Reply::no_content()),
        Some(false) => Err(Problem::new(Code::PreconditionFailed)),
        None => Err(missing(&ctx, id)),
    }
}

fn done(saved: Saved) -> Result<ConnectionRow, Problem> {
    match saved {
        Saved::Done(row) => Ok(row),
        Saved::NotCovered => Err(Feature::Sso.not_covered()),
        Saved::UnknownRole => Err(Problem::field("roles", "unknown", "not a role of this organisation")),
        Saved::RoleTooHigh => Err(Problem::new(Code::RoleHierarchy)),
        Saved::Not => Err(Problem::new(Code::NotFound)),
    }
}

fn view(ctx: &Ctx, reply: Reply<ConnectionRow>) -> Result<Reply<ConnectionView>, Problem> {
    let mut version = 0;
    let mut failed = None;
    let reply = reply.map(|row| {
        version = i64::from(row.version);
        ConnectionView::new(ctx, row).map_err(|problem| failed = Some(problem)).ok()
    });
    let reply = reply.transpose().ok_or_else(|| failed.unwrap_or(Problem::internal("no view")))?;
    Ok(reply.version(version))
}

/// What `If-Match` says.
///
/// # Errors
/// `BAD_REQUEST` for what is no list of entity tags.
pub fn versions(ctx: &Ctx) -> Result<Option<Vec<i64>>, Problem> {
    let Some(tag) = ctx.head.header("if-match") else { return Ok(None) };
    Ok(match IfMatch::parse(tag)? {
        IfMatch::Any => None,
        IfMatch::Versions(versions) => Some(versions),
    })
}

fn missing(ctx: &Ctx, id: ConnectionId) -> Problem {
    security::foreign_read(ctx, "sso_connections", id.uuid());
    Problem::new(Code::NotFound)
}
