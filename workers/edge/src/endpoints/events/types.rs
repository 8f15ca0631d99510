//! `GET /event-types`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::Problem,
    events::event::{self, EventType},
};

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// The catalogue; all of it, in one page.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The types.
    data: Vec<EventType>,
    /// Always `null`.
    next_cursor: Option<String>,
}

/// Answers the catalogue, from memory. It is written from the types that payloads are made of.
///
/// # Errors
/// None of its own.
pub async fn handle(_: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    Ok(Reply::ok(Output { data: event::catalogue(), next_cursor: None }))
}
