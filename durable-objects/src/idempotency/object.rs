//! The shell of the idempotency objects.
#![expect(missing_docs, reason = "methods that the macro makes")]

use worker::{DurableObject, Env, Request, Response, State, durable_object};
use zygo_core::idempotency::{Entry, Slot};
use zygo_runtime::clock;

use super::Op;
use crate::{
    rpc::Fault,
    serve::{Answer, serve},
    storage::{Storage, Text, from_json, to_json},
};

const SCHEMA: &str = "create table if not exists slot (id integer primary key check (id = 1), record text not null)";

/// Object class `IdempotencyObject`, binding `IDEMPOTENCY`.
#[durable_object(alarm)]
pub struct IdempotencyObject {
    storage: Storage,
}

impl DurableObject for IdempotencyObject {
    fn new(state: State, _: Env) -> Self {
        Self { storage: Storage::new(state, SCHEMA) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        serve(request, async |op| self.run(op).await).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.storage.woken();
        self.forget().await.map_err(Fault::into_error)?;
        Response::empty()
    }
}

impl IdempotencyObject {
    async fn run(&self, op: Op) -> Result<Answer, Fault> {
        let mut slot = self.load()?;
        let answer = match op {
            Op::Begin { fingerprint, now } => Answer::of(&slot.begin(fingerprint, now)),
            Op::Finish { lock, answer } => Answer::of(&slot.finish(lock, answer)),
            Op::Abandon { lock } => Answer::of(&slot.abandon(lock)),
        }?;
        self.storage.run("insert or replace into slot (id, record) values (1, ?)", vec![to_json(&slot)?])?;
        if let Some(expires_at) = slot.entry().map(Entry::expires_at) {
            self.storage.wake_by(expires_at).await?;
        }
        Ok(answer)
    }

    fn load(&self) -> Result<Slot, Fault> {
        let rows: Vec<Text> = self.storage.rows("select record as value from slot", Vec::new())?;
        Ok(rows.first().map(|row| from_json(&row.value)).transpose()?.unwrap_or_default())
    }

    /// An abandoned key may have been used again since the alarm was set.
    async fn forget(&self) -> Result<(), Fault> {
        match self.load()?.entry().map(Entry::expires_at).filter(|expires_at| clock::now() < *expires_at) {
            Some(expires_at) => self.storage.wake_by(expires_at).await,
            None => self.storage.clear().await,
        }
    }
}
