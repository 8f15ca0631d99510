//! Connected drives: their tokens are renewed ahead of their end, and taken back when they are disconnected.
//!
//! Twice is harmless: renewed tokens replace only those that they were renewed from, and what was taken back may be taken
//! back again.

use uuid::Uuid;
use zygo_core::{error::Code, integrations::Provider};
use zygo_runtime::{integrations as drives, postgres};
use zygo_store::integrations::{self, Integration};

use crate::run::{Failure, Work, postgres_problem};

/// Renews a connection's tokens; ends the connection if its owner is no member any more.
///
/// # Errors
/// `Retry` while the provider or Postgres is away.
pub async fn renew(work: &Work<'_>, id: Uuid) -> Result<(), Failure> {
    let Some((integration, is_member)) = load(work, id).await? else { return Ok(()) };
    if !is_member {
        return end(work, &integration).await;
    }
    if integration.status != "active" {
        return Ok(());
    }
    let provider = provider_of(&integration)?;
    match drives::renew(work.config, &integration, provider, work.now).await {
        Ok((_, tokens)) => {
            let kept = integrations::keep_renewed(work.db, work.scope, &integration, &tokens);
            Ok(postgres::bounded(kept).await?.map_err(postgres_problem)?)
        }
        Err(problem) if problem.code() == Code::TokenInvalid => {
            let noted = integrations::mark_broken(work.db, work.scope, &integration, work.now);
            Ok(postgres::bounded(noted).await?.map_err(postgres_problem)?)
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Takes a connection back at the provider, and forgets it.
///
/// # Errors
/// `Retry` while the provider or Postgres is away.
pub async fn revoke(work: &Work<'_>, id: Uuid) -> Result<(), Failure> {
    match load(work, id).await? {
        Some((integration, _)) if integration.status == "ending" => end(work, &integration).await,
        _ => Ok(()),
    }
}

async fn end(work: &Work<'_>, integration: &Integration) -> Result<(), Failure> {
    drives::revoke(work.config, integration, provider_of(integration)?).await?;
    Ok(postgres::bounded(integrations::forget(work.db, work.scope, integration.id)).await?.map_err(postgres_problem)?)
}

async fn load(work: &Work<'_>, id: Uuid) -> Result<Option<(Integration, bool)>, Failure> {
    Ok(postgres::bounded(integrations::load(work.db, work.scope, id)).await?.map_err(postgres_problem)?)
}

fn provider_of(integration: &Integration) -> Result<Provider, Failure> {
    Provider::parse(&integration.provider).ok_or(Failure::Fail("a connection of an unknown provider"))
}
