//! `GET,POST /webhooks`, `GET,PATCH,DELETE /webhooks/{id}`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    events::webhook::{self, filter::EventFilter},
    id::WebhookId,
    tenancy::plan::Feature,
    text::Remark,
    time::Timestamp,
};
use zygo_runtime::random;
use zygo_store::events::{self, Change, EndpointRow, NewEndpoint};

use super::{input, missing, secret, views::EndpointView};
use crate::{ctx::Ctx, json_input, outbox, page::Page, reply::Reply, route::NoBody};

/// An endpoint to describe.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Where deliveries go: https, a public name or address.
    url: String,
    /// Which events it wants: types, or their beginnings with a star; all of them, unless said otherwise.
    #[serde(default)]
    event_types: Option<Vec<EventFilter>>,
    /// What the organisation says of it.
    #[serde(default)]
    description: Option<Remark>,
    /// Headers that it wants with each delivery; their values are never shown again.
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    /// Most deliveries a second, 1 to 1000; as many as it takes, unless said otherwise.
    #[serde(default)]
    rate_per_second: Option<u32>,
    /// Whether events go one after the other, each only when the one before has arrived or is given up; no, unless said otherwise.
    #[serde(default)]
    ordered: Option<bool>,
    /// Whether deliveries are signed by Ed25519 too (`v1a`); no, unless said otherwise.
    #[serde(default)]
    asymmetric: Option<bool>,
    /// Whether it is switched on; yes, unless said otherwise.
    #[serde(default)]
    enabled: Option<bool>,
}

json_input!(Input);

/// What is to change; what is absent stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Where deliveries go.
    #[serde(default)]
    url: Option<String>,
    /// Which events it wants.
    #[serde(default)]
    event_types: Option<Vec<EventFilter>>,
    /// What the organisation says of it; `null` clears it.
    #[serde(default, deserialize_with = "crate::route::present")]
    description: Option<Option<Remark>>,
    /// All its headers anew.
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    /// Most deliveries a second; `null` for as many as it takes.
    #[serde(default, deserialize_with = "crate::route::present")]
    rate_per_second: Option<Option<u32>>,
    /// Whether events go one after the other.
    #[serde(default)]
    ordered: Option<bool>,
    /// Whether it is switched on.
    #[serde(default)]
    enabled: Option<bool>,
}

json_input!(Patch);

/// A page of endpoints, oldest first.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The endpoints.
    data: Vec<EndpointView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Lists the organisation's endpoints.
///
/// # Errors
/// `VALIDATION_FAILED` for a limit or cursor that cannot be meant.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let scope = ctx.tenant_scope()?;
    let page = Page::<(Timestamp, WebhookId)>::read(&ctx, &scope.tenant_id().to_string())?;
    let db = ctx.db().await?;
    let after = page.after.unwrap_or((Timestamp::from_millis(0), uuid::Uuid::nil().into()));
    let mut rows = ctx.store(events::endpoints(&db, &scope, after, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| (row.created_at, row.id))?;
    Ok(Reply::ok(List { data: rows.into_iter().map(EndpointView::from).collect(), next_cursor }))
}

/// Makes an endpoint. Its secret is to be had from `GET /webhooks/{id}/secret`.
///
/// # Errors
/// `PLAN_LIMIT`, `VALIDATION_FAILED`.
pub async fn create(ctx: Ctx, given: Input) -> Result<Reply<EndpointView>, Problem> {
    let scope = ctx.tenant_scope()?;
    let id: WebhookId = random::id(ctx.now);
    let (headers_sealed, header_names) = input::sealed(&ctx, (scope.tenant_id(), id), given.headers.unwrap_or_default())?;
    let (secret_sealed, public_key) = secret::make(&ctx, (scope.tenant_id(), id), given.asymmetric.unwrap_or_default())?;
    let new = NewEndpoint {
        id,
        url: input::url(&ctx, &given.url)?,
        description: given.description.map(Remark::into_string),
        filters: given.event_types.map_or_else(|| Ok(vec!["*".to_owned()]), input::filters)?,
        headers_sealed,
        header_names,
        rate_per_second: input::rate(given.rate_per_second)?,
        ordered: given.ordered.unwrap_or_default(),
        secret_sealed,
        public_key,
        enabled: given.enabled.unwrap_or(true),
    };
    let db = ctx.db().await?;
    let made = ctx.store(events::create_endpoint(&db, &scope, &new, &Feature::Webhooks.by_plan(), webhook::MOST, ctx.now)).await?;
    let row = made.ok_or_else(|| Feature::Webhooks.not_covered())?;
    Ok(view(Reply::created(row)).header("location", format!("/webhooks/{id}")))
}

/// Answers one endpoint.
///
/// # Errors
/// `NOT_FOUND`, recorded if it is another organisation's.
pub async fn read(ctx: Ctx, _: NoBody) -> Result<Reply<EndpointView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let db = ctx.db().await?;
    let row = ctx.store(events::endpoint(&db, &scope, id)).await?.ok_or_else(|| missing(&ctx, id))?;
    Ok(view(Reply::ok(row)))
}

/// Changes an endpoint.
///
/// # Errors
/// `NOT_FOUND`, `PRECONDITION_FAILED`, `VALIDATION_FAILED`.
pub async fn update(ctx: Ctx, given: Patch) -> Result<Reply<EndpointView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let change = Change {
        url: given.url.map(|text| input::url(&ctx, &text)).transpose()?,
        description: given.description.map(|text| text.map(Remark::into_string)),
        filters: given.event_types.map(input::filters).transpose()?,
        headers: given.headers.map(|headers| input::sealed(&ctx, (scope.tenant_id(), id), headers)).transpose()?,
        rate_per_second: given.rate_per_second.map(input::rate).transpose()?,
        ordered: given.ordered,
        enabled: given.enabled,
        if_version: ctx.if_match()?,
    };
    let switched_on = change.enabled == Some(true);
    let db = ctx.db().await?;
    match ctx.store(events::update_endpoint(&db, &scope, id, &change, ctx.now)).await? {
        Some(row) => {
            if switched_on {
                outbox::wake(&ctx, id);
            }
            Ok(view(Reply::ok(row)))
        }
        None => match ctx.store(events::endpoint(&db, &scope, id)).await? {
            None => Err(missing(&ctx, id)),
            Some(_) => Err(Problem::new(Code::PreconditionFailed)),
        },
    }
}

/// Removes an endpoint with its deliveries.
///
/// # Errors
/// `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn delete(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    match ctx.store(events::delete_endpoint(&db, &scope, id, versions.as_deref(), ctx.now)).await? {
        Some(true) => Ok(Reply::no_content()),
        Some(false) => Err(Problem::new(Code::PreconditionFailed)),
        None => Err(missing(&ctx, id)),
    }
}

/// An endpoint with its entity tag.
pub(super) fn view(reply: Reply<EndpointRow>) -> Reply<EndpointView> {
    let version = reply.body().map_or(0, |row| i64::from(row.version));
    reply.map(EndpointView::from).version(version)
}
