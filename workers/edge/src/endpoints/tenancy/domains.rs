//! `GET,POST /tenants/{id}/domains`, `DELETE …/{domain_id}`, `POST …/{domain_id}/verify`

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    http::dns::{self, Ask},
    id::DomainId,
    tenancy::{
        domain::{self, CustomHost},
        plan::Feature,
    },
    time::Timestamp,
};
use zygo_runtime::{outbound::Outbound, random};
use zygo_store::tenancy::{self, CustomDomain};

use super::of_path;
use crate::{ctx::Ctx, directory, json_input, outbox, reply::Reply, route::NoBody, security};

/// A domain to claim.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The name of the host.
    domain: CustomHost,
}

json_input!(Claim);

/// The DNS record that proves a domain.
#[derive(Serialize, JsonSchema)]
pub struct Record {
    /// Its name.
    name: String,
    /// Its type, `TXT`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What it must say.
    value: String,
}

/// A domain of the organisation's own.
#[derive(Serialize, JsonSchema)]
pub struct DomainView {
    /// Identifier.
    id: DomainId,
    /// The name of the host.
    domain: String,
    /// `pending` until it is proved, `issuing` until it leads here with a certificate, `active`, `failing` once it does so no more.
    status: String,
    /// The record that proves it.
    record: Record,
    /// When it was proved.
    verified_at: Option<Timestamp>,
    /// When it was claimed.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl DomainView {
    fn new(row: CustomDomain) -> Result<Self, Problem> {
        let host = CustomHost::parse(&row.domain).map_err(|_| Problem::internal("a claim of no host"))?;
        let record = Record { name: host.record_name(), kind: "TXT", value: domain::record_value(&row.token) };
        let CustomDomain { id, domain, status, verified_at, created_at, updated_at, .. } = row;
        Ok(Self { id, domain, status, record, verified_at, created_at, updated_at })
    }
}

/// The domains; all of them, since there are a hundred at most.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The domains, oldest claim first.
    data: Vec<DomainView>,
    /// Always `null`.
    next_cursor: Option<String>,
}

fn missing(ctx: &Ctx, id: DomainId) -> Problem {
    security::foreign_read(ctx, "tenant_domains", id.uuid());
    Problem::new(Code::NotFound)
}

/// Lists the organisation's own domains.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let scope = of_path(&ctx)?;
    let db = ctx.db().await?;
    let rows = ctx.store(tenancy::custom_domains(&db, &scope)).await?;
    Ok(Reply::ok(List { data: rows.into_iter().map(DomainView::new).collect::<Result<_, _>>()?, next_cursor: None }))
}

/// Claims a domain; that reserves nothing until it is proved.
///
/// # Errors
/// `VALIDATION_FAILED` for what is no host, or the platform's; `CONFLICT` for a second claim; `PLAN_LIMIT`, `NOT_FOUND`.
pub async fn claim(ctx: Ctx, input: Claim) -> Result<Reply<DomainView>, Problem> {
    let scope = of_path(&ctx)?;
    if !input.domain.is_foreign_to(&ctx.app.config.hosts) {
        return Err(Problem::field("domain", "reserved", "this name is the platform's"));
    }
    let token = URL_SAFE_NO_PAD.encode(random::bytes::<24>());
    let new = (random::id(ctx.now), input.domain.as_str(), token.as_str());
    let db = ctx.db().await?;
    let row = ctx.store(tenancy::claim_custom_domain(&db, &scope, new, ctx.now)).await?;
    let row = row.ok_or_else(|| Feature::CustomDomains.not_covered())?;
    let (version, location) = (i64::from(row.version), format!("/tenants/{}/domains/{}", scope.tenant_id(), row.id));
    Ok(Reply::created(DomainView::new(row)?).version(version).header("location", location))
}

/// Asks the DNS for the claim's record; the domain is the organisation's once it is there, and served once it leads here with a
/// certificate.
///
/// # Errors
/// `NOT_FOUND`; `CONFLICT` while the record is not there, or where another organisation has proved the domain;
/// `DEPENDENCY_UNAVAILABLE` when the resolver does not answer.
pub async fn verify(ctx: Ctx, _: NoBody) -> Result<Reply<DomainView>, Problem> {
    let (scope, id) = (of_path(&ctx)?, ctx.id("domain_id")?);
    let db = ctx.db().await?;
    let claim = ctx.store(tenancy::custom_domain(&db, &scope, id)).await?.ok_or_else(|| missing(&ctx, id))?;
    let host = CustomHost::parse(&claim.domain).map_err(|_| Problem::internal("a claim of no host"))?;
    let question = dns::question(&ctx.app.config.dns_url, &host.record_name(), Ask::Texts);
    let answer = Outbound::get(&question).header("accept", "application/dns-json").send(&ctx.app.config).await?;
    let proved = dns::says(&answer.body, &domain::record_value(&claim.token)).filter(|_| answer.status == 200);
    if !proved.ok_or_else(|| Problem::unavailable("the resolver could not find out"))? {
        return Err(Problem::new(Code::Conflict)
            .detail("the DNS does not show the record yet")
            .hint("what resolvers remember may take an hour to change"));
    }
    let verified = ctx.store(tenancy::verify_custom_domain(&db, &scope, id, &claim.token, random::id(ctx.now), ctx.now)).await?;
    let (row, queued) = verified.ok_or_else(|| missing(&ctx, id))?;
    outbox::enqueue(&ctx, Some(queued));
    // Somebody may have asked for it in vain before.
    directory::forget(&ctx.shared(), row.domain.clone());
    let version = i64::from(row.version);
    Ok(Reply::ok(DomainView::new(row)?).version(version))
}

/// Gives a domain up; its host is nobody's within a minute.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn delete(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, id) = (of_path(&ctx)?, ctx.id("domain_id")?);
    let db = ctx.db().await?;
    let queued = ctx.store(tenancy::delete_custom_domain(&db, &scope, id, random::id(ctx.now), ctx.now)).await?;
    outbox::enqueue(&ctx, Some(queued.ok_or_else(|| missing(&ctx, id))?));
    Ok(Reply::no_content())
}
