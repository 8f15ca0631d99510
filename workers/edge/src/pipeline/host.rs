//! Which site a request is for, and which tenant.

use std::rc::Rc;

use zygo_core::{
    error::{Code, Problem},
    tenancy::{
        directory::{DirectoryEntry, TenantStatus},
        host::Site,
    },
};

use crate::{ctx::Shared, directory, route::Route};

/// What the host says.
#[derive(Default)]
pub struct Resolved {
    /// The tenant, where the host is a tenant's.
    pub tenant: Option<Rc<DirectoryEntry>>,
    /// Whether only the platform's own routes are served here.
    pub platform_only: bool,
}

/// Resolves the host.
///
/// # Errors
/// `TENANT_NOT_FOUND` for a host that nobody has, `BAD_REQUEST` for what is no host.
pub async fn resolve(shared: &Rc<Shared>) -> Result<Resolved, Problem> {
    let host = shared.head.header("host").unwrap_or_default();
    let (host, key) = match shared.app.config.hosts.classify(host) {
        Site::Api => return Ok(Resolved::default()),
        Site::Admin | Site::Public => return Ok(Resolved { tenant: None, platform_only: true }),
        Site::Tenant(slug) => (shared.app.config.hosts.tenant_host(&slug), slug.to_string()),
        Site::Custom(host) => (host.clone(), host),
        Site::Invalid => return Err(Problem::new(Code::BadRequest).detail("the Host header is no host")),
        Site::Unknown => return Err(Problem::new(Code::TenantNotFound)),
    };
    let entry = directory::find(shared, &host, &key).await?.ok_or(Problem::new(Code::TenantNotFound))?;
    shared.trace.tenant_id.set(Some(entry.tenant_id));
    Ok(Resolved { tenant: Some(entry), platform_only: false })
}

/// Whether a route is served at this site in the tenant's present state.
///
/// # Errors
/// `TENANT_SUSPENDED`, `TENANT_DELETED`, or `NOT_FOUND` where the site does not serve the route.
pub fn permit(route: &Route, site: &Resolved) -> Result<(), Problem> {
    if site.platform_only && route.tag != "system" && route.tag != "dev" {
        return Err(Problem::new(Code::NotFound));
    }
    match site.tenant.as_ref().map(|tenant| tenant.status) {
        Some(TenantStatus::Suspended) if !route.while_suspended => Err(Problem::new(Code::TenantSuspended)),
        Some(TenantStatus::Deleted) => Err(Problem::new(Code::TenantDeleted)),
        _ => Ok(()),
    }
}
