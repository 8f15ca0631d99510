//! `GET /events`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use zygo_core::{
    error::Problem,
    events::webhook::filter::EventFilter,
    id::{EventId, UserId},
    time::Timestamp,
};
use zygo_store::events::{self, EventRow};

use crate::{ctx::Ctx, page::Page, reply::Reply, route::NoBody};

/// Seconds that events are shown: 30 days.
const SHOWN: i64 = 30 * 86_400;

/// The query parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// A type, or its beginning and a star, as `user.*`.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
}

/// A page of events, newest first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The events.
    data: Vec<EventView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Something that happened.
#[derive(Serialize, JsonSchema)]
pub struct EventView {
    /// Identifier, the `webhook-id` of its deliveries.
    id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    event_type: String,
    /// Version of the payload's schema.
    version: i16,
    /// The payload.
    data: Value,
    /// Who did it.
    user_id: Option<UserId>,
    /// The request that did it.
    request_id: Option<String>,
    /// When.
    occurred_at: Timestamp,
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        let EventRow { id, event_type, version, data, user_id, request_id, occurred_at } = row;
        Self { id, event_type, version, data, user_id, request_id, occurred_at }
    }
}

/// Lists what happened.
///
/// # Errors
/// `VALIDATION_FAILED` for a type, limit or cursor that cannot be meant.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let filter = ctx.query("type").map(|text| EventFilter::parse(&text)).transpose();
    let filter = filter.map_err(|invalid| Problem::field("type", invalid.code, invalid.message))?;
    let scope = ctx.tenant_scope()?;
    let page = Page::<(Timestamp, Uuid)>::read(&ctx, &format!("{} {filter:?}", scope.tenant_id()))?;
    // The first page begins with whatever is newest.
    let after = page.after.unwrap_or((ctx.now.plus_seconds(SHOWN), Uuid::max()));
    let db = ctx.db().await?;
    let filter = filter.as_ref().map(EventFilter::as_str);
    let mut rows = ctx.store(events::events(&db, &scope, filter, ctx.now.plus_seconds(-SHOWN), after, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| (row.occurred_at, row.id.uuid()))?;
    Ok(Reply::ok(Output { data: rows.into_iter().map(EventView::from).collect(), next_cursor }))
}
