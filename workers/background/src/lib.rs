//! The Worker that no request reaches: the queues' consumers, the clock, and the classes of the Durable Objects. So what requests do reach
//! holds nothing that works without them, and names what is deployed before it, never what comes after.

mod deliveries;

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

// The classes of the Durable Objects are exported by the crate that defines them; the one that delivers stands here, since it needs Postgres
// and the way out.
pub use deliveries::DeliveriesObject;
pub use zygo_objects as objects;
