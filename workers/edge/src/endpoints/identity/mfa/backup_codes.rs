//! `POST /auth/mfa/backup-codes`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::error::{Code, Problem};
use zygo_runtime::random;
use zygo_store::identity::mfa;

use super::enrol;
use crate::{ctx::Ctx, outbox, reply::Reply, route::NoBody};

/// A new set.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The codes, each good once. They are shown this once.
    backup_codes: Vec<String>,
}

impl Output {
    /// The codes.
    #[must_use]
    pub fn into_codes(self) -> Vec<String> {
        self.backup_codes
    }
}

/// Replaces the caller's backup codes.
///
/// # Errors
/// `CONFLICT` for somebody without a second factor that they could stand in for.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let (shown, codes) = enrol::new_codes(&ctx);
    let db = ctx.db().await?;
    let replaced = ctx.store(mfa::replace_backup_codes(&db, &ctx.lookup(), caller.user_id, &codes, random::id(ctx.now), ctx.now)).await?;
    let replaced = replaced.ok_or(Problem::new(Code::Conflict).detail("backup codes need a second factor to stand in for"))?;
    outbox::enqueue(&ctx, Some(replaced));
    Ok(Reply::ok(Output { backup_codes: shown }))
}
