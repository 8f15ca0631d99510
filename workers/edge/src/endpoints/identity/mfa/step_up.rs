//! `POST /auth/mfa/step-up`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::{
        mfa::{CodeFactor, TypedCode},
        token::ACCESS_SECONDS,
    },
    time::Timestamp,
};
use zygo_objects::sessions::SessionsHandle;
use zygo_store::{
    Db,
    identity::mfa::{self, Answered, Given, Own, Redeemed, Redemption},
};

use super::answer;
use crate::{
    ctx::Ctx,
    endpoints::identity::session::{self, Grounds},
    json_input,
    reply::Reply,
};

/// A second factor, given again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Which factor.
    #[serde(default)]
    factor: CodeFactor,
    /// The code.
    code: TypedCode,
}

json_input!(Input);

/// An access token of the same session, with a fresh second factor.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Access token (JWT).
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds until it expires.
    expires_in: i64,
    /// When it expires.
    expires_at: Timestamp,
    /// When the second factor was given; fresh for ten minutes.
    mfa_at: Timestamp,
}

/// Takes the answer; wrong ones count together with those to challenges.
///
/// # Errors
/// `MFA_CODE_INVALID`, `ACCOUNT_LOCKED`, `MFA_REQUIRED` for somebody without a second factor, `SESSION_REVOKED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let hashes = answer::backup_hashes(&ctx, input.factor, &input.code);
    let db = ctx.db().await?;
    let own = take(&ctx, &db, &answer::typed(&ctx, input.factor, &hashes)).await?;
    match answer::judge(&ctx, caller.user_id, input.factor, &input.code, &own.evidence)? {
        Some(redemption) => finish(&ctx, &db, &own, redemption).await,
        None => Err(answer::wrong(&ctx, caller.user_id, input.factor.into(), own.queued)),
    }
}

/// Counts an answer of the caller, before it is looked at.
///
/// # Errors
/// `ACCOUNT_LOCKED`, `MFA_REQUIRED` for somebody without a second factor.
pub async fn take(ctx: &Ctx, db: &Db, given: &Given<'_>) -> Result<Box<Own>, Problem> {
    let caller = ctx.caller()?;
    match ctx.store(mfa::answer_own(db, &ctx.lookup(), caller.user_id, caller.home(), given)).await? {
        Answered::Taken(own) => Ok(own),
        Answered::Locked(until) => Err(answer::locked(ctx, until)),
        Answered::Closed(..) | Answered::Nothing => Err(no_factor()),
    }
}

fn no_factor() -> Problem {
    Problem::new(Code::MfaRequired).detail("there is no second factor to give").hint("set one up with POST /auth/mfa/totp/setup")
}

/// Ends a step-up whose answer was right: the session and its new access token have a fresh second factor.
///
/// # Errors
/// `MFA_CODE_INVALID` if the code was used at the same moment, `SESSION_REVOKED`, `USER_SUSPENDED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn finish(ctx: &Ctx, db: &Db, own: &Own, redemption: Redemption) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let membership = own.membership.as_ref();
    if own.user_suspended || membership.is_some_and(|membership| membership.is_suspended()) {
        return Err(Problem::new(Code::UserSuspended));
    }
    if caller.tenant_id.is_some() && membership.is_none() {
        return Err(Problem::new(Code::SessionRevoked));
    }
    let ip = Some(ctx.head.client_address());
    match ctx.store(mfa::redeem_own(db, &ctx.lookup(), caller.user_id, caller.home(), redemption, ip, ctx.now)).await? {
        Redeemed::Done => {}
        Redeemed::ChallengeUsed | Redeemed::CodeUsed => return Err(Problem::new(Code::MfaCodeInvalid)),
    }
    let amr = answer::methods(caller.amr.clone(), &redemption);
    if !SessionsHandle::open(&ctx.env, caller.home(), caller.user_id)?.verify(caller.session_id, amr.clone(), ctx.now).await? {
        return Err(Problem::new(Code::SessionRevoked));
    }
    let grounds = Grounds { user: &own.user, membership, amr, mfa_at: Some(ctx.now) };
    let output = Output {
        access_token: session::access_token(ctx, &grounds, caller.session_id)?,
        token_type: "Bearer",
        expires_in: ACCESS_SECONDS,
        expires_at: ctx.now.plus_seconds(ACCESS_SECONDS),
        mfa_at: ctx.now,
    };
    Ok(Reply::ok(output))
}
