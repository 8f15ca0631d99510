//! SCIM 2.0 (RFC 7644): an organisation's directory says who its people are and which groups they are in.
//!
//! - A **user** is a membership: its `id` is the person's, `active` says whether they may sign in, and both `active: false` and
//!   DELETE suspend, which ends their sessions. Somebody new has an address of a domain that the organisation has proved. What
//!   else the directory says of somebody stays with the organisation; the account's names follow where its address is of such a
//!   domain, its address and its ways in never do.
//! - A **group** is the directory's own. A connection maps groups, by name or `externalId`, to roles; a member has the highest role
//!   that one of their groups is mapped to, else the connection's default. Without mappings, roles are left alone.
//! - A **connection** acts with the level of whoever made it: never on a person or a role at or above that, an owner's on owners
//!   but never on the last one. The networks that an organisation's people come from do not bind its directory.
//!
//! Routes under `/scim/v2` answer in SCIM's words ([`answer::DIALECT`]); the house's code of an error stands in `x-error-code`.

pub mod answer;
pub mod connections;
pub mod discovery;
pub mod enter;
pub mod groups;
pub mod search;
pub mod tokens;
pub mod users;

pub use answer::DIALECT;

use enter::Directory;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;
use zygo_core::{access::Permission, error::Problem, http::json, identity::scim::MEDIA_TYPE};

use crate::{
    ctx::Ctx,
    pipeline::head::Method,
    reply::Answer,
    route::{Guard, Input, NoBody, Route, SCIM, Who},
};

/// 1 MiB: a group with some ten thousand members at once.
const GROUP_LIMIT: usize = 1024 * 1024;

/// A body in SCIM's words: which it is, the handler reads.
pub struct Body(pub Value);

impl Input for Body {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(Resource::json_schema(generator))
    }

    fn decode(body: &[u8]) -> Result<Self, Problem> {
        json::decode(body).map(Self).map_err(Problem::from)
    }
}

/// A document in SCIM's words (RFC 7643, RFC 7644); `GET /scim/v2/Schemas` describes it.
#[derive(JsonSchema)]
pub struct Resource(pub serde_json::Map<String, Value>);

/// The routes of this part.
#[must_use]
pub fn routes() -> Vec<Route> {
    [discovery(), users(), groups(), administration()].into_iter().flatten().collect()
}

fn discovery() -> Vec<Route> {
    let open = |path, summary, handler: fn(&Ctx) -> Result<Value, Problem>| {
        let route = Route::raw(path, Who::Public, summary, MEDIA_TYPE, move |ctx: Ctx| async move { Ok(answer::document(handler(&ctx)?)) });
        route.answers::<Resource>().memory()
    };
    vec![
        open("/scim/v2/ServiceProviderConfig", "What of SCIM is served", discovery::config),
        open("/scim/v2/ResourceTypes", "The types of resources", discovery::resource_types),
        open("/scim/v2/ResourceTypes/{name}", "One type of resources", discovery::resource_type),
        open("/scim/v2/Schemas", "The schemas of resources", discovery::schemas),
        open("/scim/v2/Schemas/{urn}", "One schema", discovery::schema),
    ]
}

fn users() -> Vec<Route> {
    vec![
        of(Method::Get, "/scim/v2/Users", "The organisation's members, as its directory sees them", users::list).query::<search::Query>(),
        of(Method::Post, "/scim/v2/Users", "Make somebody a member", users::create).status(201),
        of(Method::Post, "/scim/v2/Users/.search", "Search members by a body instead of a query", search::users),
        of(Method::Get, "/scim/v2/Users/{id}", "One member", users::read).query::<search::Shown>(),
        of(Method::Put, "/scim/v2/Users/{id}", "Say anew who a member is", users::replace),
        of(Method::Patch, "/scim/v2/Users/{id}", "Change what is said of a member", users::patch),
        of(Method::Delete, "/scim/v2/Users/{id}", "Suspend a member whom the directory does not know any more", users::delete).status(204),
        of(Method::Post, "/scim/v2/.search", "Search members and groups at once", search::all),
    ]
}

fn groups() -> Vec<Route> {
    let large = |route: Route| Route { body_limit: GROUP_LIMIT, ..route };
    vec![
        of(Method::Get, "/scim/v2/Groups", "The directory's groups", groups::list).query::<search::Query>(),
        large(of(Method::Post, "/scim/v2/Groups", "Make a group", groups::create).status(201)),
        of(Method::Post, "/scim/v2/Groups/.search", "Search groups by a body instead of a query", search::groups),
        of(Method::Get, "/scim/v2/Groups/{id}", "One group", groups::read).query::<search::Shown>(),
        large(of(Method::Put, "/scim/v2/Groups/{id}", "Say anew what a group is", groups::replace)),
        large(of(Method::Patch, "/scim/v2/Groups/{id}", "Change a group, or who is in it", groups::patch)),
        of(Method::Delete, "/scim/v2/Groups/{id}", "Remove a group; its members stay members", groups::delete).status(204),
    ]
}

/// A route of a directory.
fn of<I, F, Fut>(method: Method, path: &'static str, summary: &'static str, handler: F) -> Route
where
    I: Input,
    F: Fn(Ctx, Directory, I) -> Fut + Copy + 'static,
    Fut: Future<Output = Result<Answer, Problem>> + 'static,
{
    let mut route = Route::raw(path, Who::Directory, summary, MEDIA_TYPE, |_: Ctx| async { Err(Problem::internal("no handler")) });
    route.method = method;
    route.reads = SCIM;
    route.handler = Box::new(move |ctx: Ctx| {
        Box::pin(async move {
            ctx.admit(None).await?;
            // Who does not even show a token is not told what is wrong with a body.
            let directory = enter::directory(&ctx).await?;
            let input = I::decode(ctx.body())?;
            handler(ctx, directory, input).await
        })
    });
    #[cfg(not(target_arch = "wasm32"))]
    let route = Route { schemas: crate::route::Schemas { input: I::schema, ..route.schemas }, ..route };
    route.answers::<Resource>().guard(Guard::Directory)
}

fn administration() -> Vec<Route> {
    let who = Who::Permission(Permission::OrgUpdate);
    vec![
        Route::get("/scim/connections", who, "The connections that the organisation's directory writes through", connections::list),
        Route::post("/scim/connections", who, "Make a connection for a directory", connections::create).status(201).idempotent(),
        Route::get("/scim/connections/{id}", who, "One connection", connections::read),
        Route::patch("/scim/connections/{id}", who, "Change a connection", connections::update),
        Route::delete("/scim/connections/{id}", who, "Remove a connection with its tokens and groups; people stay", connections::delete).status(204),
        Route::get("/scim/connections/{id}/tokens", who, "A connection's tokens, without their secrets", tokens::list),
        // Not idempotent: an answer that is kept to be replayed would keep the token.
        Route::post("/scim/connections/{id}/tokens", who, "Issue a token; it is shown this once", tokens::issue).status(201),
        Route::delete("/scim/connections/{id}/tokens/{token_id}", who, "End a token at once", tokens::revoke).status(204),
    ]
}

/// A route without a body.
pub type Nothing = NoBody;
