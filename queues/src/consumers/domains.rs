//! Tenants' own domains: looked at from the proof on, for as long as they are claimed, and released when they are given up.
//!
//! Twice is harmless: what was seen replaces only what was looked at, a custom hostname is made where there is none, and one that is
//! gone stays gone.

use zygo_core::{
    error::Problem,
    http::dns::{self, Ask},
    id::DomainId,
    tenancy::domain::DomainStatus,
};
use zygo_runtime::{outbound::Outbound, postgres};
use zygo_store::tenancy;

use crate::run::{Failure, Work, postgres_problem};

/// Looks whether a domain leads somewhere and has its certificate, and notes it.
///
/// # Errors
/// `Retry` while the resolver, Cloudflare or Postgres is away: nobody's domain fails because of that.
pub async fn check(work: &Work<'_>, id: DomainId) -> Result<(), Failure> {
    let Some(domain) = postgres::bounded(tenancy::load_domain(work.db, work.scope, id)).await?.map_err(postgres_problem)? else {
        return Ok(());
    };
    let status = DomainStatus::from_key(&domain.status).ok_or(Failure::Fail("a domain of an unknown status"))?;
    if status == DomainStatus::Pending {
        return Ok(());
    }
    let leads = leads(work, &domain.domain, Ask::Addresses).await? || leads(work, &domain.domain, Ask::Addresses6).await?;
    let (hostname_id, certified) = match &work.config.custom_hostnames {
        Some(saas) => {
            let there = saas.ensure(work.config, domain.hostname_id.as_deref(), &domain.domain).await?;
            (Some(there.id), there.is_served)
        }
        // Whoever brings the requests here has the certificates too.
        None => (domain.hostname_id.clone(), true),
    };
    let seen = tenancy::domain_seen(work.db, work.scope, &domain, status.seen(leads, certified), hostname_id.as_deref(), work.now);
    postgres::bounded(seen).await?.map_err(postgres_problem)?;
    Ok(())
}

async fn leads(work: &Work<'_>, name: &str, ask: Ask) -> Result<bool, Problem> {
    let question = dns::question(&work.config.dns_url, name, ask);
    let answer = Outbound::get(&question).header("accept", "application/dns-json").send(work.config).await?;
    dns::leads_somewhere(&answer.body).filter(|_| answer.status == 200).ok_or_else(|| Problem::unavailable("the resolver could not find out"))
}

/// Removes the custom hostname of a domain that was given up.
///
/// # Errors
/// `Retry` while Cloudflare is away.
pub async fn release(work: &Work<'_>, hostname_id: &str) -> Result<(), Failure> {
    match &work.config.custom_hostnames {
        Some(saas) => Ok(saas.remove(work.config, hostname_id).await?),
        None => Ok(()),
    }
}
