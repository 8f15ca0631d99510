//! `POST /admin/jobs/{id}/retry`, `POST /admin/jobs/dead/{id}/requeue`

use zygo_core::error::{Code, Problem};
use zygo_store::admin::jobs::{self, Again};

use super::views::JobView;
use crate::{ctx::Ctx, outbox, reply::Reply, route::NoBody};

/// Runs a job again, now, with the whole patience of its policy before it.
///
/// # Errors
/// `PERMISSION_DENIED` to whoever may not act for the platform, `NOT_FOUND`, `CONFLICT` where it is done, just running, or a run by the clock.
pub async fn retry(ctx: Ctx, _: NoBody) -> Result<Reply<JobView>, Problem> {
    let (scope, id) = (ctx.admin_scope("retry of a job")?, ctx.id("id")?);
    let db = ctx.platform_db().await?;
    match ctx.store(jobs::retry(&db, &scope, id, ctx.now)).await? {
        Again::Not(job) => Err(Problem::new(Code::Conflict).detail(format!("the job is {}", job.state))),
        again => accepted(&ctx, again),
    }
}

/// Puts a dead letter on its queue again.
///
/// # Errors
/// `PERMISSION_DENIED` to whoever may not act for the platform, `NOT_FOUND` where no such job is dead.
pub async fn requeue(ctx: Ctx, _: NoBody) -> Result<Reply<JobView>, Problem> {
    let (scope, id) = (ctx.admin_scope("requeue of a dead letter")?, ctx.id("id")?);
    let db = ctx.platform_db().await?;
    let again = ctx.store(jobs::requeue(&db, &scope, id, ctx.now)).await?;
    accepted(&ctx, again)
}

fn accepted(ctx: &Ctx, again: Again) -> Result<Reply<JobView>, Problem> {
    let Again::Owed(queued, job) = again else { return Err(Problem::new(Code::NotFound)) };
    outbox::enqueue(ctx, Some(queued));
    Ok(Reply::with(202, job.into()))
}
