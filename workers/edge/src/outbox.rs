//! After the commit: puts fresh outbox rows on their queues, once the response is on its way.
//!
//! What fails here is not lost: the sweep finds the row.

use zygo_core::id::WebhookId;
use zygo_queues::producer;
use zygo_store::{Owed, outbox::Queued};

use crate::ctx::{Ctx, Shared};

/// Puts a row on its queue after the response, if there is one.
pub fn enqueue(ctx: &Ctx, row: Option<Queued>) {
    let Some(row) = row else { return };
    let shared = ctx.shared();
    ctx.after(async move { producer::send(&shared.env, &row).await });
}

/// Tells an endpoint's object, after the response, that something may be due.
pub fn wake(ctx: &Ctx, endpoint: WebhookId) {
    let shared = ctx.shared();
    ctx.after(async move { producer::deliver(&shared.env, &[endpoint]).await });
}

/// Tells those who pay what the request's transactions owe.
pub async fn announce(shared: &Shared, owed: Owed) {
    if !owed.is_empty() {
        producer::announce(&shared.env, &owed).await;
    }
}
