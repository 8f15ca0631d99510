//! `DELETE /auth/mfa/sms`

use zygo_core::{
    error::{Code, Problem},
    identity::mfa::Factor,
};
use zygo_runtime::random;
use zygo_store::identity::mfa;

use crate::{ctx::Ctx, outbox, reply::Reply, route::NoBody};

/// Takes codes by SMS off; with the last factor go the backup codes and the trusted devices.
///
/// # Errors
/// `NOT_FOUND` if none is set up.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let removed = ctx.store(mfa::remove_factor(&db, &ctx.lookup(), caller.user_id, Factor::Sms, random::id(ctx.now), ctx.now)).await?;
    outbox::enqueue(&ctx, Some(removed.ok_or(Problem::new(Code::NotFound))?));
    Ok(Reply::no_content())
}
