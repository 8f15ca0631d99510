//! `POST /webhooks/{id}/test`

use zygo_core::{
    error::Problem,
    events::{
        event::{Payload as _, WebhookTested},
        webhook,
    },
    id::{DeliveryId, EventId, WebhookId},
};
use zygo_runtime::{
    delivery::{Event, Receiver},
    outbound::{self, Astray, Attempt},
    random,
};
use zygo_store::events::{self, AttemptRow, Outcome, Settled};

use super::{missing, views::AttemptView};
use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// Sends a test event, and answers what came of it. An endpoint that is switched off can be tried too.
///
/// # Errors
/// `NOT_FOUND`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE` where the resolver does not say where its name leads.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<AttemptView>, Problem> {
    let (scope, id) = (ctx.tenant_scope()?, ctx.id::<WebhookId>("id")?);
    let (event_id, delivery_id): (EventId, DeliveryId) = (random::id(ctx.now), random::id(ctx.now));
    let db = ctx.db().await?;
    let tried = ctx.store(events::begin_test(&db, &scope, id, event_id, delivery_id, ctx.now)).await?.ok_or_else(|| missing(&ctx, id))?;
    let config = &ctx.app.config;
    let receiver = Receiver::open(config, id, &tried.target)?;
    let event = Event { id: event_id, event_type: WebhookTested::TYPE, occurred_at: ctx.now, data: &tried.data };
    let attempt = match outbound::leads_outward(config, &receiver.url).await {
        Ok(()) => receiver.send(config, event, ctx.now).await,
        Err(Astray::Refused(why)) => Attempt::refused(why),
        Err(Astray::Unknown) => return Err(Problem::unavailable("the resolver could not find out")),
    };
    let settled = Settled {
        id: delivery_id,
        outcome: if attempt.error.is_none() { Outcome::Delivered } else { Outcome::Dead },
        error: attempt.error.map(str::to_owned),
        status: attempt.status.and_then(|status| i16::try_from(status).ok()),
        head: attempt.status.map(|_| webhook::head(&attempt.body)),
        latency_ms: i32::try_from(attempt.millis).unwrap_or(i32::MAX),
        attempted_at: ctx.now,
    };
    ctx.store(events::settle_test(&db, &scope, &settled)).await?;
    let Settled { error, status, head, latency_ms, attempted_at, outcome, .. } = settled;
    let outcome = if outcome == Outcome::Delivered { "delivered" } else { "failed" };
    let row = AttemptRow { attempt: 1, outcome: outcome.to_owned(), error, response_status: status, response_head: head, latency_ms, attempted_at };
    Ok(Reply::ok(AttemptView::from(row)))
}
