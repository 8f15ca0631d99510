//! Which site a request is for, and which tenant.

use std::rc::Rc;

use zygo_core::{
    error::{Code, Problem},
    tenancy::{
        directory::{DirectoryEntry, TenantStatus},
        host::Site,
    },
};

use crate::{
    ctx::Shared,
    directory,
    reply::Answer,
    route::{Hosts, Route},
};

/// What the host says.
#[derive(Default)]
pub struct Resolved {
    /// The tenant, where the host is a tenant's.
    pub tenant: Option<Rc<DirectoryEntry>>,
    /// What kind of site it is; `None` where nobody needs to know.
    pub kind: Option<Kind>,
}

/// Kinds of sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The API's.
    Api,
    /// An organisation's.
    Tenant,
    /// The public pages'.
    Public,
    /// The administration's.
    Admin,
}

impl Resolved {
    const fn of(kind: Kind) -> Self {
        Self { tenant: None, kind: Some(kind) }
    }

    /// Whether a route is served at such a site.
    #[must_use]
    pub fn serves(&self, route: &Route) -> bool {
        let Some(kind) = self.kind else { return true };
        match route.hosts {
            Hosts::Any => true,
            Hosts::Api => matches!(kind, Kind::Api | Kind::Tenant),
            Hosts::Sites => kind != Kind::Admin,
            Hosts::Pages => matches!(kind, Kind::Public | Kind::Tenant),
            Hosts::Public => kind == Kind::Public,
            Hosts::Admin => kind == Kind::Admin,
        }
    }
}

/// Resolves the host.
///
/// # Errors
/// `TENANT_NOT_FOUND` for a host that nobody has, `BAD_REQUEST` for what is no host.
pub async fn resolve(shared: &Rc<Shared>) -> Result<Resolved, Problem> {
    let host = shared.head.header("host").unwrap_or_default();
    let (host, key) = match shared.app.config.hosts.classify(host) {
        Site::Api => return Ok(Resolved::of(Kind::Api)),
        Site::Admin => return Ok(Resolved::of(Kind::Admin)),
        Site::Public => return Ok(Resolved::of(Kind::Public)),
        Site::Tenant(slug) => (shared.app.config.hosts.tenant_host(&slug), slug.to_string()),
        Site::Custom(host) => (host.clone(), host),
        Site::Invalid => return Err(Problem::new(Code::BadRequest).detail("the Host header is no host")),
        Site::Unknown => return Err(Problem::new(Code::TenantNotFound)),
    };
    let entry = directory::find(shared, &host, &key).await?.ok_or(Problem::new(Code::TenantNotFound))?;
    shared.trace.tenant_id.set(Some(entry.tenant_id));
    Ok(Resolved { tenant: Some(entry), kind: Some(Kind::Tenant) })
}

impl Resolved {
    /// Where the same is to be asked, if the organisation gave this host up.
    #[must_use]
    pub fn moved(&self, shared: &Shared) -> Option<Answer> {
        let host = self.tenant.as_ref()?.redirect_to.as_ref()?;
        Some(Answer::moved(at(shared, host)))
    }
}

/// What was asked, at another host of an organisation.
#[must_use]
pub fn at(shared: &Shared, host: &str) -> String {
    let (scheme, authority) = shared.app.config.issuer.split_once("://").unwrap_or(("https", ""));
    let port = authority.rsplit_once(':').map(|(_, port)| format!(":{port}")).unwrap_or_default();
    let query = if shared.head.query.is_empty() { String::new() } else { format!("?{}", shared.head.query) };
    format!("{scheme}://{host}{port}{}{query}", shared.head.path)
}

/// Whether a route is served in the tenant's present state.
///
/// # Errors
/// `TENANT_SUSPENDED`, `TENANT_DELETED`.
pub fn permit(route: &Route, site: &Resolved) -> Result<(), Problem> {
    match site.tenant.as_ref().map(|tenant| tenant.status) {
        Some(TenantStatus::Suspended) if !route.while_suspended => Err(Problem::new(Code::TenantSuspended)),
        Some(TenantStatus::Deleted) => Err(Problem::new(Code::TenantDeleted)),
        _ => Ok(()),
    }
}
