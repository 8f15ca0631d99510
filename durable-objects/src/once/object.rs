//! The shell of the objects of what may happen once.
#![expect(missing_docs, reason = "methods that the macro makes")]

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::Op;
use crate::{
    rpc::Fault,
    serve::{Answer, serve},
    storage::{Instant, Storage, instant},
};

const SCHEMA: &str = "create table if not exists taken (id integer primary key check (id = 1), until_ms integer not null)";

/// Object class `OnceObject`, binding `ONCE`.
#[durable_object(alarm)]
pub struct OnceObject {
    storage: Storage,
}

impl DurableObject for OnceObject {
    fn new(state: State, _: Env) -> Self {
        Self { storage: Storage::new(state, SCHEMA) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        serve(request, async |op| self.run(op).await).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.storage.woken();
        self.storage.clear().await.map_err(Fault::into_error)?;
        Response::empty()
    }
}

impl OnceObject {
    async fn run(&self, op: Op) -> Result<Answer, Fault> {
        let Op::Take { until } = op;
        // The insertion that the primary key refuses returns no row: one statement, so nothing comes between.
        let statement = "insert into taken (id, until_ms) values (1, ?) on conflict do nothing returning until_ms as value";
        let first = !self.storage.rows::<Instant>(statement, vec![instant(until)])?.is_empty();
        if first {
            self.storage.wake_by(until).await?;
        }
        Answer::of(&first)
    }
}
