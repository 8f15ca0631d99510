//! A connection that counts its round trips.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use tokio_postgres::Client;
use zygo_core::id::WebhookId;

/// A connection to Postgres, of `zygo_app` or of `zygo_platform`.
///
/// Whoever opened it drives its other half. The scope of each batch says on whose behalf; a scope on the wrong role's
/// connection sees nothing, because the policies of that role match nothing in it.
pub struct Db {
    client: Client,
    trips: AtomicU32,
    owed: Mutex<Vec<WebhookId>>,
}

impl Db {
    /// Wraps an open connection.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client, trips: AtomicU32::new(0), owed: Mutex::new(Vec::new()) }
    }

    /// Round trips spent so far; connecting is not counted.
    #[must_use]
    pub fn trips(&self) -> u32 {
        self.trips.load(Ordering::Relaxed)
    }

    /// The endpoints that transactions of this connection owe deliveries, since this was last asked: whoever made them says so to those
    /// that deliver.
    #[must_use]
    pub fn take_owed(&self) -> Vec<WebhookId> {
        std::mem::take(&mut *self.owed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes what a transaction left in its setting: identifiers with commas between them.
    pub(crate) fn owe(&self, endpoints: &str) {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        for endpoint in endpoints.split(',').filter_map(|id| id.parse().ok()) {
            if !owed.contains(&endpoint) {
                owed.push(endpoint);
            }
        }
    }

    /// The client, for one round trip, which is counted.
    pub(crate) fn one_trip(&self) -> &Client {
        self.trips.fetch_add(1, Ordering::Relaxed);
        &self.client
    }
}
