//! `POST /users/me/avatar` and `GET /avatars/{id}/{file}`

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::JsValue;
use worker::{Method, RequestInit, js_sys::Uint8Array};
use zygo_core::{
    error::{Code, Problem},
    id::UserId,
    picture::{Kind, Refusal},
};
use zygo_runtime::random;
use zygo_store::identity;

use crate::{
    ctx::Ctx,
    outbox,
    reply::{Answer, AnswerBody, Cache, Reply},
    route::Upload,
};

/// Where the picture is now.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Where the picture is.
    avatar_url: String,
}

/// Keeps the caller's picture: a square of at most 512 pixels, with nothing of the file but what can be seen.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE` for bytes of no kind that is taken, or of another than the header says; `VALIDATION_FAILED` for
/// what cannot be read, is too large, or is something else as well; `BODY_TOO_LARGE`, `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, _: Upload) -> Result<Reply<Output>, Problem> {
    let user_id = ctx.caller()?.user_id;
    told_truly(&ctx)?;
    let (kind, bytes) = clean(&ctx).await?;
    // A name of its own for every upload: what removes the one before never meets the one after.
    let file = format!("{}-{}.{}", mark(&bytes), hex(&random::bytes::<4>()), kind.extension());
    let key = key(user_id, &file);
    let files = ctx.env.bucket("FILES").map_err(away)?;
    let metadata = worker::HttpMetadata { content_type: Some(kind.media_type().to_owned()), ..worker::HttpMetadata::default() };
    files.put(&key, bytes).http_metadata(metadata).execute().await.map_err(away)?;
    let avatar_url = format!("{}/avatars/{user_id}/{file}", ctx.app.config.issuer);
    let db = ctx.db().await?;
    let set = ctx.store(identity::set_avatar(&db, &ctx.lookup(), user_id, &avatar_url, random::id(ctx.now), ctx.now)).await;
    match set {
        Ok(Some((_, queued))) => {
            outbox::enqueue(&ctx, queued);
            Ok(Reply::ok(Output { avatar_url }))
        }
        refused => {
            // Nothing refers to the file; where it cannot be removed either, it lies under its owner's prefix.
            ctx.after(async move { drop(files.delete(&key).await) });
            refused.and(Err(Problem::new(Code::Unauthenticated)))
        }
    }
}

/// Holds the header to what the bytes say.
fn told_truly(ctx: &Ctx) -> Result<(), Problem> {
    let refused = |detail: String| Problem::new(Code::UnsupportedMediaType).detail(detail);
    let kind = Kind::of(ctx.body()).ok_or_else(|| refused(Refusal::Unknown.message().into()))?;
    let told = ctx.head.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if Kind::of_media_type(told) == Some(kind) {
        Ok(())
    } else {
        Err(refused(format!("the bytes are {}, the header says another type", kind.media_type())))
    }
}

/// Has the picture Worker make the upload harmless.
async fn clean(ctx: &Ctx) -> Result<(Kind, Vec<u8>), Problem> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(Uint8Array::from(ctx.body()).into()));
    let away = |error: worker::Error| Problem::unavailable(format!("picture Worker: {error}"));
    // The host is never looked up: the binding leads to the Worker.
    let mut response = ctx.env.service("PICTURES").map_err(away)?.fetch("https://pictures/", Some(init)).await.map_err(away)?;
    match response.status_code() {
        200 => {
            let kind = response.headers().get("content-type").map_err(away)?.and_then(|name| Kind::of_media_type(&name));
            let kind = kind.ok_or_else(|| Problem::unavailable("picture Worker: a picture of no kind"))?;
            Ok((kind, response.bytes().await.map_err(away)?))
        }
        422 => {
            let refusal: Refusal = response.json().await.map_err(away)?;
            Err(Problem::field("picture", refusal.code(), refusal.message()))
        }
        status => Err(Problem::unavailable(format!("picture Worker: status {status}"))),
    }
}

/// Serves a picture. Its address changes with its content, so whoever has it keeps it.
///
/// # Errors
/// `NOT_FOUND`, `DEPENDENCY_UNAVAILABLE`.
pub async fn read(ctx: Ctx) -> Result<Answer, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let user_id: UserId = ctx.id("id")?;
    let file = ctx.param("file").unwrap_or_default();
    let kind = kind_of(file).ok_or_else(missing)?;
    let object = ctx.env.bucket("FILES").map_err(away)?.get(key(user_id, file)).execute().await.map_err(away)?;
    let object = object.ok_or_else(missing)?;
    let bytes = object.body().ok_or_else(missing)?.bytes().await.map_err(away)?;
    let body: JsValue = Uint8Array::from(bytes.as_slice()).into();
    let mut answer = Answer::text(200, kind.media_type(), AnswerBody::Value(body));
    answer.cache = Cache::Immutable;
    Ok(answer)
}

/// The kind of a file by its name, if that is one of ours.
fn kind_of(file: &str) -> Option<Kind> {
    let (name, extension) = file.split_once('.')?;
    let (mark, rest) = name.split_once('-')?;
    let is_hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex(mark, 32) && is_hex(rest, 8)).then(|| Kind::of_extension(extension)).flatten()
}

/// Where a person's file lies.
fn key(user_id: UserId, file: &str) -> String {
    format!("users/{user_id}/avatars/{file}")
}

/// Half of the content's SHA-256, as the file's name carries it.
fn mark(bytes: &[u8]) -> String {
    Sha256::digest(bytes).first_chunk::<16>().map(|half| hex(half)).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn away(error: worker::Error) -> Problem {
    Problem::unavailable(format!("files: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_are_looked_up() {
        let mark = mark(b"a picture");
        assert_eq!(mark.len(), 32);
        assert_eq!(kind_of(&format!("{mark}-0011aabb.png")), Some(Kind::Png));
        for odd in ["", ".png", "x-y.png", &format!("{mark}.png"), &format!("{mark}-0011aabb.svg"), &format!("{mark}-0011AABB.png")] {
            assert_eq!(kind_of(odd), None, "{odd}");
        }
    }
}
