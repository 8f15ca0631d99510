//! Puts outbox rows on their queues.

use futures::future::{join, join_all};
use worker::Env;
use zygo_core::{
    events::job::Queue,
    id::{TenantId, WebhookId},
};
use zygo_objects::StreamsHandle;
use zygo_runtime::log;
use zygo_store::{Owed, outbox::Queued};

use crate::{Message, Row};

/// The binding of a queue's producer.
const fn binding(queue: Queue) -> &'static str {
    match queue {
        Queue::Jobs => "JOBS",
        Queue::Mail => "MAIL",
        Queue::Webhooks => "WEBHOOKS",
    }
}

/// Sends a row's message. A failure is logged and left to the sweep.
pub async fn send(env: &Env, row: &Queued) {
    let message = Message::Row(Row { outbox_id: row.id, tenant_id: row.tenant_id, kind: row.kind.clone() });
    let sent = match env.queue(binding(row.queue)) {
        Ok(queue) => queue.send(message).await,
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        log::line(
            log::Level::Warn,
            "queue did not take a message",
            serde_json::json!({ "outbox_id": row.id, "kind": row.kind, "cause": error.to_string() }),
        );
    }
}

/// Says what committed transactions owe. What fails is logged and left to the sweep.
pub async fn announce(env: &Env, owed: &Owed) {
    join(deliver(env, &owed.endpoints), look(env, &owed.streams)).await;
}

/// Tells streams' objects that something happened which they have not told yet. A failure is logged and left to the sweep.
pub async fn look(env: &Env, tenants: &[TenantId]) {
    // A request may hold six connections, one of which is Postgres'.
    for some in tenants.chunks(4) {
        let told = join_all(some.iter().map(async |tenant| StreamsHandle::open(env, *tenant)?.take().await)).await;
        for problem in told.into_iter().filter_map(Result::err) {
            log::line(log::Level::Warn, "a stream was not told", serde_json::json!({ "cause": problem.log_cause() }));
        }
    }
}

/// Says which endpoints are owed deliveries. A failure is logged and left to the sweep.
pub async fn deliver(env: &Env, endpoints: &[WebhookId]) {
    // A queue takes a hundred messages at once.
    for some in endpoints.chunks(100) {
        let messages: Vec<Message> = some.iter().map(|webhook_id| Message::Deliver { webhook_id: *webhook_id }).collect();
        let sent = match env.queue(binding(Queue::Webhooks)) {
            Ok(queue) => queue.send_batch(messages).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            log::line(log::Level::Warn, "queue did not take a message", serde_json::json!({ "endpoints": some.len(), "cause": error.to_string() }));
        }
    }
}
