//! Static files of pages: they lie in `public/`, which is bound to the Worker, not in its bundle.

use wasm_bindgen::JsValue;
use zygo_core::error::{Code, Problem};

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody, Cache},
};

/// Answers a file, to be kept for some seconds.
///
/// # Errors
/// `NOT_FOUND` if it is not there.
pub async fn serve(ctx: &Ctx, file: &str, content_type: &'static str, seconds: u32) -> Result<Answer, Problem> {
    let away = |error: worker::Error| Problem::internal(error.to_string());
    let assets = ctx.env.assets("ASSETS").map_err(away)?;
    let response = assets.fetch(format!("https://assets.local/{file}"), None).await.map_err(away)?;
    if response.status_code() != 200 {
        return Err(Problem::new(Code::NotFound).cause(format!("asset {file}: {}", response.status_code())));
    }
    let response = worker::worker_sys::web_sys::Response::from(response);
    let body = response.body().map_or(AnswerBody::Empty, |body| AnswerBody::Value(JsValue::from(body)));
    let mut answer = Answer::text(200, content_type, body);
    answer.cache = Cache::Public(seconds);
    Ok(answer)
}
