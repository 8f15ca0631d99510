//! The Worker that requests reach: what clients call all day. It sends what it has no path for on to the Worker beside it
//! (`workers/console`).

use wasm_bindgen::prelude::*;
use worker::Env;
use zygo_edge::{endpoints, pipeline::Program};

const API: Program = Program { routes: endpoints::api, beyond: Some("CONSOLE"), dialects: &[] };

/// HTTP: a `Response`, or the promise of one.
///
/// Not `#[event(fetch)]`, whose conversions of request and response cost a crossing each.
#[wasm_bindgen]
#[must_use]
pub fn fetch(request: JsValue, env: Env, context: worker::worker_sys::Context) -> JsValue {
    zygo_edge::fetch(&API, request, env, context)
}
