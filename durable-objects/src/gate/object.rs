//! The shell of the tenant gates.
#![expect(missing_docs, reason = "methods that the macro makes")]

use serde::{Serialize, de::DeserializeOwned};
use worker::{DurableObject, Env, Request, Response, SqlStorageValue, State, durable_object};
use zygo_core::{
    gate::{Gate, Lease, LeaseRequest, Policy, Revocation},
    time::Timestamp,
};

use super::Op;
use crate::{
    rpc::Fault,
    serve::{Answer, serve},
    storage::{Storage, Text, from_json, to_json},
};

/// Three parts, since the bucket changes with every lease, the log seldom, and the policy hardly ever.
const SCHEMA: &str = "create table if not exists gate (part text primary key, record text not null) without rowid";
const BUCKET: &str = "bucket";
const LOG: &str = "log";
const POLICY: &str = "policy";

/// Object class `GateObject`, binding `GATES`.
#[durable_object(fetch)]
pub struct GateObject {
    storage: Storage,
}

impl DurableObject for GateObject {
    fn new(state: State, _: Env) -> Self {
        Self { storage: Storage::new(state, SCHEMA) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        serve(request, async |op| match op {
            Op::Lease { request } => Answer::of(&self.lease(&request)?),
            Op::Revoke { revocations, now } => Answer::of(&self.revoke(revocations, now)?),
            Op::LayDown { policy } => Answer::of(&self.lay_down(policy)?),
        })
        .await
    }
}

impl GateObject {
    fn lease(&self, request: &LeaseRequest) -> Result<Lease, Fault> {
        let mut gate = self.load()?;
        let lease = gate.lease(request);
        self.keep(BUCKET, &gate.bucket)?;
        Ok(lease)
    }

    fn revoke(&self, revocations: Vec<Revocation>, now: Timestamp) -> Result<u64, Fault> {
        let mut gate = self.load()?;
        let seq = revocations.into_iter().map(|revocation| gate.revoke(revocation, now)).last();
        self.keep(LOG, &gate.log)?;
        Ok(seq.unwrap_or_default())
    }

    fn lay_down(&self, policy: Policy) -> Result<bool, Fault> {
        let mut gate = self.load()?;
        let newer = gate.lay_down(policy);
        if newer {
            self.keep(POLICY, &gate.policy)?;
        }
        Ok(newer)
    }

    fn load(&self) -> Result<Gate, Fault> {
        Ok(Gate { bucket: self.part(BUCKET)?, log: self.part(LOG)?, policy: self.part(POLICY)? })
    }

    fn part<T: DeserializeOwned + Default>(&self, part: &str) -> Result<T, Fault> {
        let rows: Vec<Text> = self.storage.rows("select record as value from gate where part = ?", vec![part.into()])?;
        Ok(rows.first().map(|row| from_json(&row.value)).transpose()?.unwrap_or_default())
    }

    fn keep<T: Serialize>(&self, part: &str, value: &T) -> Result<(), Fault> {
        let values: Vec<SqlStorageValue> = vec![part.into(), to_json(value)?];
        self.storage.run("insert or replace into gate (part, record) values (?, ?)", values)
    }
}
