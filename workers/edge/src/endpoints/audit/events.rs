//! `GET /security-events`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use zygo_core::{audit::filter::EventFilter, error::Problem, id::UserId, time::Timestamp};
use zygo_store::audit::{self, EventRow};

use super::Position;
use crate::{ctx::Ctx, page::Page, reply::Reply, route::NoBody};

/// The query parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Rows on a page: 1 to 100, 20 unless said otherwise.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// What happened, as `sign_in.failed`.
    pub kind: Option<String>,
    /// How grave: `info`, `warning`, `critical`.
    pub severity: Option<String>,
    /// Whom it concerns.
    pub user_id: Option<UserId>,
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant after the last.
    pub to: Option<Timestamp>,
}

/// A page of security events, newest first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The events.
    data: Vec<EventView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Something that the security trail keeps.
#[derive(Serialize, JsonSchema)]
pub struct EventView {
    /// Identifier.
    id: Uuid,
    /// What happened, as `sign_in.failed`.
    kind: String,
    /// How grave it is: `info`, `warning`, `critical`.
    severity: String,
    /// Whom it concerns.
    user_id: Option<UserId>,
    /// Address that it came from.
    ip: Option<String>,
    /// Its country.
    country: Option<String>,
    /// User agent.
    user_agent: Option<String>,
    /// More; no secrets.
    details: Value,
    /// The request.
    request_id: Option<String>,
    /// When.
    created_at: Timestamp,
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        let EventRow { id, kind, severity, user_id, ip, country, user_agent, details, request_id, created_at } = row;
        Self { id, kind, severity, user_id, ip, country, user_agent, details, request_id, created_at }
    }
}

/// Lists what was at risk. The permission is critical, so Postgres is asked for it in the same round trip.
///
/// # Errors
/// `PERMISSION_DENIED` where it was withdrawn meanwhile, `VALIDATION_FAILED` for a filter, limit or cursor that cannot be meant.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let filter = EventFilter::read(|name| ctx.query(name))?;
    let scope = ctx.tenant_scope()?;
    let page = Page::<Position>::read(&ctx, &format!("{} {filter:?}", scope.tenant_id()))?;
    let db = ctx.db().await?;
    let after = page.after.as_ref().map(Position::pair);
    let mut rows = ctx.store(audit::events(&db, &scope, &filter, after, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| Position(row.created_at, row.id))?;
    Ok(Reply::ok(Output { data: rows.into_iter().map(EventView::from).collect(), next_cursor }))
}
