//! `GET,POST /scim/connections/{id}/tokens`, `DELETE /scim/connections/{id}/tokens/{tokenId}`

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    id::{ScimConnectionId, ScimTokenId},
    identity::scim::{MOST_TOKENS, token::ScimToken},
    tenancy::plan::Feature,
    time::Timestamp,
};
use zygo_runtime::random;
use zygo_store::identity::scim::{self, Issued, NewToken, TokenRow};

use super::connections::missing;
use crate::{
    ctx::Ctx,
    reply::Reply,
    route::{self, JsonInput, NoBody},
};

const DAY: i64 = 24 * 60 * 60;
/// Days that a token may be good at most, where it runs out at all.
const LONGEST: i64 = 3650;

/// How long it is good; an empty body means until it is ended.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Days: 1 to 3650. Without, until it is ended.
    #[serde(default)]
    expires_in_days: Option<i64>,
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

/// A token, without its secret.
#[derive(Serialize, JsonSchema)]
pub struct View {
    /// Identifier.
    id: ScimTokenId,
    /// When it runs out; `null` for never.
    expires_at: Option<Timestamp>,
    /// When it was last used, to the hour.
    last_used_at: Option<Timestamp>,
    /// When it was issued.
    created_at: Timestamp,
}

impl From<TokenRow> for View {
    fn from(row: TokenRow) -> Self {
        let TokenRow { id, expires_at, last_used_at, created_at } = row;
        Self { id, expires_at, last_used_at, created_at }
    }
}

/// A token that has just been issued.
#[derive(Serialize, JsonSchema)]
pub struct IssuedView {
    /// Identifier.
    id: ScimTokenId,
    /// The token. It is never shown again.
    token: String,
    /// When it runs out; `null` for never.
    expires_at: Option<Timestamp>,
    /// When it was issued.
    created_at: Timestamp,
}

/// The tokens; all of them, since there are few.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The tokens, oldest first.
    data: Vec<View>,
    /// Always `null`.
    next_cursor: Option<String>,
}

/// Lists a connection's tokens.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let (scope, connection) = (ctx.tenant_scope()?, ctx.id::<ScimConnectionId>("id")?);
    let db = ctx.db().await?;
    let rows = ctx.store(scim::tokens(&db, &scope, connection)).await?.ok_or_else(|| missing(&ctx, connection))?;
    Ok(Reply::ok(List { data: rows.into_iter().map(View::from).collect(), next_cursor: None }))
}

/// Issues a token.
///
/// # Errors
/// `NOT_FOUND`, `PLAN_LIMIT`, `ROLE_HIERARCHY` where the connection acts above the caller's own level, `CONFLICT` for an eleventh.
pub async fn issue(ctx: Ctx, input: Input) -> Result<Reply<IssuedView>, Problem> {
    let (scope, connection) = (ctx.tenant_scope()?, ctx.id::<ScimConnectionId>("id")?);
    let days = input.expires_in_days;
    if days.is_some_and(|days| !(1..=LONGEST).contains(&days)) {
        return Err(Problem::field("expires_in_days", "range", "1 to 3650"));
    }
    let token = ScimToken::from_random(scope.tenant_id(), connection, random::bytes());
    let new = NewToken {
        id: random::id(ctx.now),
        connection,
        hash: token.hash(),
        expires_at: days.map(|days| ctx.now.plus_seconds(days.saturating_mul(DAY))),
        by_plan: Feature::Sso.by_plan(),
        now: ctx.now,
    };
    let db = ctx.db().await?;
    let issued = ctx.store(scim::issue(&db, &scope, &new, MOST_TOKENS)).await?;
    done(&ctx, connection, issued)?;
    Ok(Reply::created(IssuedView { id: new.id, token: token.encode(), expires_at: new.expires_at, created_at: ctx.now }))
}

/// Ends a token: no request with it is answered from now on.
///
/// # Errors
/// `NOT_FOUND`, `ROLE_HIERARCHY`.
pub async fn revoke(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, connection) = (ctx.tenant_scope()?, ctx.id::<ScimConnectionId>("id")?);
    let id = ctx.id::<ScimTokenId>("token_id")?;
    let db = ctx.db().await?;
    done(&ctx, connection, ctx.store(scim::revoke(&db, &scope, connection, id, ctx.now)).await?)?;
    Ok(Reply::no_content())
}

fn done(ctx: &Ctx, connection: ScimConnectionId, issued: Issued) -> Result<(), Problem> {
    match issued {
        Issued::Done => Ok(()),
        Issued::Missing => Err(missing(ctx, connection)),
        Issued::NotCovered => Err(Feature::Sso.not_covered()),
        Issued::TooHigh => Err(Problem::new(Code::RoleHierarchy)),
        Issued::Full => Err(Problem::new(Code::Conflict).detail("a connection has ten tokens at most")),
    }
}
