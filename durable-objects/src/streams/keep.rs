//! What a stream's object keeps: the log, and how far it was fed.

use serde::{Deserialize, Serialize};
use worker::SqlStorageValue;
use zygo_core::{
    id::TenantId,
    stream::{Entry, Feed, Log, Place},
    time::Timestamp,
};

use crate::{
    rpc::Fault,
    storage::{Storage, Text, from_json, to_json},
};

pub(super) const SCHEMA: &str = "create table if not exists entries (seq integer primary key, entry text not null);
    create table if not exists hub (id integer primary key check (id = 1), record text not null)";

/// What is kept beside the entries.
#[derive(Serialize, Deserialize)]
struct Record {
    tenant_id: TenantId,
    epoch: u64,
    head: u64,
    place: Place,
    watched_until: Timestamp,
}

/// What an object knows.
pub(super) struct Known {
    pub(super) tenant_id: TenantId,
    pub(super) feed: Feed,
    /// Until when Postgres knows that somebody is connected.
    pub(super) watched_until: Timestamp,
}

/// Reads what is kept; `None` where nothing is.
pub(super) fn load(storage: &Storage) -> Result<Option<Known>, Fault> {
    let records: Vec<Text> = storage.rows("select record as value from hub", Vec::new())?;
    let Some(record) = records.first() else { return Ok(None) };
    let Record { tenant_id, epoch, head, place, watched_until } = from_json(&record.value)?;
    let rows: Vec<Text> = storage.rows("select entry as value from entries order by seq", Vec::new())?;
    let entries: Vec<Entry> = rows.iter().map(|row| from_json(&row.value)).collect::<Result<_, _>>()?;
    Ok(Some(Known { tenant_id, feed: Feed { log: Log::restore(epoch, head, entries), place }, watched_until }))
}

/// Keeps all but the entries.
pub(super) fn keep(storage: &Storage, known: &Known) -> Result<(), Fault> {
    let (end, place) = (known.feed.log.cursor(), known.feed.place.clone());
    let record = Record { tenant_id: known.tenant_id, epoch: end.epoch, head: end.seq, place, watched_until: known.watched_until };
    storage.run("insert or replace into hub (id, record) values (1, ?)", vec![to_json(&record)?])
}

/// Keeps new entries, and lets go of those that the log has let go of.
pub(super) fn keep_entries<'a>(storage: &Storage, log: &Log, new: impl Iterator<Item = &'a Entry>) -> Result<(), Fault> {
    for entry in new.filter(|entry| entry.seq > log.floor()) {
        let values = vec![number(entry.seq), to_json(entry)?];
        storage.run("insert or replace into entries (seq, entry) values (?, ?)", values)?;
    }
    storage.run("delete from entries where seq <= ?", vec![number(log.floor())])
}

/// Lets go of all entries.
pub(super) fn forget_entries(storage: &Storage) -> Result<(), Fault> {
    storage.run("delete from entries", Vec::new())
}

fn number(seq: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(seq).unwrap_or(i64::MAX))
}
