//! Sending codes by SMS: whether it can be done, how often, and to whom.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    id::UserId,
    identity::mfa::{CodeFactor, sms::TTL_SECONDS},
    limits::policy::Guarded,
};
use zygo_runtime::random;
use zygo_store::{
    Db,
    identity::mfa::{self, NewSmsCode, SmsPurpose},
};

use crate::{ctx::Ctx, outbox, pipeline::admission, reply::Reply};

/// A code is on its way.
#[derive(Serialize, JsonSchema)]
pub struct Sent {
    /// Always true.
    sent: bool,
    /// Seconds until the code is void.
    expires_in: i64,
}

/// The answer of a code that is on its way.
#[must_use]
pub const fn sent() -> Reply<Sent> {
    Reply::ok(Sent { sent: true, expires_in: TTL_SECONDS })
}

/// What a number is sealed with.
#[must_use]
pub fn phone_context(user: UserId) -> String {
    format!("mfa_tokens.sms.{user}")
}

/// Whether messages can be sent at all, and to this person now: five in an hour.
///
/// # Errors
/// `NOT_FOUND` where none are sent, `RATE_LIMITED`.
pub async fn admit(ctx: &Ctx, user: UserId) -> Result<(), Problem> {
    if ctx.app.config.sms.is_none() {
        return Err(Problem::new(Code::NotFound));
    }
    admission::guarded_by(ctx, &Guarded::Sms { user }).await
}

/// Whether an answer without a code asks for one: only that of the factor which sends some.
///
/// # Errors
/// `VALIDATION_FAILED` for another factor, `NOT_FOUND` where no messages are sent.
pub fn wanted(ctx: &Ctx, factor: CodeFactor) -> Result<(), Problem> {
    match factor {
        CodeFactor::Sms if ctx.app.config.sms.is_some() => Ok(()),
        CodeFactor::Sms => Err(Problem::new(Code::NotFound)),
        CodeFactor::Totp | CodeFactor::BackupCode | CodeFactor::Email => Err(Problem::field("code", "required", "is required")),
    }
}

/// A code to be sent to somebody's number.
#[must_use]
pub fn new_code<'a>(ctx: &Ctx, user_id: UserId, phone: &'a str) -> NewSmsCode<'a> {
    NewSmsCode {
        id: random::id(ctx.now),
        user_id,
        phone,
        expires_at: ctx.now.plus_seconds(TTL_SECONDS),
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    }
}

/// Sends a code that answers for a second factor, to its sealed number.
///
/// # Errors
/// `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`, `INTERNAL` if the number was not sealed for this person.
pub async fn send_to(ctx: &Ctx, db: &Db, user: UserId, sealed: &[u8]) -> Result<Reply<Sent>, Problem> {
    admit(ctx, user).await?;
    let broken = || Problem::internal("a sealed number is no text");
    let sealed = std::str::from_utf8(sealed).map_err(|_| broken())?;
    let phone = ctx.app.config.seal_keys.open(sealed, &phone_context(user))?;
    let code = new_code(ctx, user, std::str::from_utf8(&phone).map_err(|_| broken())?);
    let queued = ctx.store(mfa::owe_sms_code(db, &ctx.lookup(), &code, SmsPurpose::Answer)).await?;
    outbox::enqueue(ctx, Some(queued));
    Ok(sent())
}
