//! The shell of the tenant gates.
#![expect(missing_docs, reason = "methods that the macro makes")]

use std::cell::RefCell;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use worker::{DurableObject, Env, Request, Response, SqlStorageValue, State, durable_object};
use zygo_core::{
    gate::{Gate, Lease, LeaseRequest, Look, News, Parties, Policy, Revocation},
    id::TenantId,
    time::Timestamp,
};
use zygo_runtime::{clock, log};

use super::{GateHandle, Op};
use crate::{
    StreamsHandle,
    rpc::Fault,
    serve::{Answer, serve},
    storage::{Storage, Text, from_json, to_json},
};

/// What changes with every lease, seldom, and hardly ever is kept apart; `full_at` is microseconds since the epoch.
const SCHEMA: &str = "create table if not exists gate (part text primary key, record text not null) without rowid;
    create table if not exists parties (key text primary key, full_at integer not null) without rowid";
const BUCKET: &str = "bucket";
const LOG: &str = "log";
const POLICY: &str = "policy";
/// Whose stream is told of news.
const WATCHER: &str = "watcher";

/// Object class `GateObject`, binding `GATES`.
#[durable_object(fetch)]
pub struct GateObject {
    storage: Storage,
    env: Env,
    /// The gate as it is kept; of a copy, also the log. `None` where storage is to be read first.
    known: RefCell<Option<Gate>>,
}

#[derive(Deserialize)]
struct PartyRow {
    key: String,
    full_at: i64,
}

impl DurableObject for GateObject {
    fn new(state: State, env: Env) -> Self {
        Self { storage: Storage::new(state, SCHEMA), env, known: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        serve(request, async |op| match op {
            Op::Lease { request, copy_of } => Answer::of(&self.lease(&request, copy_of).await?),
            Op::Revoke { revocations, now } => {
                let seq = self.revoke(revocations, now)?;
                self.tell_stream().await?;
                Answer::of(&seq)
            }
            Op::LayDown { policy } => {
                let newer = self.lay_down(policy)?;
                self.tell_stream().await?;
                Answer::of(&newer)
            }
            Op::News { since, policy, watcher } => Answer::of(&self.news(since, policy, watcher)?),
            Op::Look { rate, parties } => Answer::of::<Look>(&self.with(|gate| Ok(gate.look(rate, &parties, clock::now())))?),
        })
        .await
    }
}

impl GateObject {
    async fn lease(&self, request: &LeaseRequest, copy_of: Option<TenantId>) -> Result<Lease, Fault> {
        if let Some(tenant_id) = copy_of {
            self.follow(tenant_id, request.fresh).await?;
        }
        let now = clock::now();
        self.with(|gate| {
            let lease = gate.lease(request, now);
            self.keep(BUCKET, &gate.bucket)?;
            for (key, full_at) in gate.parties.take_changed(now) {
                self.keep_party(key, full_at)?;
            }
            Ok(lease)
        })
    }

    /// Brings a copy up to date where it is behind. While the original is away, leases last as long as what is known may be believed.
    async fn follow(&self, tenant_id: TenantId, fresh: bool) -> Result<(), Fault> {
        let now = clock::now();
        let Some((since, policy)) = self.with(|gate| Ok(gate.is_behind(fresh, now).then(|| gate.place())))? else { return Ok(()) };
        let asked = async { GateHandle::open(&self.env, tenant_id)?.news(since, policy).await };
        match asked.await {
            Ok(news) => self.with(|gate| {
                gate.follow(news, now);
                Ok(())
            }),
            Err(_) if !fresh && self.with(|gate| Ok(gate.believes(now)))? => Ok(()),
            Err(problem) => Err(Fault::Storage(format!("the log's original: {}", problem.log_cause().unwrap_or_default()))),
        }
    }

    fn revoke(&self, revocations: Vec<Revocation>, now: Timestamp) -> Result<u64, Fault> {
        self.with(|gate| {
            let seq = revocations.into_iter().map(|revocation| gate.revoke(revocation, now)).last();
            self.keep(LOG, &gate.log)?;
            Ok(seq.unwrap_or_default())
        })
    }

    fn lay_down(&self, policy: Policy) -> Result<bool, Fault> {
        self.with(|gate| {
            let newer = gate.lay_down(policy);
            if newer {
                self.keep(POLICY, &gate.policy)?;
            }
            Ok(newer)
        })
    }

    /// Tells the tenant's stream that there is news, where it asked for that, and forgets one that nobody is connected to. One that does not
    /// answer tells nobody anything before it has asked the gate itself.
    async fn tell_stream(&self) -> Result<(), Fault> {
        let Some(tenant_id) = self.part::<Option<TenantId>>(WATCHER)? else { return Ok(()) };
        let told = async { StreamsHandle::open(&self.env, tenant_id)?.look().await };
        match told.await {
            Ok(true) => Ok(()),
            Ok(false) => self.keep(WATCHER, &None::<TenantId>),
            Err(problem) => {
                log::line(
                    log::Level::Warn,
                    "a stream was not told of a revocation",
                    serde_json::json!({ "tenant_id": tenant_id, "cause": problem.log_cause() }),
                );
                Ok(())
            }
        }
    }

    fn news(&self, since: u64, policy: i64, watcher: Option<TenantId>) -> Result<News, Fault> {
        if watcher.is_some() && self.part::<Option<TenantId>>(WATCHER)? != watcher {
            self.keep(WATCHER, &watcher)?;
        }
        self.with(|gate| Ok(gate.news(since, policy, clock::now())))
    }

    /// Works on the gate. What storage refuses is not remembered either.
    fn with<T>(&self, work: impl FnOnce(&mut Gate) -> Result<T, Fault>) -> Result<T, Fault> {
        let known = self.known.take();
        let mut gate = known.map_or_else(|| self.load(), Ok)?;
        let done = work(&mut gate)?;
        self.known.replace(Some(gate));
        Ok(done)
    }

    fn load(&self) -> Result<Gate, Fault> {
        let rows: Vec<PartyRow> = self.storage.rows("select key, full_at from parties", Vec::new())?;
        let parties = Parties::restore(rows.into_iter().map(|row| (row.key, row.full_at)));
        Ok(Gate { bucket: self.part(BUCKET)?, parties, log: self.part(LOG)?, policy: self.part(POLICY)?, copied_at: None })
    }

    fn part<T: DeserializeOwned + Default>(&self, part: &str) -> Result<T, Fault> {
        let rows: Vec<Text> = self.storage.rows("select record as value from gate where part = ?", vec![part.into()])?;
        Ok(rows.first().map(|row| from_json(&row.value)).transpose()?.unwrap_or_default())
    }

    fn keep<T: Serialize>(&self, part: &str, value: &T) -> Result<(), Fault> {
        let values: Vec<SqlStorageValue> = vec![part.into(), to_json(value)?];
        self.storage.run("insert or replace into gate (part, record) values (?, ?)", values)
    }

    fn keep_party(&self, key: String, full_at: Option<i64>) -> Result<(), Fault> {
        let key = SqlStorageValue::String(key);
        match full_at {
            Some(at) => self.storage.run("insert or replace into parties (key, full_at) values (?, ?)", vec![key, SqlStorageValue::Integer(at)]),
            None => self.storage.run("delete from parties where key = ?", vec![key]),
        }
    }
}
