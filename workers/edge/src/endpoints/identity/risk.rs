//! What is done about a sign-in that looks odd.

use serde_json::json;
use zygo_core::{
    error::{Code, Problem},
    id::{SessionId, UserId},
    identity::{
        notice::Notice,
        risk::{Assessment, Outcome, Signal},
    },
};
use zygo_runtime::random;
use zygo_store::{
    Db,
    identity::{self, NewNotice, Refusal},
};

use super::sign_in::Proof;
use crate::{ctx::Ctx, outbox, security, whence::Whence};

/// How odd a sign-in is, whatever was proved.
#[must_use]
pub fn assess(ctx: &Ctx, proof: &Proof<'_>) -> Assessment {
    let mut signals = proof.history.signals(&Whence::of(&ctx.head).origin, ctx.now);
    if proof.passkey.is_some() {
        signals.push(Signal::PhishingResistant);
    }
    Assessment::of(&signals)
}

/// Refuses a sign-in: it is recorded, and the account's owner is told by mail. The client learns no more than from a wrong password.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` if it cannot be recorded.
pub async fn refuse(ctx: &Ctx, db: &Db, user_id: UserId, assessment: &Assessment) -> Result<Problem, Problem> {
    let notice = Notice::SignInRefused { reasons: assessment.reasons.clone() };
    let refusal = Refusal {
        user_id,
        home: ctx.home(),
        assessment,
        ip: ctx.head.client_address(),
        country: ctx.head.country.as_deref(),
        event_id: random::id(ctx.now),
        notice: NewNotice { outbox_id: random::id(ctx.now), notice, now: ctx.now },
        now: ctx.now,
    };
    let queued = ctx.store(identity::refuse_sign_in(db, &ctx.lookup(), &refusal)).await?;
    outbox::enqueue(ctx, Some(queued));
    Ok(Problem::new(Code::InvalidCredentials))
}

/// Notes in the security trail that a sign-in looked odd enough to be asked for more.
pub fn note(ctx: &Ctx, user_id: UserId, assessment: &Assessment) {
    if assessment.outcome() != Outcome::Pass {
        let details = json!({ "score": assessment.score, "reasons": assessment.keys() });
        security::record_about(&ctx.shared(), ctx.home(), Some(user_id), "sign_in.suspicious", details);
    }
}

/// What the account's owner is told of a session that begins.
#[must_use]
pub fn notice(ctx: &Ctx, assessment: &Assessment, session_id: SessionId) -> Option<NewNotice> {
    assessment.notice(session_id).map(|notice| NewNotice { outbox_id: random::id(ctx.now), notice, now: ctx.now })
}
