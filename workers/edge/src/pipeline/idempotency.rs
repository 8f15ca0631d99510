//! `Idempotency-Key`: the same request twice is done once
//! (draft-ietf-httpapi-idempotency-key-header).

use zygo_core::{
    error::{Code, Problem},
    idempotency::{Begun, Fingerprint, KEPT_HEADERS, StoredAnswer},
};
use zygo_objects::idempotency::IdempotencyHandle;

use crate::{
    ctx::Ctx,
    pipeline::respond,
    reply::{Answer, AnswerBody, Cache},
};

/// Longest key that is taken.
const MAX_KEY: usize = 255;

/// Runs the handler unless an earlier request with the key and the same body has an answer already.
///
/// # Errors
/// `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`, `BAD_REQUEST` for an odd key, or the handler's own.
pub async fn once(ctx: Ctx, key: &str) -> Result<Answer, Problem> {
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Err(Problem::new(Code::BadRequest).detail("Idempotency-Key must be 1 to 255 printable characters"));
    }
    let handle = IdempotencyHandle::open(&ctx.env, &scope(&ctx), key)?;
    let fingerprint = Fingerprint::of_request(ctx.app.config.seal_keys.cursor_key(), ctx.route().method.as_str(), ctx.route().path, ctx.body());
    let lock = match handle.begin(fingerprint, ctx.now).await? {
        Begun::New { lock } => lock,
        Begun::InProgress { .. } => return Err(Problem::new(Code::IdempotencyInProgress).retry_after(1)),
        Begun::Reused => return Err(Problem::new(Code::IdempotencyKeyReused)),
        Begun::Replay { answer } => return Ok(replayed(answer)),
    };
    let mut result = (ctx.route().handler)(ctx.clone()).await;
    // The tag is kept with the answer, so that a replay has it too.
    if let Ok(answer) = &mut result {
        respond::tag(answer);
    }
    let stored = result.as_ref().ok().and_then(|answer| {
        let headers: Vec<(&str, &str)> = answer.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = answer.body.text().unwrap_or_default().to_owned();
        StoredAnswer::new(answer.status, Some(answer.content_type.to_owned()), body, &headers)
    });
    match stored {
        Some(stored) => drop(handle.finish(lock, stored).await?),
        // A refusal changed nothing, so the key is free again.
        None => drop(handle.abandon(lock).await?),
    }
    result
}

/// Keys of one person, or of one site where nobody is signed in, never meet another's.
fn scope(ctx: &Ctx) -> String {
    let who = ctx.caller().map_or_else(|_| ctx.home().to_string(), |caller| format!("{}:{}", caller.home(), caller.user_id));
    format!("{who} {} {}", ctx.route().method.as_str(), ctx.route().path)
}

fn replayed(stored: StoredAnswer) -> Answer {
    let content_type = if stored.body.is_empty() { "" } else { "application/json; charset=utf-8" };
    let mut answer = Answer::text(stored.status, content_type, AnswerBody::Text(stored.body));
    let kept = stored.headers.into_iter();
    // Header names of ours are static; the few that are kept are these.
    answer.headers.extend(kept.filter_map(|(name, value)| KEPT_HEADERS.iter().find(|kept| **kept == name).map(|kept| (*kept, value))));
    if answer.headers.iter().any(|(name, _)| *name == "etag") {
        answer.cache = Cache::Revalidate;
    }
    answer.headers.push(("idempotency-replayed", "true".into()));
    answer
}
