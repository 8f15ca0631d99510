//! `GET,POST /sso/connections/{id}/domains`, `PATCH,DELETE …/{domain_id}`, `POST …/{domain_id}/verify`

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    id::{ConnectionId, DomainId},
    identity::sign_on::{MOST_DOMAINS, MailDomain, dns},
};
use zygo_runtime::{outbound::Outbound, random};
use zygo_store::identity;

use super::views::DomainView;
use crate::{ctx::Ctx, json_input, reply::Reply, route::NoBody, security};

/// A domain to claim.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The domain of mail addresses.
    domain: MailDomain,
}

json_input!(Claim);

/// What is to change of a claim.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Whether the domain's people sign in no other way. An owner with a second factor still may.
    sign_on_required: bool,
}

json_input!(Patch);

/// The claims; all of them, since there are fifty at most.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The claims, oldest first.
    data: Vec<DomainView>,
    /// Always `null`.
    next_cursor: Option<String>,
}

fn ids(ctx: &Ctx) -> Result<(ConnectionId, DomainId), Problem> {
    Ok((ctx.id("id")?, ctx.id("domain_id")?))
}

fn missing(ctx: &Ctx, id: DomainId) -> Problem {
    security::foreign_read(ctx, "sso_domains", id.uuid());
    Problem::new(Code::NotFound)
}

/// Lists a connection's claims.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id("id")?);
    let db = ctx.db().await?;
    let rows = ctx.store(identity::domains(&db, &scope, id)).await?;
    Ok(Reply::ok(List { data: rows.into_iter().map(DomainView::from).collect(), next_cursor: None }))
}

/// Claims a domain; that reserves nothing until it is proved.
///
/// # Errors
/// `NOT_FOUND` without such a connection, `CONFLICT` for a second claim or a fifty-first.
pub async fn claim(ctx: Ctx, input: Claim) -> Result<Reply<DomainView>, Problem> {
    let (scope, connection) = (ctx.tenant_scope()?, ctx.id::<ConnectionId>("id")?);
    let token = URL_SAFE_NO_PAD.encode(random::bytes::<24>());
    let new = (random::id(ctx.now), input.domain.as_str(), token.as_str());
    let db = ctx.db().await?;
    match ctx.store(identity::claim_domain(&db, &scope, connection, new, MOST_DOMAINS, ctx.now)).await? {
        Some(row) => {
            let (version, location) = (i64::from(row.version), format!("/sso/connections/{connection}/domains/{}", row.id));
            Ok(Reply::created(DomainView::from(row)).version(version).header("location", location))
        }
        None if ctx.store(identity::connection(&db, &scope, connection)).await?.is_none() => {
            security::foreign_read(&ctx, "sso_connections", connection.uuid());
            Err(Problem::new(Code::NotFound))
        }
        None => Err(Problem::new(Code::Conflict).detail("an organisation claims fifty domains at most")),
    }
}

/// Says whether a domain's people must sign on.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` while the domain is not proved.
pub async fn update(ctx: Ctx, input: Patch) -> Result<Reply<DomainView>, Problem> {
    let (scope, (connection, id)) = (ctx.tenant_scope()?, ids(&ctx)?);
    let db = ctx.db().await?;
    match ctx.store(identity::require_sign_on(&db, &scope, connection, id, input.sign_on_required, ctx.now)).await? {
        Some(row) => {
            let version = i64::from(row.version);
            Ok(Reply::ok(DomainView::from(row)).version(version))
        }
        None if ctx.store(identity::domain(&db, &scope, connection, id)).await?.is_none() => Err(missing(&ctx, id)),
        None => Err(Problem::new(Code::Conflict).detail("the domain is not proved yet").hint("POST …/verify")),
    }
}

/// Gives a claim up.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn delete(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, (connection, id)) = (ctx.tenant_scope()?, ids(&ctx)?);
    let db = ctx.db().await?;
    let deleted = ctx.store(identity::delete_domain(&db, &scope, connection, id)).await?;
    if deleted { Ok(Reply::no_content()) } else { Err(missing(&ctx, id)) }
}

/// Asks the DNS for the claim's record; the domain is the organisation's once it is there.
///
/// # Errors
/// `NOT_FOUND`; `CONFLICT` while the record is not there, or where another organisation has proved the domain;
/// `DEPENDENCY_UNAVAILABLE` when the resolver does not answer.
pub async fn verify(ctx: Ctx, _: NoBody) -> Result<Reply<DomainView>, Problem> {
    let (scope, (connection, id)) = (ctx.tenant_scope()?, ids(&ctx)?);
    let db = ctx.db().await?;
    let claim = ctx.store(identity::domain(&db, &scope, connection, id)).await?.ok_or_else(|| missing(&ctx, id))?;
    let domain = MailDomain::parse(&claim.domain).map_err(|_| Problem::internal("a claim of no domain"))?;
    let question = dns::question(&ctx.app.config.dns_url, &domain);
    let answer = Outbound::get(&question).header("accept", "application/dns-json").send(&ctx.app.config).await?;
    let proved = dns::proves(&answer.body, &claim.token).filter(|_| answer.status == 200);
    match proved.ok_or_else(|| Problem::unavailable("the resolver could not find out"))? {
        true => {
            let row = ctx.store(identity::verify_domain(&db, &scope, connection, id, &claim.token, ctx.now)).await?;
            let row = row.ok_or_else(|| missing(&ctx, id))?;
            let version = i64::from(row.version);
            Ok(Reply::ok(DomainView::from(row)).version(version))
        }
        false => Err(Problem::new(Code::Conflict)
            .detail("the DNS does not show the record yet")
            .hint("what resolvers remember may take an hour to change")),
    }
}
