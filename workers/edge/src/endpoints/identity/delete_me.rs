//! `DELETE /users/me`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    identity::session::{EndReason, Filter},
    time::Timestamp,
};
use zygo_runtime::random;
use zygo_store::identity::{self, Deletion, NewDeletion};

use crate::{cookies, ctx::Ctx, outbox, reply::Reply, revocation, route::NoBody};

/// How long somebody may think better of it, in seconds: 30 days.
const GRACE_SECONDS: i64 = 30 * 24 * 3600;

/// What will become of the account.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// When it is erased, unless the link of the mail that follows is used before.
    delete_after: Timestamp,
}

/// Closes the caller's account: every session ends, nobody can sign in, and after 30 days it is erased. The link of the mail
/// that follows keeps it.
///
/// # Errors
/// `LAST_OWNER` while an organisation has no other owner, `PRECONDITION_FAILED` where `If-Match` lost.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let expected = ctx.if_match()?;
    let delete_after = ctx.now.plus_seconds(GRACE_SECONDS);
    let new = NewDeletion {
        id: random::id(ctx.now),
        user_id: ctx.caller()?.user_id,
        due_at: delete_after,
        if_version: expected.as_deref(),
        event_id: random::id(ctx.now),
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    };
    let db = ctx.db().await?;
    match ctx.store(identity::request_deletion(&db, &ctx.lookup(), &new)).await? {
        Deletion::Scheduled(ended, queued) => {
            outbox::enqueue(&ctx, Some(queued));
            revocation::follow(&ctx, &ended, Filter::All, EndReason::AccountDeleted).await;
            Ok(cookies::clear(Reply::with(202, Output { delete_after })))
        }
        Deletion::LastOwner => Err(Problem::new(Code::LastOwner).hint("make somebody else an owner of the organisation, or delete it")),
        Deletion::Lost if expected.is_some() => Err(Problem::new(Code::PreconditionFailed)),
        Deletion::Lost => Err(Problem::new(Code::UserSuspended)),
    }
}
