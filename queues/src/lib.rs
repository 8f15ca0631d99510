//! What happens after the commit: messages, their consumers, the sweep that forgets nothing.
//!
//! The outbox row is the truth; a message is only a hint that there is one. A
//! lost message costs a minute (the sweep), a doubled one nothing (the row is
//! settled already).

pub mod consumers;
pub mod dead;
pub mod deliveries;
pub mod directory;
pub mod mailer;
pub mod producer;
pub mod run;
pub mod sms;
pub mod sweep;

use std::collections::HashMap;

use futures::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use worker::{Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder};
use zygo_core::id::{OutboxId, TenantId, WebhookId};
use zygo_runtime::{Config, clock, log};

/// Endpoints that are woken at once: an invocation has six connections.
const WAKES: usize = 5;
/// Rows that are worked on at once: each holds a connection to Postgres, and perhaps one to somebody else.
const RUNS: usize = 3;

/// A message on any queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// An outbox row to look at.
    Row(Row),
    /// An endpoint that is owed deliveries.
    Deliver {
        /// Which.
        webhook_id: WebhookId,
    },
}

/// Which outbox row to look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The row.
    pub outbox_id: OutboxId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Its kind of job, for the log.
    pub kind: String,
}

/// Consumes a batch. Each message is acknowledged or retried for itself.
///
/// # Errors
/// When the batch cannot be read or the configuration is incomplete; the queue then retries all of it.
pub async fn consume(batch: MessageBatch<Message>, env: &Env) -> worker::Result<()> {
    let config = Config::read(env).map_err(worker::Error::RustError)?;
    let dead = batch.queue().ends_with("-dead");
    let mut rows = Vec::new();
    // Of one endpoint, one wake is as good as many.
    let mut woken: HashMap<WebhookId, Vec<_>> = HashMap::new();
    for message in batch.iter() {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                // Unreadable now is unreadable for ever; the row behind it is swept.
                log::line(log::Level::Error, "unreadable message", serde_json::json!({ "cause": error.to_string() }));
                continue;
            }
        };
        match message.body() {
            Message::Row(row) => rows.push((row.clone(), message)),
            // Whom no wake reached, the sweep wakes.
            Message::Deliver { .. } if dead => settle(&message, run::Next::Settled),
            Message::Deliver { webhook_id } => woken.entry(*webhook_id).or_default().push(message),
        }
    }
    stream::iter(rows)
        .for_each_concurrent(RUNS, async |(row, message)| {
            let now = clock::now();
            let outcome = if dead { dead::bury(env, &config, &row, now).await } else { run::run(env, &config, &row, run::Source::Queue, now).await };
            settle(&message, outcome);
        })
        .await;
    stream::iter(woken)
        .for_each_concurrent(WAKES, async |(endpoint, messages)| {
            let outcome = wake(env, endpoint).await;
            messages.iter().for_each(|message| settle(message, outcome));
        })
        .await;
    Ok(())
}

fn settle(message: &worker::Message<Message>, outcome: run::Next) {
    match outcome {
        run::Next::Settled => message.ack(),
        run::Next::Again { seconds } => message.retry_with_options(&QueueRetryOptionsBuilder::new().with_delay_seconds(seconds).build()),
    }
}

async fn wake(env: &Env, endpoint: WebhookId) -> run::Next {
    match deliveries::wake(env, endpoint).await {
        Ok(()) => run::Next::Settled,
        Err(problem) => {
            log::line(log::Level::Warn, "wake", serde_json::json!({ "webhook_id": endpoint, "cause": problem.log_cause() }));
            run::Next::Again { seconds: 5 }
        }
    }
}

/// Runs what the cron expression stands for.
pub async fn scheduled(cron: &str, env: &Env) {
    // Hourly and daily upkeep runs beside the sweep of that minute.
    match cron {
        "0 * * * *" => sweep::hourly(env).await,
        "0 0 * * *" => sweep::daily(env).await,
        _ => sweep::minutely(env).await,
    }
}
