//! How endpoints and deliveries look from outside. No secret is among it.

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    id::{DeliveryId, EventId, WebhookId},
    time::Timestamp,
};
use zygo_store::events::{AttemptRow, DeliveryRow, EndpointRow};

/// An endpoint.
#[derive(Serialize, JsonSchema)]
pub struct EndpointView {
    /// Identifier.
    id: WebhookId,
    /// Where deliveries go.
    url: String,
    /// What the organisation says of it.
    description: Option<String>,
    /// Which events it wants.
    event_types: Vec<String>,
    /// Names of the headers that it wants with each delivery; their values are not shown.
    header_names: Vec<String>,
    /// Most deliveries a second.
    rate_per_second: Option<i32>,
    /// Whether events go one after the other, each only when the one before has arrived or is given up.
    ordered: bool,
    /// Public key (Ed25519) of the signatures `v1a`, where there are such.
    public_key: Option<String>,
    /// Whether it is switched on.
    enabled: bool,
    /// Why it was switched off, where we did that: `gone`, `failing`.
    disabled_reason: Option<String>,
    /// Since when it does nothing but fail.
    failing_since: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl From<EndpointRow> for EndpointView {
    fn from(row: EndpointRow) -> Self {
        Self {
            id: row.id,
            url: row.url,
            description: row.description,
            event_types: row.filters,
            header_names: row.header_names,
            rate_per_second: row.rate_per_second,
            ordered: row.ordered,
            public_key: row.public_key,
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            failing_since: row.failing_since,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An event on its way to an endpoint.
#[derive(Serialize, JsonSchema)]
pub struct DeliveryView {
    /// Identifier.
    id: DeliveryId,
    /// The event, whose identifier is the `webhook-id`.
    event_id: EventId,
    /// Its type.
    event_type: String,
    /// `pending`, `delivered`, `failing` between attempts, `dead` once it is given up.
    status: String,
    /// Attempts so far.
    attempts: i32,
    /// When the next is made, about.
    next_attempt_at: Option<Timestamp>,
    /// Status of the latest answer.
    response_status: Option<i16>,
    /// Milliseconds that the latest attempt took.
    latency_ms: Option<i32>,
    /// Why the latest attempt failed: a stable word, as `timeout`.
    error: Option<String>,
    /// When it was owed.
    created_at: Timestamp,
    /// When it arrived.
    delivered_at: Option<Timestamp>,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id,
            event_type: row.event_type,
            status: row.status,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            response_status: row.response_status,
            latency_ms: row.latency_ms,
            error: row.last_error,
            created_at: row.created_at,
            delivered_at: row.delivered_at,
        }
    }
}

/// An attempt at a delivery.
#[derive(Serialize, JsonSchema)]
pub struct AttemptView {
    /// Its number.
    attempt: i32,
    /// `delivered` or `failed`.
    outcome: String,
    /// Why it failed: a stable word, as `timeout`.
    error: Option<String>,
    /// Status of the answer.
    response_status: Option<i16>,
    /// The answer's first 4 KiB.
    response_head: Option<String>,
    /// Milliseconds that it took.
    latency_ms: i32,
    /// When it was made.
    attempted_at: Timestamp,
}

impl From<AttemptRow> for AttemptView {
    fn from(row: AttemptRow) -> Self {
        let AttemptRow { attempt, outcome, error, response_status, response_head, latency_ms, attempted_at } = row;
        Self { attempt, outcome, error, response_status, response_head, latency_ms, attempted_at }
    }
}
