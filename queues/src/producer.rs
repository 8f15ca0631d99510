//! Puts outbox rows on their queues.

use worker::Env;
use zygo_core::{events::job::Queue, id::WebhookId};
use zygo_runtime::log;
use zygo_store::outbox::Queued;

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
