//! A connection that counts its round trips.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::Client;

/// A connection to Postgres, of `zygo_app` or of `zygo_platform`.
///
/// Whoever opened it drives its other half. The scope of each batch says on whose behalf; a scope on the wrong role's
/// connection sees nothing, because the policies of that role match nothing in it.
pub struct Db {
    client: Client,
    trips: AtomicU32,
}

impl Db {
    /// Wraps an open connection.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client, trips: AtomicU32::new(0) }
    }

    /// Round trips spent so far; connecting is not counted.
    #[must_use]
    pub fn trips(&self) -> u32 {
        self.trips.load(Ordering::Relaxed)
    }

    /// The client, for one round trip, which is counted.
    pub(crate) fn one_trip(&self) -> &Client {
        self.trips.fetch_add(1, Ordering::Relaxed);
        &self.client
    }
}
