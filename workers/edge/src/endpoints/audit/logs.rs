//! `GET /audit-logs`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    audit::{export::Change, filter::LogFilter},
    error::Problem,
    time::Timestamp,
};
use zygo_store::audit;

use super::Position;
use crate::{ctx::Ctx, page::Page, reply::Reply, route::NoBody};

/// The query parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Rows on a page: 1 to 100, 20 unless said otherwise. A file has them all.
    pub limit: Option<u8>,
    /// `next_cursor` of the page before. A file has none.
    pub cursor: Option<String>,
    /// Who: `user:<id>` or a person's id, `anonymous`, `platform:<reason>`.
    pub actor: Option<String>,
    /// What was done, as `roles.update`.
    pub action: Option<String>,
    /// To what kind of thing, as `roles`.
    pub resource_type: Option<String>,
    /// To which.
    pub resource_id: Option<uuid::Uuid>,
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant after the last.
    pub to: Option<Timestamp>,
}

/// A page of changes on record, newest first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The changes.
    data: Vec<Change>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Answers a page.
///
/// # Errors
/// `VALIDATION_FAILED` for a filter, limit or cursor that cannot be meant.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let filter = LogFilter::read(|name| ctx.query(name))?;
    let scope = ctx.tenant_scope()?;
    let page = Page::<Position>::read(&ctx, &format!("{} {filter:?}", scope.tenant_id()))?;
    let db = ctx.db().await?;
    let after = page.after.as_ref().map(Position::pair);
    let mut data = ctx.store(audit::changes(&db, &scope, &filter, after, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut data, |row| Position::from(row))?;
    Ok(Reply::ok(Output { data, next_cursor }))
}
