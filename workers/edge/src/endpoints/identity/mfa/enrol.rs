//! What setting up one factor has in common with setting up another.

use zygo_core::{
    error::Problem,
    identity::mfa::{
        self, Factor, amr_with,
        backup::{self, BackupCode},
    },
};
use zygo_objects::sessions::SessionsHandle;
use zygo_runtime::{log, random};
use zygo_store::identity::mfa::CodeSet;

use crate::{caller::Caller, ctx::Ctx};

/// Whether the caller gave a second factor just now: by the token, or in this session since the token was issued.
///
/// Whoever has a factor must give it before adding another, or a stolen session could bring its own.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` when the session's object does not answer.
pub async fn is_fresh(ctx: &Ctx, caller: &Caller) -> Result<bool, Problem> {
    if mfa::is_fresh(caller.mfa_at, ctx.now) {
        return Ok(true);
    }
    let session = SessionsHandle::open(&ctx.env, caller.home(), caller.user_id)?.get(caller.session_id).await?;
    Ok(session.is_some_and(|session| mfa::is_fresh(session.mfa_at, ctx.now)))
}

/// A new set of backup codes: as they are shown, and as they are kept.
#[must_use]
pub fn new_codes(ctx: &Ctx) -> (Vec<String>, CodeSet) {
    let codes: Vec<BackupCode> = (0..backup::COUNT).map(|_| BackupCode::from_random(random::bytes())).collect();
    let hashes = codes.iter().filter_map(|code| code.hashes(&ctx.app.config.seal_keys).first().copied()).collect();
    let set = CodeSet { ids: codes.iter().map(|_| random::id(ctx.now)).collect(), hashes };
    (codes.iter().map(BackupCode::show).collect(), set)
}

/// Notes in the session that a factor was given with its set-up. That it is set up is done by now and must be answered, so a
/// failure costs no more than a step-up later.
pub async fn note(ctx: &Ctx, caller: &Caller, factor: Factor) {
    let noted = async {
        let amr = amr_with(caller.amr.clone(), factor);
        SessionsHandle::open(&ctx.env, caller.home(), caller.user_id)?.verify(caller.session_id, amr, ctx.now).await
    };
    if let Err(problem) = noted.await {
        log::line(log::Level::Warn, "second factor not noted", serde_json::json!({ "request_id": ctx.request_id, "cause": problem.log_cause() }));
    }
}
