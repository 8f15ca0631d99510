//! `DELETE /tenants/{id}` and `POST /tenants/{id}/restore`

use zygo_core::error::{Code, Problem};
use zygo_runtime::random;
use zygo_store::tenancy::{self, Scheduling};

use super::{of_path, views::TenantView};
use crate::{ctx::Ctx, outbox, reply::Reply, route::NoBody};

/// Has the organisation deleted in 30 days. Until then everything goes on; its owners are told, and may take it back.
///
/// # Errors
/// `CONFLICT` where it is to be deleted already, `PRECONDITION_FAILED` where `If-Match` lost, `NOT_FOUND`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<TenantView>, Problem> {
    let scope = of_path(&ctx)?;
    let expected = ctx.if_match()?;
    let db = ctx.db().await?;
    let scheduled = ctx.store(tenancy::schedule_deletion(&db, &scope, expected.as_deref(), random::id(ctx.now), ctx.now)).await?;
    answer(&ctx, 202, scheduled, "the organisation is to be deleted already")
}

/// Keeps an organisation that was to be deleted.
///
/// # Errors
/// `CONFLICT` where it is not to be deleted, or the time to take it back is over; `PRECONDITION_FAILED`, `NOT_FOUND`.
pub async fn restore(ctx: Ctx, _: NoBody) -> Result<Reply<TenantView>, Problem> {
    let scope = of_path(&ctx)?;
    let expected = ctx.if_match()?;
    let db = ctx.db().await?;
    let cancelled = ctx.store(tenancy::cancel_deletion(&db, &scope, expected.as_deref(), random::id(ctx.now), ctx.now)).await?;
    answer(&ctx, 200, cancelled, "the organisation is not to be deleted")
}

fn answer(ctx: &Ctx, status: u16, scheduling: Scheduling, conflict: &'static str) -> Result<Reply<TenantView>, Problem> {
    match scheduling {
        Scheduling::Done { tenant, queued } => {
            outbox::enqueue(ctx, Some(queued));
            Ok(Reply::with(status, TenantView::new(ctx, &tenant)).version(i64::from(tenant.version)))
        }
        Scheduling::Not => Err(Problem::new(Code::Conflict).detail(conflict)),
        Scheduling::VersionLost => Err(Problem::new(Code::PreconditionFailed)),
    }
}
