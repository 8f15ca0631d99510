//! Host to tenant: isolate memory, then KV, then D1, then Postgres; each miss fills what was missed.
//!
//! Nothing that guards access rests on the caches alone: a token names its
//! tenant, and Postgres' policies hold whatever the directory says.

use std::rc::Rc;

use zygo_core::{
    error::Problem,
    tenancy::directory::{DirectoryEntry, Lookup},
};
use zygo_queues::directory as edge_directory;
use zygo_store::tenancy;

use crate::ctx::Shared;

/// The tenant at a host.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` when the host is in no cache and Postgres is away.
pub async fn find(shared: &Rc<Shared>, host: &str, key: &str) -> Result<Option<Rc<DirectoryEntry>>, Problem> {
    match shared.app.hosts.borrow().get(host, shared.now) {
        Lookup::Known(entry) => return Ok(Some(Rc::new(entry.clone()))),
        Lookup::Unknown => return Ok(None),
        Lookup::Miss => {}
    }
    // Boxed: few requests come to it, and all carry its state otherwise.
    Box::pin(look_up(shared, host, key)).await
}

async fn look_up(shared: &Rc<Shared>, host: &str, key: &str) -> Result<Option<Rc<DirectoryEntry>>, Problem> {
    let found = match edge_directory::cached(&shared.env, host).await {
        Some(cached) => cached,
        None => fetch(shared, host, key).await?,
    };
    shared.app.hosts.borrow_mut().put(host, found.clone(), shared.now);
    Ok(found.map(Rc::new))
}

/// Asks D1, then Postgres; what was found fills the caches after the response.
async fn fetch(shared: &Rc<Shared>, host: &str, key: &str) -> Result<Option<DirectoryEntry>, Problem> {
    let mut found = edge_directory::stored(&shared.env, host).await;
    let from_postgres = found.is_none();
    if from_postgres {
        // A flood of names that nobody has must not reach Postgres.
        if !shared.app.hosts.borrow_mut().may_ask_postgres(shared.now) {
            return Ok(None);
        }
        let db = shared.db().await?;
        let row = shared.store(tenancy::tenant_by_host(&db, &shared.lookup(), key)).await?;
        found = row.and_then(|row| row.into_entry(|slug| shared.app.config.hosts.tenant_host(slug)));
        if found.is_some() {
            shared.app.hosts.borrow_mut().refund();
        }
    }
    let (env, host, entry) = (shared.env.clone(), host.to_owned(), found.clone());
    shared.after(async move {
        if let (true, Some(entry)) = (from_postgres, &entry) {
            edge_directory::store(&env, &host, entry).await;
        }
        edge_directory::cache(&env, &host, entry.as_ref()).await;
    });
    Ok(found)
}

/// Makes a tenant that was just created known here and at the edge; the outbox repairs what this misses.
pub fn announce(shared: &Rc<Shared>, entry: DirectoryEntry) {
    let host = shared.app.config.hosts.tenant_host(&entry.slug);
    shared.app.hosts.borrow_mut().put(&host, Some(entry.clone()), shared.now);
    let env = shared.env.clone();
    shared.after(async move {
        edge_directory::store(&env, &host, &entry).await;
        edge_directory::cache(&env, &host, Some(&entry)).await;
    });
}

/// Forgets what this isolate and KV know of a host, so that it is looked up anew.
pub fn forget(shared: &Rc<Shared>, host: String) {
    shared.app.hosts.borrow_mut().forget(&host);
    let env = shared.env.clone();
    shared.after(async move { edge_directory::uncache(&env, &host).await });
}
