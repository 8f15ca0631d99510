//! The Worker beside the one that requests reach: pages, what a browser is sent through, and what is administered now and then. It has
//! no route of its own, and its Durable Objects are those of the other.

use wasm_bindgen::prelude::*;
use worker::Env;
use zygo_edge::{endpoints, pipeline::Program};

const CONSOLE: Program = Program { routes: endpoints::console, beyond: None, dialects: &[endpoints::identity::scim::DIALECT] };

/// HTTP: a `Response`, or the promise of one.
#[wasm_bindgen]
#[must_use]
pub fn fetch(request: JsValue, env: Env, context: worker::worker_sys::Context) -> JsValue {
    zygo_edge::fetch(&CONSOLE, request, env, context)
}
