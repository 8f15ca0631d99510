//! `GET /audit-logs`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    audit::{
        export::{Change, Format},
        filter::LogFilter,
    },
    error::Problem,
    time::Timestamp,
};
use zygo_store::audit;

use super::{Position, export};
use crate::{
    ctx::Ctx,
    page::Page,
    reply::{Answer, Reply},
};

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
    /// `json` (a page), `csv` or `jsonl` (all, as a file); else `Accept` decides.
    pub format: Option<String>,
}

/// A page of changes on record, newest first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The changes.
    data: Vec<Change>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Answers a page, or streams all of it.
///
/// # Errors
/// `VALIDATION_FAILED` for a filter, limit, cursor or format that cannot be meant; `PERMISSION_DENIED` for a file without
/// `audit.export`.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    let format = Format::negotiate(ctx.query("format").as_deref(), ctx.head.header("accept"))?;
    let filter = LogFilter::read(|name| ctx.query(name))?;
    if format != Format::Page {
        return export::stream(&ctx, format, filter).await;
    }
    let scope = ctx.tenant_scope()?;
    let page = Page::<Position>::read(&ctx, &format!("{} {filter:?}", scope.tenant_id()))?;
    let db = ctx.db().await?;
    let after = page.after.as_ref().map(Position::pair);
    let mut data = ctx.store(audit::changes(&db, &scope, &filter, after, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut data, |row| Position::from(row))?;
    Reply::ok(Output { data, next_cursor }).render()
}
