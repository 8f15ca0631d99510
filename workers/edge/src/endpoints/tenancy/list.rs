//! `GET /tenants`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{error::Problem, id::TenantId, time::Timestamp};
use zygo_store::tenancy;

use super::views::TenantView;
use crate::{ctx::Ctx, page, reply::Reply, route::NoBody};

pub use page::Query;

/// A page of the caller's organisations, oldest membership first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The organisations.
    data: Vec<TenantView>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// Position in the list: creation and id of the last organisation shown.
#[derive(Serialize, Deserialize)]
struct Position(Timestamp, TenantId);

/// Lists the organisations that the caller belongs to, in every tenant.
///
/// # Errors
/// `VALIDATION_FAILED` for an odd limit or cursor.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let page = page::Page::<Position>::read(&ctx, &caller.user_id.to_string())?;
    let after = page.after.as_ref().map(|position| (position.0, position.1));
    let db = ctx.db().await?;
    let mut rows = ctx.store(tenancy::list_tenants(&db, &ctx.lookup(), caller.user_id, after, page.fetch())).await?;
    let next_cursor = page.next(&ctx, &mut rows, |row| Position(row.created_at, row.id))?;
    Ok(Reply::ok(Output { data: rows.iter().map(|row| TenantView::new(&ctx, row)).collect(), next_cursor }))
}
