//! `POST /auth/mfa/challenge`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::mfa::{
        CodeFactor, TypedCode,
        token::{Kind, MfaToken},
    },
};

use zygo_store::identity::mfa;

use super::{
    answer,
    sms::{self, Sent},
};
use crate::{ctx::Ctx, endpoints::identity::sign_in::SignedIn, json_input, reply::Reply};

/// An answer to the challenge of a sign-in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What the sign-in answered.
    challenge_token: String,
    /// Which factor.
    #[serde(default)]
    factor: CodeFactor,
    /// The code; without one, and with `sms` as factor, a code is sent and counts as no answer.
    #[serde(default)]
    code: Option<TypedCode>,
    /// Whether this device is not to be asked again for thirty days.
    #[serde(default)]
    trust_device: bool,
}

json_input!(Input);

/// A session, or that a code is on its way.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Output {
    /// The answer was right.
    SignedIn(SignedIn),
    /// A code was sent.
    Sent(Sent),
}

/// Takes the answer. A challenge takes five, and each code counts once.
///
/// # Errors
/// `MFA_CODE_INVALID`, `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`, `ACCOUNT_LOCKED` after too many wrong answers;
/// `RATE_LIMITED` after five codes by SMS in an hour, `NOT_FOUND` for somebody without that factor.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let token = answer::challenge_token(&input.challenge_token)?;
    let Some(code) = input.code else {
        return send(&ctx, &token, input.factor).await;
    };
    let hashes = answer::backup_hashes(&ctx, input.factor, &code);
    let db = ctx.db().await?;
    let taken = answer::take(&ctx, &db, &token, &answer::typed(&ctx, input.factor, &hashes)).await?;
    match answer::judge(&ctx, taken.user.id, Some(taken.id), input.factor, &code, &taken.evidence)? {
        Some(redemption) => Ok(answer::finish_challenge(&ctx, &db, *taken, redemption, input.trust_device).await?.map(Output::SignedIn)),
        None => Err(answer::wrong(&ctx, taken.user.id, input.factor.into(), taken.queued)),
    }
}

/// Sends a code to the number of the challenge's person.
async fn send(ctx: &Ctx, token: &MfaToken, factor: CodeFactor) -> Result<Reply<Output>, Problem> {
    sms::wanted(ctx, factor)?;
    let db = ctx.db().await?;
    let look = ctx.store(mfa::look_at_challenge(&db, &ctx.lookup(), &token.hash(), ctx.home(), ctx.now)).await?;
    let look = look.ok_or(Problem::new(Code::TokenInvalid))?;
    answer::open(ctx, look.state, ctx.now.plus_seconds(Kind::Challenge.ttl_seconds()))?;
    let sealed = look.phone_sealed.ok_or(Problem::new(Code::NotFound).detail("there is no number to send a code to"))?;
    Ok(sms::send_to(ctx, &db, look.user_id, &sealed).await?.map(Output::Sent))
}
