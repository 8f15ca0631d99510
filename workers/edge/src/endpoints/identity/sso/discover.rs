//! `GET /auth/sso/discover?email=`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{error::Problem, id::ConnectionId, identity::email::Email};
use zygo_store::identity;

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// Whose connection.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Mail address; only its domain matters.
    pub email: String,
}

/// The connection, if there is one.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// It; `null` for a domain without one, known or not.
    connection: Option<Discovered>,
}

/// A connection to sign on with.
#[derive(Serialize, JsonSchema)]
pub struct Discovered {
    /// Identifier.
    id: ConnectionId,
    /// `oidc` or `saml`.
    kind: String,
    /// What the organisation calls it.
    name: String,
    /// Path to send the browser to.
    url: String,
    /// Whether the domain's people sign in no other way.
    required: bool,
}

/// Answers by the domain alone, so nothing tells whether an address has an account.
///
/// # Errors
/// `VALIDATION_FAILED` for what is no address, `RATE_LIMITED`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let text = ctx.query("email").unwrap_or_default();
    let email = Email::parse(&text).map_err(|invalid| Problem::field("email", invalid.code, invalid.message))?;
    let db = ctx.db().await?;
    let found = ctx.store(identity::discover_connection(&db, &ctx.lookup(), email.domain())).await?;
    let connection = found.map(|found| Discovered {
        url: format!("/auth/sso/{}/{}", found.kind, found.id),
        id: found.id,
        kind: found.kind,
        name: found.name,
        required: found.required,
    });
    Ok(Reply::ok(Output { connection }))
}
