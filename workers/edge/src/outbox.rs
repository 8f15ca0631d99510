//! After the commit: puts fresh outbox rows on their queues, once the response is on its way.
//!
//! What fails here is not lost: the sweep finds the row.

use zygo_queues::producer;
use zygo_store::outbox::Queued;

use crate::ctx::Ctx;

/// Puts a row on its queue after the response, if there is one.
pub fn enqueue(ctx: &Ctx, row: Option<Queued>) {
    let Some(row) = row else { return };
    let shared = ctx.shared();
    ctx.after(async move { producer::send(&shared.env, &row).await });
}
