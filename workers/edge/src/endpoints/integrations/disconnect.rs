//! `DELETE /integrations/{provider}`

use zygo_core::error::{Code, Problem};
use zygo_runtime::random;
use zygo_store::integrations;

use crate::{ctx::Ctx, outbox, reply::Reply, route::NoBody};

/// Disconnects a drive: at once here, and at the provider by a job that does not give up at its first failure.
///
/// # Errors
/// `NOT_FOUND` where none is connected.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let provider = super::provider(&ctx)?;
    let db = ctx.db().await?;
    let scope = ctx.tenant_scope()?;
    let owed = integrations::disconnect(&db, &scope, provider.key(), random::id(ctx.now), random::id(ctx.now), ctx.now);
    let queued = ctx.store(owed).await?.ok_or(Problem::new(Code::NotFound))?;
    outbox::enqueue(&ctx, Some(queued));
    Ok(Reply::no_content())
}
