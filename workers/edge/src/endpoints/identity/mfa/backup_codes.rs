//! `POST /auth/mfa/backup-codes`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::error::{Code, Problem};
use zygo_store::identity::mfa;

use super::enrol;
use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// A new set.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The codes, each good once. They are shown this once.
    backup_codes: Vec<String>,
}

/// Replaces the caller's backup codes.
///
/// # Errors
/// `CONFLICT` for somebody without a second factor that they could stand in for.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let (shown, codes) = enrol::new_codes(&ctx);
    let db = ctx.db().await?;
    if !ctx.store(mfa::replace_backup_codes(&db, &ctx.lookup(), caller.user_id, &codes, ctx.now)).await? {
        return Err(Problem::new(Code::Conflict).detail("backup codes need a second factor to stand in for"));
    }
    Ok(Reply::ok(Output { backup_codes: shown }))
}
