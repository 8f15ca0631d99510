//! `GET /tenants/{id}`

use zygo_core::error::{Code, Problem};
use zygo_store::tenancy;

use super::{of_path, views::TenantView};
use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// Answers the caller's active organisation; any other is not there.
///
/// # Errors
/// `NOT_FOUND`, recorded if the organisation exists elsewhere.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<TenantView>, Problem> {
    let scope = of_path(&ctx)?;
    let db = ctx.db().await?;
    let row = ctx.store(tenancy::tenant(&db, &scope)).await?.ok_or(Problem::new(Code::NotFound))?;
    Ok(Reply::ok(TenantView::new(&ctx, &row)).version(i64::from(row.version)))
}
