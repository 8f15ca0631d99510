//! `POST /auth/passkeys/step-up/finish`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        mfa::Factor,
        passkey::{challenge::Purpose, wire::UsedCredential},
    },
};

use super::{answer_of, check, owned, party, resume};
use crate::{
    ctx::Ctx,
    endpoints::identity::{
        mfa::{answer, step_up},
        sign_in,
    },
    json_input,
    reply::Reply,
};

/// What the browser answers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What `start` gave.
    ceremony: String,
    /// The use of the credential, as `PublicKeyCredential.toJSON()` gives it.
    credential: UsedCredential,
}

json_input!(Input);

/// Takes the answer; wrong ones count together with those to challenges.
///
/// # Errors
/// For the ceremony `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`; `MFA_CODE_INVALID` for a credential that does not answer it,
/// `ACCOUNT_LOCKED`, `SESSION_REVOKED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<step_up::Fresh>, Problem> {
    let party = party(&ctx)?;
    let caller = ctx.caller()?;
    let ceremony = resume(&ctx, Purpose::StepUp, &input.ceremony)?;
    if ceremony.user_id != Some(caller.user_id) {
        return Err(Problem::new(Code::TokenInvalid));
    }
    let db = ctx.db().await?;
    let arrival = sign_in::arrival(&ctx, None);
    let given = answer::by_passkey(&ctx, answer_of(&ceremony, &input.credential, &party, &arrival));
    let mut own = step_up::take(&ctx, &db, &given).await?;
    let found = owned(own.evidence.passkey.take(), caller.user_id)?;
    match found.and_then(|found| check(&ctx, &party, &ceremony, &found, &input.credential)) {
        Some(used) => step_up::finish(&ctx, &db, &own, answer::redeem_passkey(used)).await,
        None => Err(answer::wrong(&ctx, caller.user_id, Factor::Passkey, own.queued)),
    }
}
