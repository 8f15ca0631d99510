//! The audit trail's jobs: seals, their copies, and rows that are kept no longer.

use worker::Env;
use zygo_core::{
    audit::chain::{Seal, Stretch},
    error::Problem,
    id::TenantId,
    tenancy::plan::{Feature, Features, Plan},
    time::Timestamp,
};
use zygo_runtime::{clock, log, postgres, random};
use zygo_store::{StoreError, audit};

use crate::{
    producer,
    run::{Failure, Work, postgres_problem},
};

/// Rows under one seal at most, which are in memory together.
const ROWS: i64 = 2_000;
/// Rows of a kind that go at once.
const PORTION: i32 = 5_000;
/// Milliseconds after which a run leaves the rest to the next: well within the two minutes that it holds its row for.
const LONGEST: i64 = 60_000;
/// Days that every plan keeps.
const FEWEST_DAYS: u64 = 30;

/// Seals a tenant's rows up to a place.
///
/// Twice is harmless: each seal begins where the last one ended, and of two runs at the same moment one finds its number taken.
///
/// # Errors
/// `Retry` while Postgres is away, or if there is more to seal than one run does.
pub async fn seal(work: &Work<'_>, tenant_id: TenantId, through: i64) -> Result<(), Failure> {
    loop {
        let (last, rows) = bounded(audit::unsealed(work.db, work.scope, tenant_id, through, ROWS)).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut stretch = Stretch::new(tenant_id);
        rows.iter().for_each(|row| stretch.push(row));
        let now = clock::now();
        add(work, &stretch.seal(last.as_ref(), 0, now), now).await?;
        if i64::try_from(rows.len()).is_ok_and(|rows| rows < ROWS) {
            return Ok(());
        }
        in_time(work)?;
    }
}

async fn add(work: &Work<'_>, seal: &Seal, now: Timestamp) -> Result<(), Failure> {
    if let Some(queued) = bounded(audit::add_seal(work.db, work.scope, seal, random::id(now))).await? {
        producer::send(work.env, &queued).await;
    }
    Ok(())
}

/// Copies a seal to where the database's administrators have no say.
///
/// Twice is harmless: a copy that is there already is the same, or something is wrong, and then it stays.
///
/// # Errors
/// `Retry` while R2 or Postgres is away, `Fail` where the copy is another one.
pub async fn archive(work: &Work<'_>, tenant_id: TenantId, number: i64) -> Result<(), Failure> {
    let seal = bounded(audit::seal(work.db, work.scope, tenant_id, number)).await?.ok_or(Failure::Fail("the seal is gone"))?;
    let text = serde_json::to_string(&seal).map_err(|_| Failure::Fail("the seal cannot be written"))?;
    match kept(work.env, &seal).await? {
        None => put(work.env, &seal, text).await,
        Some(there) if there == text => Ok(()),
        Some(_) => {
            log::line(log::Level::Error, "a seal differs from its copy", serde_json::json!({ "tenant_id": tenant_id, "number": number }));
            Err(Failure::Fail("the seal differs from its copy"))
        }
    }
}

fn away(error: worker::Error) -> Failure {
    Failure::Retry(Problem::unavailable(format!("seals: {error}")))
}

async fn kept(env: &Env, seal: &Seal) -> Result<Option<String>, Failure> {
    let object = env.bucket("SEALS").map_err(away)?.get(seal.key()).execute().await.map_err(away)?;
    match object.as_ref().and_then(worker::Object::body) {
        Some(body) => body.text().await.map(Some).map_err(away),
        None => Ok(None),
    }
}

async fn put(env: &Env, seal: &Seal, text: String) -> Result<(), Failure> {
    env.bucket("SEALS").map_err(away)?.put(seal.key(), text.into_bytes()).execute().await.map(drop).map_err(away)
}

/// Removes what a tenant's plan keeps no longer: first a seal declares the changes gone, then rows go, a portion at a time.
///
/// Twice is harmless: what is gone stays gone, and no seal is added that declares nothing new.
///
/// # Errors
/// `Retry` while Postgres is away, or if there is more to remove than one run does.
pub async fn expire(work: &Work<'_>, tenant_id: TenantId) -> Result<(), Failure> {
    let now = work.now;
    let Some((plan, own)) = bounded(audit::kept(work.db, work.scope, tenant_id, now)).await? else { return Ok(()) };
    let rows = own.iter().map(|value| (Feature::AuditRetentionDays.key(), value));
    let features = Features::resolve(Plan::from_key(&plan).unwrap_or(Plan::Enterprise), rows);
    let Some(days) = features.allowance(Feature::AuditRetentionDays).limit() else { return Ok(()) };
    let seconds = i64::try_from(days.max(FEWEST_DAYS)).unwrap_or(i64::MAX).saturating_mul(86_400);
    let before = now.plus_seconds(seconds.saturating_neg());
    let (through, last) = bounded(audit::expirable(work.db, work.scope, tenant_id, before)).await?;
    if let Some(last) = last.filter(|last| last.expired_through < through) {
        add(work, &Stretch::new(tenant_id).seal(Some(&last), through, now), now).await?;
        let details = serde_json::json!({ "before": before, "expired_through": through });
        bounded(audit::record_admin_action(work.db, work.scope, tenant_id, "audit retention", &details, now)).await?;
    }
    while bounded(audit::expire(work.db, work.scope, tenant_id, before, PORTION)).await? >= PORTION {
        in_time(work)?;
    }
    Ok(())
}

/// Whether a run may go on; what it leaves, it is tried again for.
fn in_time(work: &Work<'_>) -> Result<(), Failure> {
    if clock::now().since(work.now) < LONGEST { Ok(()) } else { Err(Failure::Retry(Problem::unavailable("there is more to do"))) }
}

async fn bounded<T>(batch: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
    Ok(postgres::bounded(batch).await?.map_err(postgres_problem)?)
}
