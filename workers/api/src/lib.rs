//! The Worker that requests reach: what clients call all day, the queues, the clock, and the classes of the Durable Objects. It sends what
//! it has no path for on to the Worker beside it (`workers/console`).

use wasm_bindgen::prelude::*;
use worker::{Env, MessageBatch, ScheduleContext, ScheduledEvent, event};
use zygo_edge::{endpoints, pipeline::Program};

const API: Program = Program { routes: endpoints::api, beyond: Some("CONSOLE") };

/// HTTP: a `Response`, or the promise of one.
///
/// Not `#[event(fetch)]`, whose conversions of request and response cost a crossing each.
#[wasm_bindgen]
#[must_use]
pub fn fetch(request: JsValue, env: Env, context: worker::worker_sys::Context) -> JsValue {
    zygo_edge::fetch(&API, request, env, context)
}

/// Queues: every message settles its outbox row.
#[event(queue)]
async fn queue(batch: MessageBatch<zygo_queues::Message>, env: Env, _context: worker::Context) -> worker::Result<()> {
    zygo_queues::consume(batch, &env).await
}

/// Cron.
#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    zygo_queues::scheduled(&event.cron(), &env).await;
}

// The classes of the Durable Objects are exported by the crate that defines them.
pub use zygo_edge::objects;
