//! Zygo at the edge: the Worker's three entry points over one route table.
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

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::{Context, Env, MessageBatch, ScheduleContext, ScheduledEvent, event};

/// HTTP: the promise of a `Response`.
///
/// Not `#[event(fetch)]`, whose conversions of request and response cost a crossing each. Nor is the future polled here to
/// spare what ends at once its promise: timers of the runtime's bindings keep the waker of their first poll for good, and
/// would never wake the promise's task.
#[wasm_bindgen]
#[must_use]
pub fn fetch(request: JsValue, env: Env, context: worker::worker_sys::Context) -> JsValue {
    future_to_promise(async move { Ok(pipeline::serve(request, env, Context::new(context)).await) }).into()
}

/// Queues: every message settles its outbox row.
#[event(queue)]
async fn queue(batch: MessageBatch<zygo_queues::Message>, env: Env, _context: Context) -> worker::Result<()> {
    zygo_queues::consume(batch, &env).await
}

/// Cron.
#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    zygo_queues::scheduled(&event.cron(), &env).await;
}

// The classes of the Durable Objects are exported by the crate that defines them.
pub use zygo_objects as objects;
