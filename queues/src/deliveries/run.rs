//! The turns of one endpoint's object.

use std::cell::{Cell, RefCell};

use serde_json::json;
use worker::Env;
use zygo_core::{error::Problem, id::WebhookId, time::Timestamp};
use zygo_runtime::{
    Config, clock,
    delivery::Receiver,
    log,
    outbound::{self, Astray},
    postgres::{self, Role},
};
use zygo_store::{
    Db, PlatformScope,
    events::{self, Claimed, Outcome, Settled, Target},
};

use super::send::{Batch, Done};
use crate::{producer, run::postgres_problem};

/// Deliveries claimed at first; twice as many each time that they were quick.
const FEWEST: i64 = 8;
/// Deliveries claimed at most.
const MOST: i64 = 64;
/// The longest that an endpoint rests at which nothing arrives, in seconds.
const REST: i64 = 60;
/// A turn that took less was quick. Milliseconds.
const QUICK: i64 = 2_000;
/// Seconds until a fault of ours is looked at again.
const AGAIN: i64 = 5;

/// What an object remembers from one turn to the next.
pub struct Lane {
    /// Whose deliveries.
    endpoint: WebhookId,
    /// How many are claimed next.
    most: Cell<i64>,
    /// Whether the endpoint takes its time; then no connection waits for it.
    slow: Cell<bool>,
    /// Turns in a row in which much was sent and nothing arrived.
    lost: Cell<u32>,
    /// Until when nothing is sent after such turns.
    rests_until: Cell<Timestamp>,
    /// A connection that is kept for what comes next.
    line: RefCell<Option<Db>>,
    /// When the next may be sent, where the endpoint has a rate.
    pub(super) next_slot: Cell<Timestamp>,
    /// What was sent and could not be settled yet.
    unsettled: RefCell<Vec<Settled>>,
}

/// What comes after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing is owed.
    Idle,
    /// Something is due then.
    Until(Timestamp),
    /// The endpoint is gone, or switched off.
    Over,
}

impl Lane {
    /// An endpoint's, which knows nothing yet.
    #[must_use]
    pub const fn new(endpoint: WebhookId) -> Self {
        Self {
            endpoint,
            most: Cell::new(FEWEST),
            slow: Cell::new(false),
            lost: Cell::new(0),
            rests_until: Cell::new(Timestamp::from_millis(0)),
            line: RefCell::new(None),
            next_slot: Cell::new(Timestamp::from_millis(0)),
            unsettled: RefCell::new(Vec::new()),
        }
    }

    /// Until when nothing is sent, where so much was lost that the failures would cost others' time.
    #[must_use]
    pub fn rests(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.rests_until.get()).filter(|until| *until > now)
    }

    /// Gives the connection up that was kept for what comes next.
    pub fn hang_up(&self) {
        self.line.take();
    }

    /// Delivers what is due, until nothing is or so many milliseconds have gone by.
    pub async fn run(&self, env: &Env, longest: i64) -> Rest {
        match self.turns(env, longest).await {
            Ok(rest) => rest,
            Err(problem) => {
                log::line(log::Level::Warn, "deliveries", json!({ "webhook_id": self.endpoint, "cause": problem.log_cause() }));
                Rest::Until(clock::now().plus_seconds(AGAIN))
            }
        }
    }

    async fn turns(&self, env: &Env, longest: i64) -> Result<Rest, Problem> {
        let config = Config::read(env).map_err(Problem::internal)?;
        let began = clock::now();
        loop {
            let now = clock::now();
            let most = if now.since(began) > longest || self.rests(now).is_some() { 0 } else { self.most.get() };
            let (db, turned) = self.on_a_line(env, most, now).await?;
            let Some((target, claimed)) = turned else { return Ok(Rest::Over) };
            if claimed.is_empty() {
                self.line.replace(Some(db));
                return Ok(target.next_at.map_or(Rest::Idle, |at| Rest::Until(at.max(self.rests_until.get()))));
            }
            // A connection is not held while somebody else takes their time.
            self.line.replace(Some(db).filter(|_| !self.slow.get()));
            let count = claimed.len();
            let done = self.deliver(&config, &target, claimed).await;
            self.pace(count, clock::now().since(now));
            if !target.ordered {
                self.weigh(count, &done.settled, clock::now());
            }
            self.unsettled.replace(done.settled);
            if done.gone {
                return self.give_up(env).await;
            }
        }
    }

    /// A turn on the connection that was kept, and on a new one where there is none or it has ended meanwhile.
    async fn on_a_line(&self, env: &Env, most: i64, now: Timestamp) -> Result<(Db, Option<(Target, Vec<Claimed>)>), Problem> {
        let scope = scope();
        let kept = self.line.take();
        if let Some(db) = kept
            && let Ok(turned) = self.turn(&db, &scope, most, now).await
        {
            return Ok((db, turned));
        }
        let db = postgres::connect(env, Role::Platform).await?;
        let turned = self.turn(&db, &scope, most, now).await?;
        Ok((db, turned))
    }

    /// Settles what was sent, and claims what is due. What could not be settled is kept for the next time.
    async fn turn(&self, db: &Db, scope: &PlatformScope, most: i64, now: Timestamp) -> Result<Option<(Target, Vec<Claimed>)>, Problem> {
        let settled = self.unsettled.take();
        let turned = match postgres::bounded(events::turn(db, scope, self.endpoint, &settled, most, now)).await {
            Ok(turned) => turned.map_err(postgres_problem),
            Err(problem) => Err(problem),
        };
        if turned.is_err() {
            self.unsettled.replace(settled);
        }
        turned
    }

    /// An endpoint that says it is gone is switched off.
    async fn give_up(&self, env: &Env) -> Result<Rest, Problem> {
        let (db, _) = self.on_a_line(env, 0, clock::now()).await?;
        postgres::bounded(events::disable(&db, &scope(), self.endpoint, "gone", clock::now())).await?.map_err(postgres_problem)?;
        producer::announce(env, &db.take_owed()).await;
        Ok(Rest::Over)
    }

    async fn deliver(&self, config: &Config, target: &Target, claimed: Vec<Claimed>) -> Done {
        let receiver = match Receiver::open(config, self.endpoint, target) {
            Ok(receiver) => receiver,
            Err(problem) => {
                log::line(log::Level::Error, "an endpoint cannot be opened", json!({ "webhook_id": self.endpoint, "cause": problem.log_cause() }));
                return postponed(&claimed, clock::now().plus_seconds(60));
            }
        };
        match outbound::leads_outward(config, &target.url).await {
            Ok(()) => Batch { lane: self, config, target, receiver: &receiver }.send(claimed).await,
            Err(Astray::Refused(why)) => Batch { lane: self, config, target, receiver: &receiver }.refuse(claimed, why),
            Err(Astray::Unknown) => postponed(&claimed, clock::now().plus_seconds(30)),
        }
    }

    fn pace(&self, claimed: usize, millis: i64) {
        let most = self.most.get();
        let was_full = i64::try_from(claimed).is_ok_and(|claimed| claimed >= most);
        self.most.set(match millis {
            ..QUICK if was_full => most.saturating_mul(2).min(MOST),
            ..QUICK => most,
            _ => FEWEST,
        });
        self.slow.set(millis >= QUICK);
    }

    /// Where much was sent and nothing arrived, the endpoint rests: for a second, then for two, and so on.
    fn weigh(&self, claimed: usize, settled: &[Settled], now: Timestamp) {
        let much = i64::try_from(claimed).is_ok_and(|claimed| claimed >= FEWEST);
        if settled.iter().any(|one| one.outcome == Outcome::Delivered) {
            self.lost.set(0);
        } else if much {
            let seconds = 1_i64.checked_shl(self.lost.get()).unwrap_or(REST).clamp(1, REST);
            self.lost.set(self.lost.get().saturating_add(1));
            self.rests_until.set(now.plus_seconds(seconds));
        }
    }
}

fn scope() -> PlatformScope {
    PlatformScope::new("webhook deliveries", "deliveries")
}

/// Nothing was sent, for a reason of ours.
fn postponed(claimed: &[Claimed], until: Timestamp) -> Done {
    let now = clock::now();
    let settled = claimed.iter().map(|one| Settled {
        id: one.id,
        outcome: Outcome::Postponed(until),
        error: None,
        status: None,
        head: None,
        latency_ms: 0,
        attempted_at: now,
    });
    Done { settled: settled.collect(), gone: false }
}
