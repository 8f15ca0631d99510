//! `PATCH /tenants/{id}/users/{userId}/role`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{access::custom::RoleRef, error::Problem, id::UserId};
use zygo_store::access;

use super::{
    changed,
    views::{self, MemberView},
};
use crate::{ctx::Ctx, endpoints::tenancy::of_path, json_input, reply::Reply};

/// Which role.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Key or identifier of a role of the organisation; `role_id` means the same.
    #[serde(alias = "role_id")]
    role: RoleRef,
}

json_input!(Input);

/// Gives a member another role. Their tokens are refreshed before they go on.
///
/// # Errors
/// `ROLE_HIERARCHY` where the member or the role is not below the caller, `LAST_OWNER`, `VALIDATION_FAILED` for a role that the
/// organisation does not have, `NOT_FOUND`, `PRECONDITION_FAILED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<MemberView>, Problem> {
    let (scope, user) = (of_path(&ctx)?, ctx.id::<UserId>("user_id")?);
    let versions = ctx.if_match()?;
    let db = ctx.db().await?;
    let verdict = ctx.store(access::set_role(&db, &scope, user, input.role.as_str(), versions.as_deref(), ctx.now)).await?;
    changed(&ctx, user, "role", None, verdict).await.map(views::reply)
}
