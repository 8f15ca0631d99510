//! `GET /integrations`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{error::Problem, integrations::Provider, time::Timestamp};
use zygo_store::integrations;

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// The providers that are configured; all of them.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The providers.
    data: Vec<View>,
    /// Always `null`.
    next_cursor: Option<String>,
}

/// A provider, and the caller's connection to it.
#[derive(Serialize, JsonSchema)]
pub struct View {
    /// Which.
    provider: Provider,
    /// `active`; `broken` where the provider wants to be asked again; `null` where it is not connected.
    status: Option<String>,
    /// When it was connected.
    connected_at: Option<Timestamp>,
}

/// Lists the providers.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let db = ctx.db().await?;
    let rows = ctx.store(integrations::list(&db, &ctx.tenant_scope()?)).await?;
    let offered = Provider::ALL.into_iter().filter(|provider| ctx.app.config.oauth_clients.get(provider.key()).is_some());
    let data = offered
        .map(|provider| {
            let row = rows.iter().find(|row| row.provider == provider.key());
            View { provider, status: row.map(|row| row.status.clone()), connected_at: row.map(|row| row.created_at) }
        })
        .collect();
    Ok(Reply::ok(Output { data, next_cursor: None }))
}
