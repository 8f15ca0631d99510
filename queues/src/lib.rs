//! What happens after the commit: messages, their consumers, the sweep that forgets nothing.
//!
//! The outbox row is the truth; a message is only a hint that there is one. A
//! lost message costs a minute (the sweep), a doubled one nothing (the row is
//! settled already).

pub mod consumers;
pub mod dead;
pub mod directory;
pub mod mailer;
pub mod producer;
pub mod run;
pub mod sms;
pub mod sweep;

use serde::{Deserialize, Serialize};
use worker::{Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder};
use zygo_core::id::{OutboxId, TenantId};
use zygo_runtime::{Config, clock, log};

/// A message on any queue: which outbox row to look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
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
    for message in batch.iter() {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                // Unreadable now is unreadable for ever; the row behind it is swept.
                log::line(log::Level::Error, "unreadable message", serde_json::json!({ "cause": error.to_string() }));
                continue;
            }
        };
        let outcome = if dead { dead::bury(env, message.body()).await } else { run::run(env, &config, message.body(), clock::now()).await };
        match outcome {
            run::Next::Settled => message.ack(),
            run::Next::Again { seconds } => message.retry_with_options(&QueueRetryOptionsBuilder::new().with_delay_seconds(seconds).build()),
        }
    }
    Ok(())
}

/// Runs what the cron expression stands for.
pub async fn scheduled(cron: &str, env: &Env) {
    // Hourly and daily upkeep runs beside the sweep of that minute.
    match cron {
        "0 * * * *" => sweep::hourly(env).await,
        "0 0 * * *" => sweep::daily(env).await,
        _ => {
            sweep::renewals(env).await;
            sweep::domains(env).await;
            sweep::outbox(env).await;
        }
    }
}
