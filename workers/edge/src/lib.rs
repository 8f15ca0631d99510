//! Zygo at the edge: the Worker's three entry points over one route table.
#![cfg_attr(test, expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking"))]

pub mod app;
pub mod assets;
pub mod caller;
pub mod cookies;
pub mod ctx;
pub mod directory;
pub mod endpoints;
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

use wasm_bindgen::JsCast as _;
use worker::{Context, Env, MessageBatch, ScheduleContext, ScheduledEvent, event, worker_sys::web_sys};

/// HTTP. The runtime's own types: `worker::Request` would read parts that the pipeline reads in one crossing.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    Ok(pipeline::serve(request.into(), env, context).await.unchecked_into())
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
