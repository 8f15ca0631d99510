//! The shell of the limits objects.
#![expect(missing_docs, reason = "methods that the macro makes")]

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, SqlStorageValue, State, durable_object};
use zygo_core::{
    limits::gcra::{Decision, Meters},
    time::Timestamp,
};
use zygo_runtime::clock;

use super::Take;
use crate::{
    rpc::Fault,
    serve::{Answer, serve},
    storage::{Instant, Storage},
};

/// `full_at` is the core's theoretical arrival time: microseconds since the epoch.
const SCHEMA: &str = "create table if not exists meters (key text primary key, full_at integer not null) without rowid";

/// Pause between clean-ups at least, in milliseconds.
const SWEEP_MS: i64 = 3600 * 1000;
const MICROS: i64 = 1000;

/// Object class `LimitsObject`, binding `LIMITS`.
#[durable_object(alarm)]
pub struct LimitsObject {
    storage: Storage,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    full_at: i64,
}

impl DurableObject for LimitsObject {
    fn new(state: State, _: Env) -> Self {
        Self { storage: Storage::new(state, SCHEMA) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        serve(request, async |op| Answer::of(&self.take(op).await?)).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.storage.woken();
        self.sweep(clock::now()).await.map_err(Fault::into_error)?;
        Response::empty()
    }
}

impl LimitsObject {
    async fn take(&self, Take { checks, now }: Take) -> Result<Option<Decision>, Fault> {
        let mut known = Vec::new();
        for check in &checks {
            let key = vec![SqlStorageValue::String(check.key.clone())];
            let rows: Vec<Row> = self.storage.rows("select key, full_at from meters where key = ?", key)?;
            known.extend(rows.into_iter().map(|row| (row.key, row.full_at)));
        }
        let taken = Meters::restore(known).take(&checks, now);
        let anything = !taken.changed.is_empty();
        for (key, full_at) in taken.changed {
            let values = vec![SqlStorageValue::String(key), SqlStorageValue::Integer(full_at)];
            self.storage.run("insert or replace into meters (key, full_at) values (?, ?)", values)?;
        }
        if anything {
            self.storage.wake_by(now.plus_millis(SWEEP_MS)).await?;
        }
        Ok(taken.decision)
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), Fault> {
        let micros = now.millis().saturating_mul(MICROS);
        self.storage.run("delete from meters where full_at <= ?", vec![SqlStorageValue::Integer(micros)])?;
        let last: Vec<Instant> = self.storage.rows("select max(full_at) as value from meters", Vec::new())?;
        match last.first().and_then(|row| row.value) {
            Some(full_at) => {
                let full_at = Timestamp::from_millis(full_at.div_euclid(MICROS).saturating_add(1));
                self.storage.wake_by(full_at.max(now.plus_millis(SWEEP_MS))).await
            }
            None => self.storage.clear().await,
        }
    }
}
