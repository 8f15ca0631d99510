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
pub mod pictures;
pub mod pipeline;
pub mod reply;
pub mod revocation;
pub mod route;
pub mod router;
pub mod security;
pub mod token_cache;
pub mod whence;

use wasm_bindgen::JsValue;
use worker::{Context, Env};
use zygo_runtime::{js, task};

use pipeline::Program;

/// HTTP: a `Response`, or the promise of one.
#[must_use]
pub fn fetch(program: &'static Program, request: JsValue, env: Env, context: worker::worker_sys::Context) -> JsValue {
    let head = js::head(&request);
    pipeline::kept::answer(&head).unwrap_or_else(|| task::run(pipeline::serve(program, head, request, env, Context::new(context))))
}
