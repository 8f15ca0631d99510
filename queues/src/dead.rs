//! Dead letters: messages that a queue gave up on. Their rows are settled as dead, to be seen and requeued.

use worker::Env;
use zygo_runtime::{
    clock, log,
    postgres::{self, Role},
};
use zygo_store::{
    PlatformScope,
    outbox::{self, Outcome},
};

use crate::{
    Row,
    run::{Next, postgres_problem},
};

/// Settles the row of a dead message. Twice is harmless: a settled row stays as it is.
pub async fn bury(env: &Env, message: &Row) -> Next {
    log::line(log::Level::Error, "dead letter", serde_json::json!({ "outbox_id": message.outbox_id, "kind": message.kind }));
    match settle(env, message).await {
        Ok(()) => Next::Settled,
        Err(_) => Next::Again { seconds: 60 },
    }
}

async fn settle(env: &Env, message: &Row) -> Result<(), zygo_core::error::Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("dead letter", "dead-letter");
    let outcome = Outcome::Dead { error: "the queue gave up".into() };
    postgres::bounded(outbox::settle(&db, &scope, message.outbox_id, &outcome, 0, clock::now())).await?.map_err(postgres_problem)
}
