//! `POST /auth/mfa/sms/setup`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{mfa::Factor, phone::Phone},
};
use zygo_runtime::random;
use zygo_store::identity::mfa::{self, NewFactor, Started};

use super::{
    enrol,
    sms::{self, Sent},
};
use crate::{ctx::Ctx, json_input, outbox, pipeline::authenticate, reply::Reply};

/// A number.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The number, with its country code.
    phone: Phone,
}

json_input!(Input);

/// Keeps the number, which counts once the code that is sent there confirms it; one that waits is replaced.
///
/// # Errors
/// `CONFLICT` if there is a number already, `MFA_STEP_UP_REQUIRED` for somebody with another factor that was not given just
/// now, `RATE_LIMITED` after five messages in an hour, `NOT_FOUND` where no messages are sent.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Sent>, Problem> {
    let caller = ctx.caller()?;
    sms::admit(&ctx, caller.user_id).await?;
    let fresh = enrol::is_fresh(&ctx, caller).await?;
    let sealed = ctx.app.config.seal_keys.seal(input.phone.as_str().as_bytes(), &sms::phone_context(caller.user_id), random::bytes())?;
    let factor = NewFactor { id: random::id(ctx.now), user_id: caller.user_id, factor: Factor::Sms, sealed: &sealed, fresh, now: ctx.now };
    let code = sms::new_code(&ctx, caller.user_id, input.phone.as_str());
    let db = ctx.db().await?;
    let (started, queued) = ctx.store(mfa::start_sms_factor(&db, &ctx.lookup(), &factor, &code)).await?;
    match started {
        Started::Kept { .. } => {
            outbox::enqueue(&ctx, queued);
            Ok(sms::sent())
        }
        Started::Taken => Err(Problem::new(Code::Conflict).detail("codes by SMS are set up already")),
        Started::NotFresh => Err(authenticate::step_up_required()),
        Started::Missing => Err(Problem::new(Code::Unauthenticated)),
    }
}
