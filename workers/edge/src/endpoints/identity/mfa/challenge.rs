//! `POST /auth/mfa/challenge`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::Problem,
    identity::mfa::{CodeFactor, TypedCode},
};

use super::answer;
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
    /// The code.
    code: TypedCode,
    /// Whether this device is not to be asked again for thirty days.
    #[serde(default)]
    trust_device: bool,
}

json_input!(Input);

/// Takes the answer. A challenge takes five, and each code counts once.
///
/// # Errors
/// `MFA_CODE_INVALID`, `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`, `ACCOUNT_LOCKED` after too many wrong answers.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<SignedIn>, Problem> {
    let token = answer::challenge_token(&input.challenge_token)?;
    let hashes = answer::backup_hashes(&ctx, input.factor, &input.code);
    let db = ctx.db().await?;
    let taken = answer::take(&ctx, &db, &token, &answer::typed(&ctx, input.factor, &hashes)).await?;
    match answer::judge(&ctx, taken.user.id, input.factor, &input.code, &taken.evidence)? {
        Some(redemption) => answer::finish_challenge(&ctx, &db, *taken, redemption, input.trust_device).await,
        None => Err(answer::wrong(&ctx, taken.user.id, input.factor.into(), taken.queued)),
    }
}
