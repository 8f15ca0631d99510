//! An object's storage: SQLite with a schema made on first use, and the alarm.

use std::cell::Cell;

use serde::{Serialize, de::DeserializeOwned};
use worker::{ScheduledTime, SqlCursor, SqlStorageValue, State, js_sys::Date};
use zygo_core::time::Timestamp;

use crate::rpc::Fault;

/// Storage of one object.
pub(crate) struct Storage {
    state: State,
    schema: &'static str,
    /// Whether the schema was made in this life of the object.
    ready: Cell<bool>,
    /// When the alarm rings at the latest, if that is known.
    wakes_at: Cell<Option<Timestamp>>,
}

impl Storage {
    /// The storage behind a state. `schema` is run on first use and must be harmless to run again.
    pub(crate) const fn new(state: State, schema: &'static str) -> Self {
        Self { state, schema, ready: Cell::new(false), wakes_at: Cell::new(None) }
    }

    /// The state that the storage belongs to.
    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    fn exec(&self, statement: &str, values: Vec<SqlStorageValue>) -> Result<SqlCursor, Fault> {
        let sql = self.state.storage().sql();
        if !self.ready.get() {
            sql.exec(self.schema, None)?;
            self.ready.set(true);
        }
        Ok(sql.exec(statement, values)?)
    }

    /// Runs a statement.
    pub(crate) fn run(&self, statement: &str, values: Vec<SqlStorageValue>) -> Result<(), Fault> {
        self.exec(statement, values).map(drop)
    }

    /// Runs a query.
    pub(crate) fn rows<T: DeserializeOwned>(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>, Fault> {
        self.exec(query, values)?.to_array().map_err(|error| Fault::Corrupt(error.to_string()))
    }

    /// Sees to it that the alarm rings at `at` or before.
    pub(crate) async fn wake_by(&self, at: Timestamp) -> Result<(), Fault> {
        if self.wakes_at.get().is_some_and(|known| known <= at) {
            return Ok(());
        }
        let storage = self.state.storage();
        let set = storage.get_alarm().await?.map(Timestamp::from_millis).filter(|set| *set <= at);
        if set.is_none() {
            storage.set_alarm(scheduled(at)).await?;
        }
        self.wakes_at.set(set.or(Some(at)));
        Ok(())
    }

    /// To be called when the alarm rings: it is spent.
    pub(crate) fn woken(&self) {
        self.wakes_at.set(None);
    }

    /// Deletes everything, so that the object costs nothing more.
    pub(crate) async fn clear(&self) -> Result<(), Fault> {
        self.ready.set(false);
        self.wakes_at.set(None);
        let storage = self.state.storage();
        storage.delete_alarm().await?;
        Ok(storage.delete_all().await?)
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit in 53 bits")]
fn scheduled(at: Timestamp) -> ScheduledTime {
    ScheduledTime::new(Date::new(&(at.millis() as f64).into()))
}

/// A value as the storage keeps it.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<SqlStorageValue, Fault> {
    serde_json::to_string(value).map(SqlStorageValue::String).map_err(|error| Fault::Corrupt(error.to_string()))
}

/// A value that the storage kept.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Corrupt(error.to_string()))
}

/// An instant as the storage keeps it: milliseconds since the epoch.
pub(crate) const fn instant(at: Timestamp) -> SqlStorageValue {
    SqlStorageValue::Integer(at.millis())
}

/// A row with one text.
#[derive(serde::Deserialize)]
pub(crate) struct Text {
    /// It.
    pub(crate) value: String,
}

/// The instant of an alarm row, if there is one.
#[derive(serde::Deserialize)]
pub(crate) struct Instant {
    /// Milliseconds since the epoch; `None` for the minimum of nothing.
    pub(crate) value: Option<i64>,
}
