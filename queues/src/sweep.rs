//! What runs by the clock. First of all the sweep: it puts on a queue what was committed but never arrived there. Each run is on record, as
//! a job's is.

use std::future::Future;

use futures::future::join_all;
use worker::Env;
use zygo_core::{error::Problem, events::webhook, id::TenantId, time::Timestamp};
use zygo_runtime::{
    clock, log,
    postgres::{self, Role},
    random,
};
use zygo_store::{Db, PlatformScope, StoreError, audit, events, identity, integrations, outbox, tenancy, upkeep};

use crate::{producer, run::postgres_problem};

/// Rows taken at once; what is left comes in the next round.
const ROWS: i64 = 200;
/// Seconds that events and their deliveries are kept: 30 days.
const KEPT: i64 = 30 * 86_400;
/// Rows removed at once, and how often in one night at most.
const PART: i64 = 5_000;
const PARTS: u32 = 400;
/// Seconds after which a delivery that is due must have been seen.
const OVERDUE: i64 = 10;
/// Seconds after which an event must have been told to whoever is connected: two rounds of the clock, and some.
const LATELY: i64 = 180;
/// Rounds in one minute.
const ROUNDS: u32 = 10;

/// Every minute: what is due of connected drives and tenants' domains is owed, what never arrived on a queue is put there, and whoever has
/// overdue deliveries is told.
pub async fn minutely(env: &Env) {
    noted(env, "cron.integrations", owe_renewals(env)).await;
    noted(env, "cron.domains", owe_domain_checks(env)).await;
    noted(env, "cron.outbox", outbox(env)).await;
    noted(env, "cron.deliveries", deliveries(env)).await;
    noted(env, "cron.streams", streams(env)).await;
}

/// Runs something by the clock, and puts the run on record. One that fails is tried again when its time comes.
async fn noted(env: &Env, kind: &'static str, work: impl Future<Output = Result<(), Problem>>) {
    let began = clock::now();
    let result = work.await;
    let error = result.as_ref().err().map(|problem| problem.log_cause().unwrap_or(problem.code().as_str()).to_owned());
    if let Some(cause) = &error {
        log::line(log::Level::Error, "cron", serde_json::json!({ "kind": kind, "cause": cause }));
    }
    if let Err(problem) = record(env, kind, error, began).await {
        log::line(log::Level::Warn, "a run is not on record", serde_json::json!({ "kind": kind, "cause": problem.log_cause() }));
    }
}

async fn record(env: &Env, kind: &'static str, error: Option<String>, began: Timestamp) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("record of a run", kind);
    postgres::bounded(outbox::record_run(&db, &scope, random::id(began), kind, error.as_deref(), began, clock::now()))
        .await?
        .map_err(postgres_problem)
}

/// Puts due rows on their queues. Sweeps may overlap: each takes rows that no other holds.
async fn outbox(env: &Env) -> Result<(), Problem> {
    for _ in 0..ROUNDS {
        if due(env).await? < ROWS {
            break;
        }
    }
    Ok(())
}

async fn due(env: &Env) -> Result<i64, Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("outbox sweep", "sweep");
    let rows = postgres::bounded(outbox::due(&db, &scope, ROWS, clock::now())).await?.map_err(postgres_problem)?;
    join_all(rows.iter().map(|row| producer::send(env, row))).await;
    if !rows.is_empty() {
        log::line(log::Level::Info, "sweep", serde_json::json!({ "rows": rows.len() }));
    }
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

/// Wakes those who have overdue deliveries and do not know it.
async fn deliveries(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("webhook sweep", "sweep");
    let before = clock::now().plus_seconds(-OVERDUE);
    let endpoints = postgres::bounded(events::lagging(&db, &scope, before, ROWS)).await?.map_err(postgres_problem)?;
    producer::deliver(env, &endpoints).await;
    Ok(())
}

/// Tells the streams in which something happened lately and somebody is connected, should nobody else have.
async fn streams(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("streams sweep", "sweep");
    let now = clock::now();
    let tenants = postgres::bounded(events::missed(&db, &scope, now.plus_seconds(-LATELY), now, ROWS)).await?.map_err(postgres_problem)?;
    producer::look(env, &tenants).await;
    Ok(())
}

/// Owes a look at tenants' own domains that are due, and puts it on its queue.
async fn owe_domain_checks(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("checks of domains", "sweep");
    let rows = postgres::bounded(tenancy::owe_domain_checks(&db, &scope, ROWS, clock::now())).await?.map_err(postgres_problem)?;
    join_all(rows.iter().map(|row| producer::send(env, row))).await;
    Ok(())
}

/// Owes the renewal of connected drives' tokens that end soon, and puts it on its queue.
async fn owe_renewals(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("renewal of integrations", "sweep");
    let rows = postgres::bounded(integrations::owe_renewals(&db, &scope, ROWS, clock::now())).await?.map_err(postgres_problem)?;
    join_all(rows.iter().map(|row| producer::send(env, row))).await;
    Ok(())
}

/// Hourly: removes one-time tokens and session records that have long expired, switches off endpoints that did nothing but fail for days,
/// and owes the sealing of the audit trail.
pub async fn hourly(env: &Env) {
    noted(env, "cron.expired", upkeep(env, Upkeep::Expired)).await;
    noted(env, "cron.endpoints", upkeep(env, Upkeep::Endpoints)).await;
    noted(env, "cron.seals", owe_seals(env)).await;
}

/// The mark is a transaction of its own, over before the second asks which marks are final; this hour's is, unless somebody is just
/// writing, and then the hour before's.
async fn owe_seals(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("audit sealing", "sweep");
    postgres::bounded(audit::mark(&db, &scope)).await?.map_err(postgres_problem)?;
    let rows = postgres::bounded(audit::owe_seals(&db, &scope, clock::now())).await?.map_err(postgres_problem)?;
    join_all(rows.iter().map(|row| producer::send(env, row))).await;
    Ok(())
}

/// Daily: makes the partitions of the coming months, removes settled outbox rows after 30 days, erases the accounts whose
/// owners wanted that 30 days ago, forgets the slugs that were given up so long ago, closes the organisations that were to be deleted,
/// and owes the removal of what plans keep of the audit trail no longer.
pub async fn daily(env: &Env) {
    noted(env, "cron.partitions", upkeep(env, Upkeep::Partitions)).await;
    noted(env, "cron.accounts", upkeep(env, Upkeep::Accounts)).await;
    noted(env, "cron.redirects", upkeep(env, Upkeep::Redirects)).await;
    noted(env, "cron.organisations", upkeep(env, Upkeep::Organisations)).await;
    noted(env, "cron.events", upkeep(env, Upkeep::Events)).await;
    noted(env, "cron.retention", owe_expiry(env)).await;
}

/// Tenants are gone through in their order; the platform's own trail, before all of them, is kept.
async fn owe_expiry(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("audit retention", "sweep");
    let mut after = TenantId::PLATFORM;
    loop {
        let rows = postgres::bounded(audit::owe_expiry(&db, &scope, after, ROWS, clock::now())).await?.map_err(postgres_problem)?;
        join_all(rows.iter().map(|row| producer::send(env, row))).await;
        match rows.last() {
            Some(last) if i64::try_from(rows.len()).is_ok_and(|rows| rows >= ROWS) => after = last.tenant_id,
            _ => return Ok(()),
        }
    }
}

#[derive(Clone, Copy)]
enum Upkeep {
    Expired,
    Partitions,
    Accounts,
    Redirects,
    Organisations,
    Endpoints,
    Events,
}

async fn upkeep(env: &Env, which: Upkeep) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("upkeep", "upkeep");
    let now = clock::now();
    match which {
        Upkeep::Expired => postgres::bounded(upkeep::remove_expired(&db, &scope, now)).await?,
        Upkeep::Partitions => postgres::bounded(upkeep::partitions(&db, &scope, now)).await?,
        Upkeep::Accounts => postgres::bounded(identity::erase_due(&db, &scope, now)).await?,
        Upkeep::Redirects => postgres::bounded(tenancy::expire_redirects(&db, &scope, now)).await?,
        Upkeep::Organisations => postgres::bounded(tenancy::close_due(&db, &scope, now)).await?,
        Upkeep::Endpoints => postgres::bounded(events::disable_failing(&db, &scope, now.plus_seconds(-webhook::PATIENCE_SECONDS), now)).await?,
        Upkeep::Events => expire_events(&db, &scope, now).await?,
    }
    .map_err(postgres_problem)?;
    // What was done may be an event that somebody waits for.
    producer::announce(env, &db.take_owed()).await;
    Ok(())
}

/// Removes what the event log keeps no longer, a part at a time.
async fn expire_events(db: &Db, scope: &PlatformScope, now: Timestamp) -> Result<Result<i64, StoreError>, Problem> {
    let before = now.plus_seconds(-KEPT);
    let mut removed = 0_i64;
    for _ in 0..PARTS {
        match postgres::bounded(events::expire(db, scope, before, PART)).await? {
            Ok(count) => removed = removed.saturating_add(count),
            Err(error) => return Ok(Err(error)),
        }
        if removed.checked_rem(PART) != Some(0) || removed == 0 {
            break;
        }
    }
    Ok(Ok(removed))
}
