//! `GET /scim/v2/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas` (RFC 7644, 4): the same for every organisation.

use serde_json::Value;
use zygo_core::{
    error::{Code, Problem},
    identity::scim::document,
};

use crate::ctx::Ctx;

/// What of SCIM is served.
///
/// # Errors
/// None.
pub fn config(ctx: &Ctx) -> Result<Value, Problem> {
    Ok(document::config(&ctx.head.origin()))
}

/// The types of resources.
///
/// # Errors
/// None.
pub fn resource_types(ctx: &Ctx) -> Result<Value, Problem> {
    Ok(document::resource_types(&ctx.head.origin()))
}

/// One type of resources.
///
/// # Errors
/// `NOT_FOUND`.
pub fn resource_type(ctx: &Ctx) -> Result<Value, Problem> {
    named(ctx, "name", document::resource_type_named)
}

/// The schemas.
///
/// # Errors
/// None.
pub fn schemas(ctx: &Ctx) -> Result<Value, Problem> {
    Ok(document::schemas(&ctx.head.origin()))
}

/// One schema.
///
/// # Errors
/// `NOT_FOUND`.
pub fn schema(ctx: &Ctx) -> Result<Value, Problem> {
    // Some clients escape the colons.
    named(ctx, "urn", |urn, origin| document::schema_named(&urn.replace("%3A", ":").replace("%3a", ":"), origin))
}

fn named(ctx: &Ctx, param: &str, find: impl Fn(&str, &str) -> Option<Value>) -> Result<Value, Problem> {
    ctx.param(param).and_then(|name| find(name, &ctx.head.origin())).ok_or(Problem::new(Code::NotFound))
}
