//! The edge directory outside of the isolate: KV in front of D1, both filled from Postgres.

use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use worker::Env;
use zygo_core::{
    id::TenantId,
    tenancy::{
        directory::{DirectoryEntry, TenantStatus},
        plan::Plan,
        slug::Slug,
    },
};
use zygo_runtime::{Config, log};

/// Seconds that KV keeps an entry; its least.
const TTL: u64 = 60;

/// The host that a key of the store stands for: a slug's host below the app domain, or the custom domain itself.
#[must_use]
pub fn host(config: &Config, key: &str) -> String {
    Slug::parse(key).map_or_else(|_| key.to_owned(), |slug| config.hosts.tenant_host(&slug))
}

/// What KV holds for a host: an entry, or that there is none.
#[derive(Serialize, Deserialize)]
struct Cached {
    entry: Option<DirectoryEntry>,
}

fn key(host: &str) -> String {
    format!("host:{host}")
}

/// What KV knows of a host; `None` if it knows nothing.
pub async fn cached(env: &Env, host: &str) -> Option<Option<DirectoryEntry>> {
    let cached: Option<Cached> = env.kv("CACHE").ok()?.get(&key(host)).json().await.ok()?;
    cached.map(|cached| cached.entry)
}

/// Keeps an answer in KV, negative ones too. A failure is only a slower next request.
pub async fn cache(env: &Env, host: &str, entry: Option<&DirectoryEntry>) {
    let Ok(kv) = env.kv("CACHE") else { return };
    let Ok(put) = kv.put(&key(host), Cached { entry: entry.cloned() }) else { return };
    if let Err(error) = put.expiration_ttl(TTL).execute().await {
        log::line(log::Level::Warn, "directory cache", serde_json::json!({ "cause": error.to_string() }));
    }
}

/// Forgets what KV knows of a host.
pub async fn uncache(env: &Env, host: &str) {
    let Ok(kv) = env.kv("CACHE") else { return };
    if let Err(error) = kv.delete(&key(host)).await {
        log::line(log::Level::Warn, "directory cache", serde_json::json!({ "cause": error.to_string() }));
    }
}

/// A row of D1's `hosts`.
#[derive(Deserialize)]
struct Row {
    tenant_id: TenantId,
    slug: Slug,
    plan: Plan,
    status: TenantStatus,
    redirect_to: Option<String>,
    settings: String,
    version: i64,
}

/// What D1 knows of a host; a row that does not read is as good as none.
pub async fn stored(env: &Env, host: &str) -> Option<DirectoryEntry> {
    let query = "SELECT tenant_id, slug, plan, status, redirect_to, settings, version FROM hosts WHERE host = ?1";
    let statement = env.d1("DIRECTORY").ok()?.prepare(query).bind(&[host.into()]).ok()?;
    let row: Row = statement.first(None).await.ok()??;
    Some(DirectoryEntry {
        tenant_id: row.tenant_id,
        slug: row.slug,
        plan: row.plan,
        status: row.status,
        redirect_to: row.redirect_to,
        settings: serde_json::from_str(&row.settings).unwrap_or_default(),
        version: row.version,
    })
}

/// Writes an entry to D1 unless a newer version is there; a host that went from one tenant to another is the later one's, whatever
/// their versions. A failure is repaired by the outbox.
///
/// # Errors
/// What D1 says.
pub async fn write(env: &Env, host: &str, entry: &DirectoryEntry) -> worker::Result<()> {
    let settings = entry.settings.to_string();
    let text = |value: &str| JsValue::from_str(value);
    #[expect(clippy::cast_precision_loss, reason = "versions count changes of one tenant")]
    let version = JsValue::from_f64(entry.version as f64);
    env.d1("DIRECTORY")?
        .prepare(
            "INSERT INTO hosts (host, tenant_id, slug, plan, status, redirect_to, settings, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
             ON CONFLICT (host) DO UPDATE SET tenant_id = excluded.tenant_id, slug = excluded.slug, plan = excluded.plan, status = excluded.status, \
             redirect_to = excluded.redirect_to, settings = excluded.settings, version = excluded.version \
             WHERE excluded.version > hosts.version OR excluded.tenant_id <> hosts.tenant_id",
        )
        .bind(&[
            text(host),
            text(&entry.tenant_id.to_string()),
            text(entry.slug.as_str()),
            text(entry.plan.key()),
            text(entry.status.key()),
            entry.redirect_to.as_deref().map_or(JsValue::NULL, JsValue::from_str),
            text(&settings),
            version,
        ])?
        .run()
        .await?;
    Ok(())
}

/// The hosts that D1 has of a tenant and that are not among those given, which it forgets.
///
/// # Errors
/// What D1 says.
pub async fn forget_others(env: &Env, tenant_id: TenantId, hosts: &[String]) -> worker::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Gone {
        host: String,
    }
    let kept = serde_json::to_string(hosts)?;
    let query = "DELETE FROM hosts WHERE tenant_id = ?1 AND host NOT IN (SELECT value FROM json_each(?2)) RETURNING host";
    let statement = env.d1("DIRECTORY")?.prepare(query).bind(&[tenant_id.to_string().into(), kept.into()])?;
    Ok(statement.all().await?.results::<Gone>()?.into_iter().map(|gone| gone.host).collect())
}

/// Writes an entry to D1; a failure is logged and left to the outbox.
pub async fn store(env: &Env, host: &str, entry: &DirectoryEntry) {
    if let Err(error) = write(env, host, entry).await {
        log::line(log::Level::Warn, "directory", serde_json::json!({ "host": host, "cause": error.to_string() }));
    }
}
