//! The shell of tenants' streams, fed from Postgres; what they do is `zygo_objects::streams`.
#![expect(missing_docs, reason = "methods that the macro makes")]

use worker::{DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, durable_object};
use zygo_core::{
    error::Problem,
    id::TenantId,
    stream::{Place, Taken},
    time::Timestamp,
};
use zygo_objects::streams::{Hub, Source};
use zygo_runtime::postgres::{self, Role};
use zygo_store::{Actor, TenantScope, events};

/// Events taken over at once.
const PAGE: i64 = 500;

/// A tenant's events. They are read as the tenant's own, so Postgres lets no other's through whatever the code does.
struct Events;

impl Source for Events {
    async fn take(&self, env: &Env, tenant_id: TenantId, place: &Place, watch_until: Option<Timestamp>) -> Result<Taken, Problem> {
        let db = postgres::connect(env, Role::App).await?;
        let scope = TenantScope::new(tenant_id, None, "stream", Actor::Anonymous);
        let taken = postgres::bounded(events::take(&db, &scope, place, watch_until, PAGE)).await?;
        taken.map_err(|error| Problem::unavailable(error.cause().to_owned()))
    }
}

/// Object class `StreamObject`, binding `STREAMS`.
#[durable_object]
pub struct StreamObject {
    hub: Hub<Events>,
}

impl DurableObject for StreamObject {
    fn new(state: State, env: Env) -> Self {
        Self { hub: Hub::new(state, env, Events) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.hub.fetch(request).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.hub.alarm().await
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        self.hub.message(&socket, &message)
    }

    async fn websocket_close(&self, socket: WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
        self.hub.gone(&socket);
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> worker::Result<()> {
        self.hub.gone(&socket);
        Ok(())
    }
}
