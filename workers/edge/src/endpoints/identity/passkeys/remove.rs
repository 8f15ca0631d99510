//! `DELETE /auth/passkeys/{id}`

use zygo_core::{
    error::{Code, Problem},
    id::PasskeyId,
};
use zygo_runtime::random;
use zygo_store::identity::{self, Removed};

use crate::{ctx::Ctx, endpoints::identity::mfa::enrol, outbox, reply::Reply, route::NoBody};

/// Removes a passkey, and tells its owner by mail.
///
/// # Errors
/// `NOT_FOUND` for one that is not the caller's; `MFA_STEP_UP_REQUIRED` without a fresh second factor; `CONFLICT` for the only way in that they have.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    remove(&ctx, ctx.id("id")?).await?;
    Ok(Reply::no_content())
}

/// Removes one of the caller's passkeys.
///
/// # Errors
/// As [`handle`].
pub async fn remove(ctx: &Ctx, id: PasskeyId) -> Result<(), Problem> {
    let caller = ctx.caller()?;
    let fresh = enrol::is_fresh(ctx, caller).await?;
    let db = ctx.db().await?;
    match ctx.store(identity::remove_passkey(&db, &ctx.lookup(), caller.user_id, id, fresh, random::id(ctx.now), ctx.now)).await? {
        Removed::Removed { queued } => {
            outbox::enqueue(ctx, Some(queued));
            Ok(())
        }
        Removed::Stale => Err(Problem::new(Code::MfaStepUpRequired)),
        Removed::LastWayIn => Err(Problem::new(Code::Conflict)
            .detail("this passkey is the only way to sign in to the account")
            .hint("set a password, or add another passkey, first")),
        Removed::Unknown => Err(Problem::new(Code::NotFound)),
    }
}
