//! `POST /tenants/{id}/transfer-ownership`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{error::Problem, id::UserId};
use zygo_store::access;

use super::{
    changed,
    views::{self, MemberView},
};
use crate::{ctx::Ctx, endpoints::tenancy::of_path, json_input, reply::Reply};

/// Whom to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// An active member other than the caller.
    user_id: UserId,
}

json_input!(Input);

/// Makes a member an owner, and the caller an admin.
///
/// # Errors
/// `VALIDATION_FAILED` for oneself and for whoever is suspended, `NOT_FOUND`, `PERMISSION_DENIED`, `MFA_STEP_UP_REQUIRED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<MemberView>, Problem> {
    let scope = of_path(&ctx)?;
    let db = ctx.db().await?;
    let verdict = ctx.store(access::transfer_ownership(&db, &scope, input.user_id, ctx.now)).await?;
    changed(&ctx, input.user_id, "user_id", None, verdict).await.map(views::reply)
}
