//! `POST /auth/mfa/step-up`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::{
        mfa::{CodeFactor, Factor, TypedCode},
        token::ACCESS_SECONDS,
    },
    time::Timestamp,
};
use zygo_objects::sessions::SessionsHandle;
use zygo_store::{
    Db,
    identity::mfa::{self, Answered, Given, Own, Redeemed, Redemption, StepUp},
};

use super::{
    answer,
    sms::{self, Sent},
};
use crate::{
    ctx::Ctx,
    endpoints::identity::session::{self, Grounds},
    json_input, outbox,
    reply::Reply,
};

/// A second factor, given again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Which factor.
    #[serde(default)]
    factor: CodeFactor,
    /// The code; without one, and with `sms` as factor, a code is sent and counts as no answer.
    #[serde(default)]
    code: Option<TypedCode>,
}

json_input!(Input);

/// An access token, or that a code is on its way.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Output {
    /// The answer was right.
    Fresh(Fresh),
    /// A code was sent.
    Sent(Sent),
}

/// An access token of the same session, with a fresh second factor.
#[derive(Serialize, JsonSchema)]
pub struct Fresh {
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

impl Fresh {
    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &str {
        &self.access_token
    }
}

/// Takes the answer; wrong ones count together with those to challenges.
///
/// # Errors
/// `MFA_CODE_INVALID`, `ACCOUNT_LOCKED`, `MFA_REQUIRED` for somebody without a second factor, `SESSION_REVOKED`;
/// `RATE_LIMITED` after five codes by SMS in an hour, `NOT_FOUND` for somebody without that factor.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let Some(code) = input.code else {
        return send(&ctx, input.factor).await;
    };
    let hashes = answer::backup_hashes(&ctx, input.factor, &code);
    let db = ctx.db().await?;
    let own = take(&ctx, &db, &answer::typed(&ctx, input.factor, &hashes)).await?;
    match answer::judge(&ctx, caller.user_id, None, input.factor, &code, &own.evidence)? {
        Some(redemption) => Ok(finish(&ctx, &db, &own, redemption).await?.map(Output::Fresh)),
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

/// Sends a code to the caller's number.
async fn send(ctx: &Ctx, factor: CodeFactor) -> Result<Reply<Output>, Problem> {
    sms::wanted(ctx, factor)?;
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let kept = ctx.store(mfa::pending_factor(&db, &ctx.lookup(), caller.user_id, Factor::Sms)).await?;
    let kept = kept.filter(|kept| kept.confirmed).ok_or(Problem::new(Code::NotFound).detail("there is no number to send a code to"))?;
    Ok(sms::send_to(ctx, &db, caller.user_id, &kept.sealed).await?.map(Output::Sent))
}

fn no_factor() -> Problem {
    Problem::new(Code::MfaRequired).detail("there is no second factor to give").hint("set one up with POST /auth/mfa/totp/setup")
}

/// Ends a step-up whose answer was right: the session and its new access token have a fresh second factor.
///
/// # Errors
/// `MFA_CODE_INVALID` if the code was used at the same moment, `SESSION_REVOKED`, `USER_SUSPENDED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn finish(ctx: &Ctx, db: &Db, own: &Own, redemption: Redemption) -> Result<Reply<Fresh>, Problem> {
    let caller = ctx.caller()?;
    let membership = own.membership.as_ref();
    if own.user_suspended || membership.is_some_and(|membership| membership.is_suspended()) {
        return Err(Problem::new(Code::UserSuspended));
    }
    if caller.tenant_id.is_some() && membership.is_none() {
        return Err(Problem::new(Code::SessionRevoked));
    }
    let notice = answer::backup_code_notice(ctx, redemption.factor);
    let step_up =
        StepUp { user_id: caller.user_id, home: caller.home(), redemption, ip: ctx.head.client_address(), notice: notice.as_ref(), now: ctx.now };
    match ctx.store(mfa::redeem_own(db, &ctx.lookup(), &step_up)).await? {
        Redeemed::Done => {}
        Redeemed::ChallengeUsed | Redeemed::CodeUsed => return Err(Problem::new(Code::MfaCodeInvalid)),
    }
    outbox::enqueue(ctx, notice.map(|notice| notice.queued()));
    let amr = answer::methods(caller.amr.clone(), &redemption);
    if !SessionsHandle::open(&ctx.env, caller.home(), caller.user_id)?.verify(caller.session_id, amr.clone(), ctx.now).await? {
        return Err(Problem::new(Code::SessionRevoked));
    }
    let grounds = Grounds { user: &own.user, membership, amr, mfa_at: Some(ctx.now) };
    let fresh = Fresh {
        access_token: session::access_token(ctx, &grounds, caller.session_id)?,
        token_type: "Bearer",
        expires_in: ACCESS_SECONDS,
        expires_at: ctx.now.plus_seconds(ACCESS_SECONDS),
        mfa_at: ctx.now,
    };
    Ok(Reply::ok(fresh))
}
