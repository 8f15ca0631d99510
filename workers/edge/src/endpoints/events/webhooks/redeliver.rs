//! `POST /webhooks/{id}/deliveries/{delivery_id}/retry`, `POST /webhooks/{id}/replay`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    id::{DeliveryId, WebhookId},
    time::Timestamp,
};
use zygo_store::events;

use super::{deliveries::nowhere, missing, views::DeliveryView};
use crate::{ctx::Ctx, json_input, reply::Reply, route::NoBody};

/// What to send again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// What was owed since then and given up.
    since: Timestamp,
    /// And before then; until now, unless said otherwise.
    #[serde(default)]
    until: Option<Timestamp>,
}

json_input!(Period);

/// What is sent again.
#[derive(Serialize, JsonSchema)]
pub struct Replayed {
    /// How many deliveries.
    replayed: i64,
}

/// Sends a delivery again, whatever became of it, with its whole schedule before it.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` while the endpoint is switched off, `RATE_LIMITED`.
pub async fn retry(ctx: Ctx, _: NoBody) -> Result<Reply<DeliveryView>, Problem> {
    let (scope, id, delivery) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?, ctx.id::<DeliveryId>("delivery_id")?);
    let db = ctx.db().await?;
    if let Some(row) = ctx.store(events::retry(&db, &scope, id, delivery, ctx.now)).await? {
        return Ok(Reply::with(202, row.into()));
    }
    ctx.store(events::delivery(&db, &scope, id, delivery)).await?.ok_or_else(|| nowhere(&ctx, delivery))?;
    Err(switched_off())
}

/// Sends again all that was given up in a period.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` while the endpoint is switched off, `RATE_LIMITED`.
pub async fn replay(ctx: Ctx, input: Period) -> Result<Reply<Replayed>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let period = (input.since, input.until.unwrap_or_else(|| ctx.now.plus_seconds(1)));
    let db = ctx.db().await?;
    match ctx.store(events::replay(&db, &scope, id, period, ctx.now)).await? {
        Some((true, replayed)) => Ok(Reply::with(202, Replayed { replayed })),
        Some((false, _)) => Err(switched_off()),
        None => Err(missing(&ctx, id)),
    }
}

fn switched_off() -> Problem {
    Problem::new(Code::Conflict).detail("the endpoint is switched off")
}
