//! The Worker that no request reaches: the queues' consumers, the clock, and the classes of the Durable Objects. So what requests do reach
//! holds nothing that works without them, and names what is deployed before it, never what comes after.

mod deliveries;
mod streams;

use worker::{Env, MessageBatch, ScheduleContext, ScheduledEvent, event};

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

// The classes of the Durable Objects are exported by the crate that defines them; those that need Postgres stand here.
pub use deliveries::DeliveriesObject;
pub use streams::StreamObject;
pub use zygo_objects as objects;
