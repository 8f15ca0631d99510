//! What happens in the organisation, told at once.
//!
//! `GET /events/stream` connects: by WebSocket if the connection is to be switched to one, by Server-Sent Events if the client accepts
//! `text/event-stream`, and else it answers once, as JSON, what was missed since `after`. A program sends its access token as ever; a page,
//! whose `WebSocket` and `EventSource` cannot, gets a ticket from `POST /events/stream/tickets` first.

pub mod connect;
pub mod tickets;

use zygo_core::stream::Reader;

use crate::{
    caller::Caller,
    ctx::Ctx,
    route::{Route, Who},
};

/// The routes of streams.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        // Who it is, a ticket may say too, which the handler knows.
        Route::raw("/events/stream", Who::Anybody, "What happens in the organisation, as it happens", "text/event-stream", connect::handle)
            .query::<connect::Query>()
            .memory(),
        Route::post("/events/stream/tickets", Who::Member, "A ticket with which a page connects to the stream, once", tickets::handle).memory(),
    ]
}

/// Somebody who wants to be told, as the stream knows them.
fn reader(ctx: &Ctx, caller: &Caller) -> Reader {
    Reader {
        user_id: caller.user_id,
        session_id: caller.session_id,
        permissions: caller.permissions,
        issued_at: caller.issued_at,
        expires_at: caller.expires_at,
        address: ctx.head.client_address().to_owned(),
    }
}
