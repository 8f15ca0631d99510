//! A connection that counts its round trips.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use tokio_postgres::Client;
use zygo_core::id::{TenantId, WebhookId};

/// A connection to Postgres, of `zygo_app` or of `zygo_platform`.
///
/// Whoever opened it drives its other half. The scope of each batch says on whose behalf; a scope on the wrong role's
/// connection sees nothing, because the policies of that role match nothing in it.
pub struct Db {
    client: Client,
    trips: AtomicU32,
    owed: Mutex<Owed>,
}

/// What committed transactions owe, beside their outbox rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Endpoints that have deliveries to be made.
    pub endpoints: Vec<WebhookId>,
    /// Tenants in which somebody is connected who may see what happened.
    pub streams: Vec<TenantId>,
}

impl Owed {
    /// Whether nothing is owed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && self.streams.is_empty()
    }
}

impl Db {
    /// Wraps an open connection.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client, trips: AtomicU32::new(0), owed: Mutex::new(Owed { endpoints: Vec::new(), streams: Vec::new() }) }
    }

    /// Round trips spent so far; connecting is not counted.
    #[must_use]
    pub fn trips(&self) -> u32 {
        self.trips.load(Ordering::Relaxed)
    }

    /// What transactions of this connection owe, since this was last asked: whoever made them says so to those who pay.
    #[must_use]
    pub fn take_owed(&self) -> Owed {
        std::mem::take(&mut *self.owed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes what a transaction left in its setting: identifiers with commas between them, those of tenants with `stream:` before them.
    pub(crate) fn owe(&self, noted: &str) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        for one in noted.split(',') {
            match one.strip_prefix("stream:") {
                Some(tenant) => add(&mut owed.streams, tenant),
                None => add(&mut owed.endpoints, one),
            }
        }
    }

    /// The client, for one round trip, which is counted.
    pub(crate) fn one_trip(&self) -> &Client {
        self.trips.fetch_add(1, Ordering::Relaxed);
        &self.client
    }
}

fn add<T: std::str::FromStr + PartialEq>(list: &mut Vec<T>, id: &str) {
    if let Ok(id) = id.parse()
        && !list.contains(&id)
    {
        list.push(id);
    }
}
