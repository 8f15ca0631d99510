//! Dead letters: messages that a queue gave up on, because nobody could be reached for as long as it tried.

use worker::Env;
use zygo_core::time::Timestamp;
use zygo_runtime::{Config, log};

use crate::{
    Row,
    run::{self, Next, Source},
};

/// Looks at the row of a dead message once more. A queue's patience ends within minutes, that of a job's policy does not: so it is the
/// run that says whether the row is dead. One that cannot be looked at even now is the sweep's, and so is one that failed and rests: somebody
/// else may have asked for that. Twice is harmless, as any run is.
pub async fn bury(env: &Env, config: &Config, message: &Row, now: Timestamp) -> Next {
    log::line(log::Level::Error, "dead letter", serde_json::json!({ "outbox_id": message.outbox_id, "kind": message.kind }));
    run::run(env, config, message, Source::DeadLetters, now).await;
    Next::Settled
}
