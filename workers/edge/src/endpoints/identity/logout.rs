//! `POST /auth/logout`

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use zygo_core::{
    error::Problem,
    identity::session::{EndReason, Filter},
};
use zygo_store::identity::Which;

use crate::{
    cookies,
    ctx::Ctx,
    reply::Reply,
    revocation,
    route::{self, JsonInput},
};

/// Which sessions to end; an empty body means this one.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Which sessions.
    #[serde(default)]
    scope: Scope,
}

/// Which sessions to end.
#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The one that asks.
    #[default]
    This,
    /// All but the one that asks.
    Others,
    /// All, in every tenant.
    All,
}

impl JsonInput for Input {}

impl route::Input for Input {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<Self>())
    }

    fn decode(body: &[u8]) -> Result<Self, Problem> {
        if body.is_empty() { Ok(Self::default()) } else { route::decode_json(body) }
    }
}

/// Ends sessions.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` when an object or Postgres is away; ending again is harmless.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<()>, Problem> {
    let id = ctx.caller()?.session_id;
    let (which, end) = match input.scope {
        Scope::This => (Which::One(id), Filter::One(id)),
        Scope::Others => (Which::Others(id), Filter::Others(id)),
        Scope::All => (Which::All, Filter::All),
    };
    revocation::end(&ctx, which, end, EndReason::SignedOut).await?;
    Ok(cookies::clear(Reply::no_content()))
}
