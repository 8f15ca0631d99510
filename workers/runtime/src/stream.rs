//! Bodies that are made while they are read.

use futures::{Stream, StreamExt as _};
use wasm_bindgen::JsValue;
use wasm_streams::ReadableStream;
use zygo_core::error::Problem;

use crate::log;

/// A body of a response. The next piece is asked for when the client has taken the one before, so that no more than a piece or two is
/// ever held. A problem breaks the body off, so that nobody takes it for whole; its cause is in the log.
#[must_use]
pub fn body(pieces: impl Stream<Item = Result<Vec<u8>, Problem>> + 'static) -> JsValue {
    let pieces = pieces.map(|piece| match piece {
        Ok(bytes) => Ok(js_sys::Uint8Array::from(bytes.as_slice()).into()),
        Err(problem) => {
            log::line(log::Level::Error, "a body broke off", serde_json::json!({ "code": problem.code().as_str(), "cause": problem.log_cause() }));
            Err(JsValue::from_str(problem.code().as_str()))
        }
    });
    ReadableStream::from_stream(pieces).into_raw().into()
}
