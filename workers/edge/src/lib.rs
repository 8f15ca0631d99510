//! Zygo at the edge: one way of a request over one route table, which two Workers share: `workers/api` and `workers/console`.
#![cfg_attr(test, expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking"))]

pub mod app;
pub mod assets;
pub mod breach;
pub mod caller;
pub mod cookies;
pub mod ctx;
pub mod directory;
pub mod endpoints;
pub mod flows;
pub mod metrics;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod outbox;
pub mod page;
pub mod pages;
pub mod passwords;
pub mod pipeline;
pub mod reply;
pub mod revocation;
pub mod route;
pub mod router;
pub mod security;
pub mod token_cache;
pub mod whence;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use worker::{Context, Env};

use pipeline::Program;

/// HTTP: the promise of a `Response`.
///
/// The future is not polled here first, to spare what ends at once its promise: timers of the runtime's bindings keep the waker of
/// their first poll for good, and would never wake the promise's task.
#[must_use]
pub fn fetch(program: &'static Program, request: JsValue, env: Env, context: worker::worker_sys::Context) -> JsValue {
    future_to_promise(async move { Ok(pipeline::serve(program, request, env, Context::new(context)).await) }).into()
}

// The classes of the Durable Objects are exported by the crate that defines them.
pub use zygo_objects as objects;
