//! What administrators say of an endpoint.

use std::collections::BTreeMap;

use zygo_core::{
    error::Problem,
    events::webhook::{
        filter::{self, EventFilter},
        headers,
    },
    http::target,
    id::{TenantId, WebhookId},
};
use zygo_runtime::random;
use zygo_store::events;

use crate::ctx::Ctx;

/// An address that deliveries may go to.
///
/// # Errors
/// `VALIDATION_FAILED` on `url`, with the rule that it breaks.
pub fn url(ctx: &Ctx, text: &str) -> Result<String, Problem> {
    let refused = |code: &str, message: &str| Problem::field("url", code, message);
    if text.len() > 2048 {
        return Err(refused("url_length", "at most 2048 bytes"));
    }
    let url = target::permit(text, ctx.app.config.allows_loopback).map_err(|why| refused(why.code(), &why.to_string()))?;
    Ok(url.into())
}

/// One to fifty filters, each once.
///
/// # Errors
/// `VALIDATION_FAILED` on `event_types`.
pub fn filters(mut filters: Vec<EventFilter>) -> Result<Vec<String>, Problem> {
    filters.sort();
    filters.dedup();
    if (1..=filter::MOST).contains(&filters.len()) {
        return Ok(filters.iter().map(|filter| filter.as_str().to_owned()).collect());
    }
    Err(Problem::field("event_types", "count", "1 to 50 filters"))
}

/// From one a second to a thousand.
///
/// # Errors
/// `VALIDATION_FAILED` on `rate_per_second`.
pub fn rate(rate: Option<u32>) -> Result<Option<i32>, Problem> {
    let inside = |rate: u32| i32::try_from(rate).ok().filter(|rate| (1..=1000).contains(rate));
    rate.map(|rate| inside(rate).ok_or_else(|| Problem::field("rate_per_second", "range", "a whole number from 1 to 1000"))).transpose()
}

/// Headers, sealed, `None` where there are none; and their names.
///
/// # Errors
/// `VALIDATION_FAILED` on `headers`.
pub fn sealed(ctx: &Ctx, (tenant, id): (TenantId, WebhookId), given: BTreeMap<String, String>) -> Result<(Option<Vec<u8>>, Vec<String>), Problem> {
    let given = headers::read(given)?;
    if given.is_empty() {
        return Ok((None, Vec::new()));
    }
    let text = serde_json::to_vec(&given).map_err(|error| Problem::internal(error.to_string()))?;
    let sealed = ctx.app.config.seal_keys.seal(&text, &events::headers_context(tenant, id), random::bytes())?;
    Ok((Some(sealed.into_bytes()), given.into_keys().collect()))
}
