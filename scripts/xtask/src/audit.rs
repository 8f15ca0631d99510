//! Holds the audit trail against its seals, and the seals against their copies.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use futures::TryStreamExt as _;
use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;
use zygo_core::{
    audit::chain::{Entry, Fault, Hash, Seal, Stretch, Verifier},
    id::TenantId,
    time::Timestamp,
};

use crate::roles;

const SEALS: &str = "SELECT number, first_seq, last_seq, row_count, expired_through, rows_hash, rows_mixed, previous_hash, hash, \
    floor(extract(epoch FROM created_at) * 1000)::bigint AS sealed_at FROM audit_seals WHERE tenant_id = $1 ORDER BY number";
const ROWS: &str = "SELECT seq, id, actor, user_id, action, resource_type, resource_id, before::text AS before, after::text AS after, request_id, \
    ip, floor(extract(epoch FROM created_at) * 1000000)::bigint AS at FROM audit_logs WHERE tenant_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq";

/// Verifies every tenant's trail, or one tenant's, as it was at one moment.
///
/// # Errors
/// When something does not fit, or cannot be read.
pub async fn verify(url: &str, only: Option<Uuid>, archive: Option<&Path>) -> Result<()> {
    let mut connection = roles::connect(&url.parse().context("the database URL is malformed")?).await?;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT set_config('app.platform_reason', 'audit verification', true)")
        .execute(&mut connection)
        .await?;
    let tenants: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT id, slug FROM tenants WHERE $1 IS NULL OR id = $1 ORDER BY id").bind(only).fetch_all(&mut connection).await?;
    if tenants.is_empty() {
        bail!("no tenant is to be seen: connect as zygo_platform or a superuser");
    }
    let mut copies = archive.map(copies).transpose()?.unwrap_or_default();
    let (mut seals, mut rows, mut bad) = (0_usize, 0_i64, 0_usize);
    for (id, slug) in tenants {
        let report = tenant(&mut connection, id.into(), copies.remove(&id).unwrap_or_default()).await?;
        seals = seals.saturating_add(report.seals);
        rows = rows.saturating_add(report.rows);
        bad = bad.saturating_add(report.faults.len());
        for (number, fault) in &report.faults {
            println!("TAMPERED  {slug} ({id}), seal {number}: {}", words(fault));
        }
        if report.faults.is_empty() && report.seals > 0 {
            println!("fits      {slug} ({id}): {} rows under {} seals, {} rows not sealed yet", report.rows, report.seals, report.unsealed);
        }
    }
    connection.close().await?;
    if let Some(id) = copies.keys().find(|id| only.is_none_or(|only| only == **id)) {
        bail!("TAMPERED: there are copies of seals of {id}, and no such tenant");
    }
    if archive.is_none() {
        println!("The copies of the seals were not looked at (--archive): whoever can write the whole database could have forged the chain.");
    }
    if bad > 0 {
        bail!("TAMPERED: {bad} faults");
    }
    println!("The audit trail fits its seals: {rows} rows, {seals} seals.");
    Ok(())
}

fn words(fault: &Fault) -> String {
    match fault {
        Fault::Edited => "a row was edited".to_owned(),
        Fault::Deleted { missing } => format!("{missing} rows were deleted"),
        Fault::CutOff { after } => format!("the end was cut off after {after}"),
        Fault::Reordered => "rows were put in another order".to_owned(),
        Fault::Inserted { surplus } => format!("{surplus} rows were added"),
        Fault::Seal => "the seal does not fit the one before it, itself, or its copy".to_owned(),
    }
}

#[derive(Default)]
struct Report {
    seals: usize,
    rows: i64,
    unsealed: i64,
    faults: Vec<(i64, Fault)>,
}

async fn tenant(connection: &mut PgConnection, tenant_id: TenantId, copies: Vec<Seal>) -> Result<Report> {
    let rows = sqlx::query(SEALS).bind(tenant_id.uuid()).fetch_all(&mut *connection).await?;
    let seals = rows.iter().map(|row| seal(row, tenant_id)).collect::<Result<Vec<_>>>()?;
    let mut verifier = Verifier::new(seals.last().map_or(0, |seal| seal.expired_through));
    let mut sealed = 0_i64;
    for (place, seal) in seals.iter().enumerate() {
        let mut stretch = Stretch::new(tenant_id);
        let mut rows = sqlx::query(ROWS).bind(tenant_id.uuid()).bind(seal.first_seq).bind(seal.last_seq).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            stretch.push(&entry(&row)?);
            sealed = sealed.saturating_add(1);
        }
        // Behind the last stretch of rows there may be seals that cover none.
        let is_last = seals.iter().skip(place.saturating_add(1)).all(|later| later.row_count == 0);
        verifier.check(seal, stretch, is_last);
    }
    for copy in &copies {
        verifier.check_copy(copy, seals.iter().find(|seal| seal.number == copy.number));
    }
    let last = seals.last().map_or(0, |seal| seal.last_seq);
    let unsealed = sqlx::query_scalar("SELECT count(*) FROM audit_logs WHERE tenant_id = $1 AND seq > $2");
    let unsealed = unsealed.bind(tenant_id.uuid()).bind(last).fetch_one(&mut *connection).await?;
    Ok(Report { seals: seals.len(), rows: sealed, unsealed, faults: verifier.faults })
}

/// The copies in a folder that mirrors the bucket: `<tenant>/<number>.json`.
fn copies(folder: &Path) -> Result<BTreeMap<Uuid, Vec<Seal>>> {
    let mut found: BTreeMap<Uuid, Vec<Seal>> = BTreeMap::new();
    let entries = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
        Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
    };
    for tenant in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        for file in entries(&tenant)?.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
            let seal: Seal = serde_json::from_str(&std::fs::read_to_string(&file)?).with_context(|| format!("{} is no seal", file.display()))?;
            found.entry(seal.tenant_id.uuid()).or_default().push(seal);
        }
    }
    found.values_mut().for_each(|seals| seals.sort_by_key(|seal| seal.number));
    Ok(found)
}

fn seal(row: &PgRow, tenant_id: TenantId) -> Result<Seal> {
    Ok(Seal {
        tenant_id,
        number: row.try_get("number")?,
        first_seq: row.try_get("first_seq")?,
        last_seq: row.try_get("last_seq")?,
        row_count: row.try_get("row_count")?,
        expired_through: row.try_get("expired_through")?,
        rows_hash: hash(row.try_get("rows_hash")?)?,
        rows_mixed: hash(row.try_get("rows_mixed")?)?,
        previous_hash: row.try_get::<Option<Vec<u8>>, _>("previous_hash")?.map(hash).transpose()?,
        hash: hash(row.try_get("hash")?)?,
        sealed_at: Timestamp::from_millis(row.try_get("sealed_at")?),
    })
}

fn hash(bytes: Vec<u8>) -> Result<Hash> {
    bytes.try_into().map_err(|_| anyhow!("a hash of another length"))
}

fn entry(row: &PgRow) -> Result<Entry> {
    Ok(Entry {
        seq: row.try_get("seq")?,
        id: row.try_get("id")?,
        actor: row.try_get("actor")?,
        user_id: row.try_get("user_id")?,
        action: row.try_get("action")?,
        resource_type: row.try_get("resource_type")?,
        resource_id: row.try_get("resource_id")?,
        before: row.try_get("before")?,
        after: row.try_get("after")?,
        request_id: row.try_get("request_id")?,
        ip: row.try_get("ip")?,
        at_micros: row.try_get("at")?,
    })
}
