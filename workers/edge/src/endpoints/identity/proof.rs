//! Proving to know the password: whose failures count, and what a failure answers.

use zygo_core::{
    error::{Code, Problem},
    id::UserId,
    identity::password::Password,
    limits::policy::AccountKey,
};
use zygo_runtime::random;
use zygo_store::{
    Db,
    identity::{self, Failure, OwnSecret},
};

use crate::{ctx::Ctx, outbox, passwords::Turn};

/// Has somebody who is signed in prove that they know their password; answers the hash that it was proved by.
///
/// # Errors
/// `INVALID_CREDENTIALS` if they do not, if there is none, or while the account is locked. It counts as a failed sign-in:
/// whoever has found an open session must not guess on.
pub async fn password<'a>(ctx: &Ctx, db: &Db, turn: &Turn, own: &'a OwnSecret, given: &Password) -> Result<&'a str, Problem> {
    let hash = own.password_hash.as_deref();
    let locked = own.locked_until.is_some_and(|until| until > ctx.now);
    match hash.filter(|_| turn.verify(given.reveal(), hash) && !locked) {
        Some(hash) => Ok(hash),
        None => Err(failed(ctx, db, Some(own.user.id), &own.user.email).await?),
    }
}

/// Counts a failed proof; as costly for an unknown address as for a known one.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn failed(ctx: &Ctx, db: &Db, user_id: Option<UserId>, email: &str) -> Result<Problem, Problem> {
    let failure = Failure {
        user_id,
        account: AccountKey::of(email).to_string(),
        tenant_id: ctx.home(),
        ip: Some(ctx.head.client_address().to_owned()),
        event_id: random::id(ctx.now),
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    };
    let queued = ctx.store(identity::record_sign_in_failure(db, &ctx.lookup(), &failure)).await?;
    outbox::enqueue(ctx, queued);
    Ok(Problem::new(Code::InvalidCredentials))
}
