//! The sweep: puts on a queue what was committed but never arrived there.

use futures::future::join_all;
use worker::Env;
use zygo_core::{error::Problem, id::TenantId};
use zygo_runtime::{
    clock, log,
    postgres::{self, Role},
};
use zygo_store::{PlatformScope, audit, identity, integrations, outbox, tenancy, upkeep};

use crate::{producer, run::postgres_problem};

/// Rows taken at once; what is left comes in the next round.
const ROWS: i64 = 200;
/// Rounds in one minute.
const ROUNDS: u32 = 10;

/// Puts due rows on their queues. Sweeps may overlap: each takes rows that no other holds.
pub async fn outbox(env: &Env) {
    for _ in 0..ROUNDS {
        match due(env).await {
            Ok(rows) if rows < ROWS => return,
            Ok(_) => {}
            Err(problem) => {
                log::line(log::Level::Error, "sweep failed", serde_json::json!({ "cause": problem.log_cause() }));
                return;
            }
        }
    }
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

/// Owes the renewal of connected drives' tokens that end soon, and puts it on its queue.
pub async fn renewals(env: &Env) {
    if let Err(problem) = owe_renewals(env).await {
        log::line(log::Level::Error, "renewals failed", serde_json::json!({ "cause": problem.log_cause() }));
    }
}

/// Owes a look at tenants' own domains that are due, and puts it on its queue.
pub async fn domains(env: &Env) {
    if let Err(problem) = owe_domain_checks(env).await {
        log::line(log::Level::Error, "checks of domains failed", serde_json::json!({ "cause": problem.log_cause() }));
    }
}

async fn owe_domain_checks(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("checks of domains", "sweep");
    let rows = postgres::bounded(tenancy::owe_domain_checks(&db, &scope, ROWS, clock::now())).await?.map_err(postgres_problem)?;
    join_all(rows.iter().map(|row| producer::send(env, row))).await;
    Ok(())
}

async fn owe_renewals(env: &Env) -> Result<(), Problem> {
    let db = postgres::connect(env, Role::Platform).await?;
    let scope = PlatformScope::new("renewal of integrations", "sweep");
    let rows = postgres::bounded(integrations::owe_renewals(&db, &scope, ROWS, clock::now())).await?.map_err(postgres_problem)?;
    join_all(rows.iter().map(|row| producer::send(env, row))).await;
    Ok(())
}

/// Hourly: removes one-time tokens and session records that have long expired, and owes the sealing of the audit trail.
pub async fn hourly(env: &Env) {
    upkeep(env, Upkeep::Expired).await;
    if let Err(problem) = owe_seals(env).await {
        log::line(log::Level::Error, "sealing failed", serde_json::json!({ "cause": problem.log_cause() }));
    }
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
    upkeep(env, Upkeep::Partitions).await;
    upkeep(env, Upkeep::Accounts).await;
    upkeep(env, Upkeep::Redirects).await;
    upkeep(env, Upkeep::Organisations).await;
    if let Err(problem) = owe_expiry(env).await {
        log::line(log::Level::Error, "retention failed", serde_json::json!({ "cause": problem.log_cause() }));
    }
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
}

async fn upkeep(env: &Env, which: Upkeep) {
    let result = async {
        let db = postgres::connect(env, Role::Platform).await?;
        let scope = PlatformScope::new("upkeep", "upkeep");
        let now = clock::now();
        match which {
            Upkeep::Expired => postgres::bounded(upkeep::remove_expired(&db, &scope, now)).await?,
            Upkeep::Partitions => postgres::bounded(upkeep::partitions(&db, &scope, now)).await?,
            Upkeep::Accounts => postgres::bounded(identity::erase_due(&db, &scope, now)).await?,
            Upkeep::Redirects => postgres::bounded(tenancy::expire_redirects(&db, &scope, now)).await?,
            Upkeep::Organisations => postgres::bounded(tenancy::close_due(&db, &scope, now)).await?,
        }
        .map_err(postgres_problem)
    };
    if let Err(problem) = result.await {
        log::line(log::Level::Error, "upkeep failed", serde_json::json!({ "cause": problem.log_cause() }));
    }
}
