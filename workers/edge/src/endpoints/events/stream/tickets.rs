//! `POST /events/stream/tickets`

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use zygo_core::{
    error::Problem,
    stream::ticket::{LIFE_SECONDS, Ticket},
    time::Timestamp,
};
use zygo_runtime::random;

use super::reader;
use crate::{ctx::Ctx, pipeline::authenticate, reply::Reply, route::NoBody};

/// A ticket.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// To be sent as `ticket` with `GET /events/stream`. It is good once.
    ticket: String,
    /// Until when it is good. The stream that it opens lasts as long as the access token of this request.
    expires_at: Timestamp,
}

/// Gives a ticket. Nothing is stored: it is sealed, and remembered once it is used.
///
/// # Errors
/// None of its own.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let until = ctx.now.plus_seconds(LIFE_SECONDS).min(caller.expires_at);
    let ticket = Ticket {
        id: Uuid::from_bytes(random::bytes()),
        tenant_id: authenticate::member(caller)?,
        reader: reader(&ctx, caller),
        rate: caller.rate,
        until,
    };
    Ok(Reply::ok(Output { ticket: ticket.seal(&ctx.app.config.seal_keys, random::bytes())?, expires_at: until }))
}
