//! Delivering an event to an endpoint: opened secrets, one signed POST, what came of it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use zygo_core::{
    error::Problem,
    events::webhook::{self, secret, secret::Secrets},
    id::{EventId, WebhookId},
    time::Timestamp,
};
use zygo_store::events::{Target, headers_context, secret_context};

use crate::{
    Config,
    outbound::{Attempt, Outbound},
};

const AGENT: &str = "Zygo-Webhooks/1";

/// An endpoint that is ready to be delivered to.
pub struct Receiver {
    /// Where deliveries go.
    pub url: String,
    secrets: Vec<Secrets>,
    headers: BTreeMap<String, String>,
}

/// An event to deliver.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// Identifier, the same however often it is sent.
    pub id: EventId,
    /// Its type.
    pub event_type: &'a str,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its payload.
    pub data: &'a Value,
}

impl Receiver {
    /// Opens what is sealed of an endpoint.
    ///
    /// # Errors
    /// `INTERNAL` where something cannot be opened, as with a key that is gone from the ring.
    pub fn open(config: &Config, id: WebhookId, target: &Target) -> Result<Self, Problem> {
        let open = |sealed: &[u8], context: &str| {
            let text = std::str::from_utf8(sealed).map_err(|_| Problem::internal("a sealed column is no text"))?;
            config.seal_keys.open(text, context)
        };
        let context = secret_context(target.tenant_id, id);
        let sealed = [Some(&target.secret_sealed), target.previous_sealed.as_ref()];
        let secrets = sealed.into_iter().flatten().map(|sealed| Secrets::parse(&open(sealed, &context)?)).collect::<Result<_, _>>()?;
        let headers = match &target.headers_sealed {
            Some(sealed) => serde_json::from_slice(&open(sealed, &headers_context(target.tenant_id, id))?)
                .map_err(|_| Problem::internal("sealed headers are no object"))?,
            None => BTreeMap::new(),
        };
        Ok(Self { url: target.url.clone(), secrets, headers })
    }

    /// Sends an event, signed as of now.
    pub async fn send(&self, config: &Config, event: Event<'_>, now: Timestamp) -> Attempt {
        let Ok(body) = webhook::body(event.event_type, event.occurred_at, event.data) else { return Attempt::refused("body") };
        let signed = secret::headers(&event.id.to_string(), now, &body, &self.secrets);
        let mut post = Outbound::post(&self.url).within(Duration::from_millis(webhook::ANSWER_MILLIS)).at_most(webhook::ANSWER_READ);
        for (name, value) in &self.headers {
            post = post.header(name.clone(), value.clone());
        }
        for (name, value) in signed {
            post = post.header(name, value);
        }
        post.header("user-agent", AGENT).json_text(body).attempt(config).await
    }
}
