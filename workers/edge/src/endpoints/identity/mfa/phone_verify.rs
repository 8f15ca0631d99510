//! `POST /auth/phone/verify`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::{
        mfa::{TypedCode, sms as codes},
        phone::Phone,
    },
};
use zygo_runtime::random;
use zygo_store::identity::mfa::{self, SmsPurpose};

use super::sms::{self, Sent};
use crate::{ctx::Ctx, json_input, outbox, reply::Reply};

/// A number to verify, or the code that was sent there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The number, with its country code; a code is sent there.
    #[serde(default)]
    phone: Option<Phone>,
    /// The code; it confirms the number that it was sent to.
    #[serde(default)]
    code: Option<TypedCode>,
}

json_input!(Input);

/// What came of it.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Output {
    /// The number is the profile's.
    Verified(Verified),
    /// A code was sent.
    Sent(Sent),
}

/// The number is the profile's.
#[derive(Serialize, JsonSchema)]
pub struct Verified {
    /// The number.
    phone: String,
    /// Always true.
    verified: bool,
}

/// Sends a code to a number, or takes the code.
///
/// # Errors
/// `MFA_CODE_INVALID` for a wrong code, after ten minutes, and after five answers; `RATE_LIMITED` after five messages in an
/// hour; `NOT_FOUND` where no messages are sent.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    match (input.phone, input.code) {
        (_, Some(code)) => confirm(&ctx, &code).await,
        (Some(phone), None) => start(&ctx, &phone).await,
        (None, None) => Err(Problem::field("phone", "required", "is required, or a code")),
    }
}

async fn start(ctx: &Ctx, phone: &Phone) -> Result<Reply<Output>, Problem> {
    let user = ctx.caller()?.user_id;
    sms::admit(ctx, user).await?;
    let db = ctx.db().await?;
    let code = sms::new_code(ctx, user, phone.as_str());
    let queued = ctx.store(mfa::owe_sms_code(&db, &ctx.lookup(), &code, SmsPurpose::Phone)).await?;
    outbox::enqueue(ctx, Some(queued));
    Ok(sms::sent().map(Output::Sent))
}

async fn confirm(ctx: &Ctx, code: &TypedCode) -> Result<Reply<Output>, Problem> {
    let user = ctx.caller()?.user_id;
    let hashes = codes::hashes(&ctx.app.config.seal_keys, user, code.reveal());
    let db = ctx.db().await?;
    let phone = ctx.store(mfa::verify_phone(&db, &ctx.lookup(), user, &hashes, random::id(ctx.now), ctx.now)).await?;
    let phone = phone.ok_or(Problem::new(Code::MfaCodeInvalid))?;
    Ok(Reply::ok(Output::Verified(Verified { phone, verified: true })))
}
