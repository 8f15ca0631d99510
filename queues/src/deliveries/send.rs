//! Sending what was claimed.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use worker::Delay;
use zygo_core::{
    events::webhook::{self, schedule},
    time::Timestamp,
};
use zygo_runtime::{
    Config, clock,
    delivery::{Event, Receiver},
    outbound::Attempt,
    random,
};
use zygo_store::events::{Claimed, Outcome, Settled, Target};

use super::run::Lane;

/// Sent at once: a request has six connections, of which one is Postgres' and one to spare.
const AT_ONCE: usize = 4;
/// What was not sent so long after it was claimed is given back, well before its lease ends. Milliseconds.
const PATIENCE: i64 = 45_000;

/// What was claimed, and to whom it goes.
pub(super) struct Batch<'a> {
    pub lane: &'a Lane,
    pub config: &'a Config,
    pub target: &'a Target,
    pub receiver: &'a Receiver,
}

/// What came of it.
pub(super) struct Done {
    pub settled: Vec<Settled>,
    /// Whether the endpoint says that it is gone for good.
    pub gone: bool,
}

impl Batch<'_> {
    /// Sends all of it. Where order counts, one after the other, and nothing after what failed.
    pub(super) async fn send(&self, claimed: Vec<Claimed>) -> Done {
        let began = clock::now();
        let stopped = Cell::new(false);
        let gone = Cell::new(false);
        let settled = RefCell::new(Vec::with_capacity(claimed.len()));
        let at_once = if self.target.ordered { 1 } else { AT_ONCE };
        stream::iter(&claimed)
            .for_each_concurrent(at_once, async |one| {
                let late = clock::now().since(began) > PATIENCE;
                let result = if stopped.get() || late { back(one) } else { self.one(one, &gone).await };
                let failed = matches!(result.outcome, Outcome::Failing(_));
                stopped.set(stopped.get() || gone.get() || (failed && self.target.ordered));
                settled.borrow_mut().push(result);
            })
            .await;
        Done { settled: settled.into_inner(), gone: gone.get() }
    }

    /// Sends none of it: the address leads where nothing is sent to.
    pub(super) fn refuse(&self, claimed: Vec<Claimed>, why: &'static str) -> Done {
        let settled = claimed.iter().map(|one| settled(one, &Attempt::refused(why), clock::now())).collect();
        Done { settled, gone: false }
    }

    async fn one(&self, one: &Claimed, gone: &Cell<bool>) -> Settled {
        self.wait_for_slot().await;
        let now = clock::now();
        let event = Event { id: one.event_id, event_type: &one.event_type, occurred_at: one.occurred_at, data: &one.data };
        let attempt = self.receiver.send(self.config, event, now).await;
        gone.set(gone.get() || attempt.status == Some(410));
        settled(one, &attempt, now)
    }

    /// Where the endpoint has a rate, each delivery has a slot of its own.
    async fn wait_for_slot(&self) {
        let Some(interval) = self.target.rate_per_second.and_then(|rate| 1000_i64.checked_div(i64::from(rate))) else { return };
        let now = clock::now();
        let slot = self.lane.next_slot.get().max(now);
        self.lane.next_slot.set(slot.plus_millis(interval));
        if let Ok(wait) = u64::try_from(slot.since(now)) {
            Delay::from(Duration::from_millis(wait)).await;
        }
    }
}

/// As if it had not been claimed.
fn back(one: &Claimed) -> Settled {
    let now = clock::now();
    Settled { id: one.id, outcome: Outcome::Postponed(now), error: None, status: None, head: None, latency_ms: 0, attempted_at: now }
}

fn settled(one: &Claimed, attempt: &Attempt, began: Timestamp) -> Settled {
    let now = clock::now();
    let tries = u32::try_from(one.tries).unwrap_or(u32::MAX).saturating_add(1);
    let wish = attempt.retry_after.as_deref().and_then(|text| schedule::wish(text, now));
    let next = || schedule::next(tries, wish, u32::from_le_bytes(random::bytes()), now);
    let outcome = match attempt.error {
        None => Outcome::Delivered,
        Some("gone") => Outcome::Dead,
        Some(_) => next().map_or(Outcome::Dead, Outcome::Failing),
    };
    Settled {
        id: one.id,
        outcome,
        error: attempt.error.map(str::to_owned),
        status: attempt.status.and_then(|status| i16::try_from(status).ok()),
        head: attempt.status.map(|_| webhook::head(&attempt.body)),
        latency_ms: i32::try_from(attempt.millis).unwrap_or(i32::MAX),
        attempted_at: began,
    }
}
