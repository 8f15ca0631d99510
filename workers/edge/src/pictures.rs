//! Pictures that people upload: made harmless by the picture Worker, kept in R2 under a name of their own, served for good.

use sha2::{Digest as _, Sha256};
use wasm_bindgen::JsValue;
use worker::{Bucket, Method, RequestInit, js_sys::Uint8Array};
use zygo_core::{
    error::{Code, Problem},
    picture::{Kind, Refusal, Shape},
};
use zygo_runtime::random;

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody, Cache},
};

/// A picture that was kept, and that nothing refers to yet.
pub struct Kept {
    /// Its name below its folder.
    pub file: String,
    key: String,
    files: Bucket,
}

impl Kept {
    /// Removes it again, after the response; where that fails, it lies in its owner's folder.
    pub fn discard(self, ctx: &Ctx) {
        ctx.after(async move { drop(self.files.delete(&self.key).await) });
    }
}

/// Keeps the request's picture in a folder, with nothing of the file but what can be seen.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE` for bytes of no kind that is taken, or of another than the header says; `VALIDATION_FAILED` for
/// what cannot be read, is too large, or is something else as well; `DEPENDENCY_UNAVAILABLE`.
pub async fn keep(ctx: &Ctx, folder: &str, shape: Shape) -> Result<Kept, Problem> {
    told_truly(ctx)?;
    let (kind, bytes) = clean(ctx, shape).await?;
    // A name of its own for every upload: what removes the one before never meets the one after.
    let file = format!("{}-{}.{}", mark(&bytes), hex(&random::bytes::<4>()), kind.extension());
    let key = format!("{folder}/{file}");
    let files = ctx.env.bucket("FILES").map_err(away)?;
    let metadata = worker::HttpMetadata { content_type: Some(kind.media_type().to_owned()), ..worker::HttpMetadata::default() };
    files.put(&key, bytes).http_metadata(metadata).execute().await.map_err(away)?;
    Ok(Kept { file, key, files })
}

/// Serves a picture of a folder. Its address changes with its content, so whoever has it keeps it.
///
/// # Errors
/// `NOT_FOUND`, `DEPENDENCY_UNAVAILABLE`.
pub async fn serve(ctx: &Ctx, folder: &str) -> Result<Answer, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let file = ctx.param("file").unwrap_or_default();
    let kind = kind_of(file).ok_or_else(missing)?;
    let object = ctx.env.bucket("FILES").map_err(away)?.get(format!("{folder}/{file}")).execute().await.map_err(away)?;
    let object = object.ok_or_else(missing)?;
    let bytes = object.body().ok_or_else(missing)?.bytes().await.map_err(away)?;
    let body: JsValue = Uint8Array::from(bytes.as_slice()).into();
    let mut answer = Answer::text(200, kind.media_type(), AnswerBody::Value(body));
    answer.cache = Cache::Immutable;
    Ok(answer)
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
async fn clean(ctx: &Ctx, shape: Shape) -> Result<(Kind, Vec<u8>), Problem> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(Uint8Array::from(ctx.body()).into()));
    let away = |error: worker::Error| Problem::unavailable(format!("picture Worker: {error}"));
    // The host is never looked up: the binding leads to the Worker.
    let url = format!("https://pictures{}", shape.path());
    let mut response = ctx.env.service("PICTURES").map_err(away)?.fetch(url, Some(init)).await.map_err(away)?;
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

/// The kind of a file by its name, if that is one of ours.
fn kind_of(file: &str) -> Option<Kind> {
    let (name, extension) = file.split_once('.')?;
    let (mark, rest) = name.split_once('-')?;
    let is_hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex(mark, 32) && is_hex(rest, 8)).then(|| Kind::of_extension(extension)).flatten()
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
