//! `DELETE /tenants/{id}/users/{userId}`

use zygo_core::{error::Problem, id::UserId, identity::session::EndReason};
use zygo_store::access;

use super::changed;
use crate::{ctx::Ctx, endpoints::tenancy::of_path, reply::Reply, route::NoBody};

/// Removes a member. Their account stays, and their sessions elsewhere.
///
/// # Errors
/// `LAST_OWNER`, `ROLE_HIERARCHY`, `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let (scope, user) = (of_path(&ctx)?, ctx.id::<UserId>("user_id")?);
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    let verdict = ctx.store(access::remove_member(&db, &scope, user, versions.as_deref(), ctx.now)).await?;
    changed(&ctx, user, "user_id", Some(EndReason::MembershipEnded), verdict).await?;
    Ok(Reply::no_content())
}
