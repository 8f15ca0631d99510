//! `POST /auth/mfa/sms/verify`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::mfa::{Factor, TypedCode, sms},
};
use zygo_runtime::random;
use zygo_store::identity::mfa::{self, Confirmation, Confirmed, ProofOf};

use super::enrol;
use crate::{ctx::Ctx, json_input, outbox, reply::Reply};

/// The code that was sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The code.
    code: TypedCode,
}

json_input!(Input);

/// The number is set up.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Codes for when the number is lost, each good once, shown this once; `null` for somebody who has some.
    backup_codes: Option<Vec<String>>,
}

/// Confirms the number that was set up last, by the code that was sent there.
///
/// # Errors
/// `MFA_CODE_INVALID` for a wrong code, after ten minutes, and after five answers; `CONFLICT` if another factor was set up
/// meanwhile.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let fresh = enrol::is_fresh(&ctx, caller).await?;
    let typed = sms::hashes(&ctx.app.config.seal_keys, caller.user_id, input.code.reveal());
    let (shown, codes) = enrol::new_codes(&ctx);
    let confirmation = Confirmation {
        user_id: caller.user_id,
        proof: ProofOf::Sms(&typed),
        fresh,
        codes: &codes,
        replace_codes: false,
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    };
    let db = ctx.db().await?;
    match ctx.store(mfa::confirm_factor(&db, &ctx.lookup(), &confirmation)).await? {
        Confirmed::Done { coded, queued } => {
            outbox::enqueue(&ctx, Some(queued));
            enrol::note(&ctx, caller, Factor::Sms).await;
            Ok(Reply::ok(Output { backup_codes: coded.then_some(shown) }))
        }
        Confirmed::Wrong => Err(Problem::new(Code::MfaCodeInvalid).hint("POST /auth/mfa/sms/setup sends another")),
        Confirmed::Lost => Err(Problem::new(Code::Conflict).detail("the second factors were changed meanwhile")),
    }
}
