//! `GET /webhooks/{id}/deliveries`, `GET …/{delivery_id}`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zygo_core::{
    error::{Code, Problem},
    id::{DeliveryId, WebhookId},
    time::Timestamp,
};
use zygo_store::events;

use super::{
    missing,
    views::{AttemptView, DeliveryView},
};
use crate::{ctx::Ctx, page::Page, reply::Reply, route::NoBody, security};

/// What a delivery may be.
const STATUSES: [&str; 4] = ["pending", "delivered", "failing", "dead"];
/// Later than any delivery was owed.
const AHEAD: i64 = 86_400;

/// The query parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Those alone that are `pending`, `delivered`, `failing`, `dead`.
    pub status: Option<String>,
}

/// A page of deliveries, newest first.
#[derive(Serialize, JsonSchema)]
pub struct List {
    /// The deliveries.
    data: Vec<DeliveryView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// A delivery with what was tried.
#[derive(Serialize, JsonSchema)]
pub struct Detail {
    /// The delivery.
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The attempts, the latest first; of many, the last hundred.
    tried: Vec<AttemptView>,
}

/// Lists an endpoint's deliveries.
///
/// # Errors
/// `NOT_FOUND`, `VALIDATION_FAILED` for a status, limit or cursor that cannot be meant.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<List>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let status = ctx.query("status");
    if status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
        return Err(Problem::field("status", "unknown", "one of pending, delivered, failing, dead"));
    }
    let page = Page::<(Timestamp, Uuid)>::read(&ctx, &format!("{} {id} {status:?}", scope.tenant_id()))?;
    let after = page.after.unwrap_or((ctx.now.plus_seconds(AHEAD), Uuid::max()));
    let db = ctx.db().await?;
    let rows = ctx.store(events::deliveries(&db, &scope, id, status.as_deref(), after, page.fetch())).await?;
    let mut rows = rows.ok_or_else(|| missing(&ctx, id))?;
    let next_cursor = page.next(&ctx, &mut rows, |row| (row.created_at, row.id.uuid()))?;
    Ok(Reply::ok(List { data: rows.into_iter().map(DeliveryView::from).collect(), next_cursor }))
}

/// Answers one delivery with its attempts.
///
/// # Errors
/// `NOT_FOUND`, recorded if it is another organisation's.
pub async fn read(ctx: Ctx, _: NoBody) -> Result<Reply<Detail>, Problem> {
    let (scope, id, delivery) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?, ctx.id::<DeliveryId>("delivery_id")?);
    let db = ctx.db().await?;
    let (row, attempts) = ctx.store(events::delivery(&db, &scope, id, delivery)).await?.ok_or_else(|| nowhere(&ctx, delivery))?;
    Ok(Reply::ok(Detail { delivery: row.into(), tried: attempts.into_iter().map(AttemptView::from).collect() }))
}

/// A delivery that is not there, recorded where it is another organisation's.
pub(super) fn nowhere(ctx: &Ctx, id: DeliveryId) -> Problem {
    security::foreign_read(ctx, "webhook_deliveries", id.uuid());
    Problem::new(Code::NotFound)
}
