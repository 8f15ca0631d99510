//! The way to Postgres: one connection per request, over Hyperdrive.
//!
//! A socket belongs to the request that opened it, so connections are not kept;
//! Hyperdrive keeps the pool near the database. Connecting is bounded in time,
//! and so is every batch, so that a database that is away costs a caller
//! seconds and not a hanging request.

use std::{future::Future, time::Duration};

use futures::future::{Either, select};
use tokio_postgres::{Config, NoTls};
use worker::{Delay, Env};
use zygo_core::error::Problem;
use zygo_store::Db;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_millis(2_000);
/// How long a batch may take.
const BATCH: Duration = Duration::from_millis(10_000);

/// Whom the Worker is to Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `zygo_app`: requests of tenants and people.
    App,
    /// `zygo_platform`: the platform's own jobs.
    Platform,
}

impl Role {
    const fn binding(self) -> &'static str {
        match self {
            Self::App => "DB",
            Self::Platform => "DB_PLATFORM",
        }
    }
}

/// Opens a connection.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` when Postgres does not answer in time.
pub async fn connect(env: &Env, role: Role) -> Result<Db, Problem> {
    let away = |error: &dyn std::fmt::Display| Problem::unavailable(format!("postgres: {error}"));
    let hyperdrive = env.hyperdrive(role.binding()).map_err(|error| Problem::internal(error.to_string()))?;
    let socket = hyperdrive.connect().map_err(|error| away(&error))?;
    let mut config = Config::new();
    config.user(hyperdrive.user()).password(hyperdrive.password()).dbname(hyperdrive.database());
    let (client, connection) =
        within(CONNECT, config.connect_raw(socket, NoTls)).await.ok_or_else(|| away(&"connecting took too long"))?.map_err(|error| away(&error))?;
    wasm_bindgen_futures::spawn_local(async move {
        // Its end is seen by the client half, which reports it to whoever waits.
        let _ = connection.await;
    });
    Ok(Db::new(client))
}

/// Awaits a batch, but not forever.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` after ten seconds.
pub async fn bounded<T>(batch: impl Future<Output = T>) -> Result<T, Problem> {
    within(BATCH, batch).await.ok_or_else(|| Problem::unavailable("postgres: batch took too long"))
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(Box::pin(future), Delay::from(limit)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(((), _)) => None,
    }
}
