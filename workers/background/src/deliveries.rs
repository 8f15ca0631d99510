//! The shell of the objects that deliver to tenants' endpoints; what they do is `zygo_queues::deliveries`.
#![expect(missing_docs, reason = "methods that the macro makes")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use worker::{Delay, DurableObject, Env, Request, Response, ScheduledTime, State, Storage, durable_object, js_sys::Date};
use zygo_core::{error::Problem, id::WebhookId, time::Timestamp};
use zygo_queues::deliveries::{Lane, Rest};
use zygo_runtime::{clock, log};

/// Under which the object keeps whose deliveries it makes.
const NAME: &str = "webhook_id";
/// How long a run may last that a wake began, and one that the alarm did, in milliseconds: an alarm is not cut off so soon.
const WOKEN: i64 = 20_000;
const ALARMED: i64 = 60_000;
/// How long a run waits for more before it gives its connection up.
const LINGER: Duration = Duration::from_secs(2);

/// Object class `DeliveriesObject`, binding `DELIVERIES`.
#[durable_object(alarm)]
pub struct DeliveriesObject {
    state: State,
    post: Rc<Post>,
}

/// What runs on while the object is asked for other things.
struct Post {
    env: Env,
    storage: Storage,
    lane: RefCell<Option<Rc<Lane>>>,
    /// Whether a run is under way.
    running: Cell<bool>,
    /// Whether it was woken while it ran.
    again: Cell<bool>,
    /// Whoever waits for a wake.
    waiting: RefCell<Option<oneshot::Sender<()>>>,
}

impl DurableObject for DeliveriesObject {
    fn new(state: State, env: Env) -> Self {
        let post = Post {
            env,
            storage: state.storage(),
            lane: RefCell::new(None),
            running: Cell::new(false),
            again: Cell::new(false),
            waiting: RefCell::new(None),
        };
        Self { state, post: Rc::new(post) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let post = &self.post;
        if post.lane.borrow().is_none() {
            let path = request.path();
            let name = path.trim_start_matches('/');
            let endpoint: WebhookId = name.parse().map_err(|_| worker::Error::RustError("no endpoint".into()))?;
            // Its alarm wants to know, in another life of the object.
            post.storage.put(NAME, name).await?;
            post.lane.replace(Some(Rc::new(Lane::new(endpoint))));
        }
        if !post.nudge() {
            let post = Rc::clone(post);
            self.state.wait_until(async move { post.run(WOKEN).await });
        }
        Ok(Response::empty()?.with_status(204))
    }

    async fn alarm(&self) -> worker::Result<Response> {
        if !self.post.nudge() {
            self.post.run(ALARMED).await;
        }
        Response::empty()
    }
}

impl Post {
    /// Runs until nothing is due and nobody has woken it for a while.
    async fn run(&self, longest: i64) {
        self.running.set(true);
        let began = clock::now();
        if let Err(error) = self.runs(began, longest).await {
            let problem = Problem::internal(error.to_string());
            log::line(log::Level::Error, "deliveries", serde_json::json!({ "cause": problem.log_cause() }));
        }
        self.running.set(false);
    }

    async fn runs(&self, began: Timestamp, longest: i64) -> worker::Result<()> {
        let Some(lane) = self.lane().await? else { return Ok(()) };
        loop {
            self.again.set(false);
            let now = clock::now();
            if let Some(until) = lane.rests(now) {
                return self.ring(until).await;
            }
            let left = longest.saturating_sub(now.since(began)).max(0);
            match lane.run(&self.env, left).await {
                Rest::Until(at) => self.ring(at).await?,
                Rest::Idle => {}
                // Whoever switches it on again wakes it, by its name.
                Rest::Over => {
                    self.lane.replace(None);
                    return self.storage.delete_all().await;
                }
            }
            if left == 0 || !(self.again.get() || self.woken().await) {
                break;
            }
        }
        lane.hang_up();
        if self.again.get() { self.ring(clock::now()).await } else { Ok(()) }
    }

    /// Tells a run that there is more. False if none is under way.
    fn nudge(&self) -> bool {
        if self.running.get() {
            self.again.set(true);
            if let Some(waiting) = self.waiting.take() {
                // Whoever waits no longer looks by itself.
                let _ = waiting.send(());
            }
        }
        self.running.get()
    }

    /// Waits a little for a wake.
    async fn woken(&self) -> bool {
        let (sender, waiting) = oneshot::channel();
        self.waiting.replace(Some(sender));
        let woken = matches!(select(waiting, Delay::from(LINGER)).await, Either::Left((Ok(()), _)));
        self.waiting.take();
        woken
    }

    /// What is remembered, also when the alarm is the first to reach the object in this life of it.
    async fn lane(&self) -> worker::Result<Option<Rc<Lane>>> {
        if self.lane.borrow().is_none() {
            let Some(name) = self.storage.get::<String>(NAME).await? else { return Ok(None) };
            let Ok(endpoint) = name.parse() else { return Ok(None) };
            self.lane.replace(Some(Rc::new(Lane::new(endpoint))));
        }
        Ok(self.lane.borrow().clone())
    }

    async fn ring(&self, at: Timestamp) -> worker::Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit in 53 bits")]
        let millis = at.millis() as f64;
        self.storage.set_alarm(ScheduledTime::new(Date::new(&millis.into()))).await
    }
}
