//! The shell of the objects that deliver to tenants' endpoints; what they do is `zygo_queues::deliveries`.
#![expect(missing_docs, reason = "methods that the macro makes")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use worker::{DurableObject, Env, Request, Response, ScheduledTime, State, durable_object, js_sys::Date};
use zygo_core::{id::WebhookId, time::Timestamp};
use zygo_queues::deliveries::{Lane, Rest};
use zygo_runtime::clock;

/// Under which the object keeps whose deliveries it makes.
const NAME: &str = "webhook_id";

/// Object class `DeliveriesObject`, binding `DELIVERIES`.
#[durable_object(alarm)]
pub struct DeliveriesObject {
    state: State,
    env: Env,
    lane: RefCell<Option<Rc<Lane>>>,
    /// Whether an alarm is being answered.
    running: Cell<bool>,
    /// Whether it was woken while it ran.
    again: Cell<bool>,
}

impl DurableObject for DeliveriesObject {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, lane: RefCell::new(None), running: Cell::new(false), again: Cell::new(false) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        if self.lane.borrow().is_none() {
            let path = request.path();
            let name = path.trim_start_matches('/');
            let endpoint: WebhookId = name.parse().map_err(|_| worker::Error::RustError("no endpoint".into()))?;
            self.state.storage().put(NAME, name).await?;
            self.lane.replace(Some(Rc::new(Lane::new(endpoint))));
        }
        if self.running.get() {
            self.again.set(true);
        } else {
            self.ring(clock::now()).await?;
        }
        Ok(Response::empty()?.with_status(204))
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let Some(lane) = self.lane().await? else { return Response::empty() };
        self.running.set(true);
        self.again.set(false);
        let rest = lane.run(&self.env).await;
        self.running.set(false);
        match rest {
            _ if self.again.get() => self.ring(clock::now()).await?,
            Rest::Until(at) => self.ring(at).await?,
            Rest::Idle => {}
            // Whoever switches it on again wakes it, by its name.
            Rest::Over => {
                self.lane.replace(None);
                self.state.storage().delete_all().await?;
            }
        }
        Response::empty()
    }
}

impl DeliveriesObject {
    /// What is remembered, also when the alarm is the first to reach the object in this life of it.
    async fn lane(&self) -> worker::Result<Option<Rc<Lane>>> {
        if self.lane.borrow().is_none() {
            let Some(name) = self.state.storage().get::<String>(NAME).await? else { return Ok(None) };
            let Ok(endpoint) = name.parse() else { return Ok(None) };
            self.lane.replace(Some(Rc::new(Lane::new(endpoint))));
        }
        Ok(self.lane.borrow().clone())
    }

    async fn ring(&self, at: Timestamp) -> worker::Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit in 53 bits")]
        let millis = at.millis() as f64;
        self.state.storage().set_alarm(ScheduledTime::new(Date::new(&millis.into()))).await
    }
}
