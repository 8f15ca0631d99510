//! `GET /auth/oauth/accounts`, `DELETE /auth/oauth/{provider}`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    identity::social::Provider,
    time::Timestamp,
};
use zygo_runtime::random;
use zygo_store::identity::{self, Unlinked};

use crate::{ctx::Ctx, outbox, reply::Reply, route::NoBody};

/// Connected accounts; all of them, since there is one per provider at most.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The accounts, oldest first.
    data: Vec<Account>,
    /// Always `null`.
    next_cursor: Option<String>,
}

/// A connected account.
#[derive(Serialize, JsonSchema)]
pub struct Account {
    /// The provider's name.
    provider: String,
    /// Its mail address when it was connected.
    email: Option<String>,
    /// When it was connected.
    created_at: Timestamp,
}

/// Lists the caller's connected accounts.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn list(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let rows = ctx.store(identity::list_identities(&db, &ctx.lookup(), caller.user_id)).await?;
    let data = rows.into_iter().map(|row| Account { provider: row.provider, email: row.email, created_at: row.created_at }).collect();
    Ok(Reply::ok(Output { data, next_cursor: None }))
}

/// Disconnects an account.
///
/// # Errors
/// `NOT_FOUND` where none is connected, `CONFLICT` where nothing else would lead into the account.
pub async fn unlink(ctx: Ctx, _: NoBody) -> Result<Reply<()>, Problem> {
    let caller = ctx.caller()?;
    let provider = ctx.param("provider").and_then(Provider::parse).ok_or(Problem::new(Code::NotFound))?;
    let db = ctx.db().await?;
    match ctx.store(identity::unlink_identity(&db, &ctx.lookup(), caller.user_id, provider.key(), random::id(ctx.now), ctx.now)).await? {
        Unlinked::Done(notice) => outbox::enqueue(&ctx, Some(notice)),
        Unlinked::Missing => return Err(Problem::new(Code::NotFound)),
        Unlinked::Last => {
            return Err(Problem::new(Code::Conflict)
                .detail("nothing else leads into this account")
                .hint("set a password, add a passkey or connect another account first"));
        }
    }
    Ok(Reply::no_content())
}
