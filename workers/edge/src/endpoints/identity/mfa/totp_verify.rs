//! `POST /auth/mfa/totp/verify`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::mfa::{Factor, TypedCode},
};
use zygo_runtime::random;
use zygo_store::identity::mfa::{self, Confirmation, Confirmed, ProofOf};

use super::{answer, enrol};
use crate::{ctx::Ctx, json_input, outbox, reply::Reply};

/// A code of the app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The code.
    code: TypedCode,
}

json_input!(Input);

/// The app is set up.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Codes for when the app is lost, each good once. They are shown this once; those of an earlier set are void.
    backup_codes: Vec<String>,
}

impl Output {
    /// The codes.
    #[must_use]
    pub fn into_codes(self) -> Vec<String> {
        self.backup_codes
    }
}

/// Confirms the secret that was set up last, by a code of it.
///
/// # Errors
/// `MFA_CODE_INVALID`, `NOT_FOUND` if none was set up, `CONFLICT` if it was confirmed before.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let fresh = enrol::is_fresh(&ctx, caller).await?;
    let db = ctx.db().await?;
    let conflict = || Problem::new(Code::Conflict).detail("an authenticator app is set up already");
    let pending = ctx.store(mfa::pending_factor(&db, &ctx.lookup(), caller.user_id, Factor::Totp)).await?;
    let pending = pending.ok_or(Problem::new(Code::NotFound).hint("POST /auth/mfa/totp/setup begins"))?;
    if pending.confirmed {
        return Err(conflict());
    }
    let secret = answer::open_totp(&ctx.app.config.seal_keys, caller.user_id, &pending.sealed)?;
    let step = secret.accepts(input.code.reveal(), ctx.now, None).ok_or(Problem::new(Code::MfaCodeInvalid))?;
    let (shown, codes) = enrol::new_codes(&ctx);
    let confirmation = Confirmation {
        user_id: caller.user_id,
        proof: ProofOf::Totp(pending.id, step),
        fresh,
        codes: &codes,
        replace_codes: true,
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    };
    let Confirmed::Done { queued, .. } = ctx.store(mfa::confirm_factor(&db, &ctx.lookup(), &confirmation)).await? else {
        return Err(conflict());
    };
    outbox::enqueue(&ctx, Some(queued));
    enrol::note(&ctx, caller, Factor::Totp).await;
    Ok(Reply::ok(Output { backup_codes: shown }))
}
