//! Passwords: judging new ones, which the password Worker does, and hashing.
//!
//! Hashing is bounded: Argon2id takes 19 MiB and about 20 ms of the isolate each time.
//!
//! Hashing is synchronous and starves whatever else the isolate does, a connection in the making included. So requests
//! take turns: a few work at once, from before they connect to Postgres until they have their answer; a bounded number
//! waits, each by its own timer, since no request may await what another one does; the rest is told to come again.

use std::time::Duration;

use wasm_bindgen::JsValue;
use worker::{Delay, Method, RequestInit};
use zygo_core::{
    error::{Code, Problem},
    identity::{
        email::Email,
        password::{self, Candidate, MIN_CHARACTERS, Password, PasswordProblem},
    },
    time::Timestamp,
};
use zygo_runtime::{clock, random};

use crate::{app::App, breach, ctx::Ctx};

/// Refuses a new password that is too weak, or that a breach has shown; `field` is its name in the input, `least` how many characters the
/// person's organisations ask for, `personal` what a guesser would know.
///
/// # Errors
/// `PASSWORD_TOO_WEAK` with every rule that it breaks, `PASSWORD_BREACHED`, `DEPENDENCY_UNAVAILABLE` where the password Worker does not answer.
pub async fn judge(ctx: &Ctx, field: &str, password: &Password, least: i32, email: Option<&Email>, personal: &[&str]) -> Result<(), Problem> {
    let least = usize::try_from(least).unwrap_or(MIN_CHARACTERS);
    if least > MIN_CHARACTERS && password.reveal().chars().count() < least {
        return Err(password::shorter_than(least, field));
    }
    let personal = personal.iter().map(|&name| name.to_owned()).collect();
    let candidate = Candidate { password: password.reveal().to_owned().into(), email: email.cloned(), personal };
    let body = serde_json::to_string(&candidate).map_err(|error| Problem::internal(error.to_string()))?;
    match ask(ctx, &body).await.map_err(|error| Problem::unavailable(format!("password Worker: {error}")))? {
        None => breach::check(ctx, field, password).await,
        Some(broken) => Err(password::problem(field, &broken)),
    }
}

async fn ask(ctx: &Ctx, body: &str) -> worker::Result<Option<Vec<PasswordProblem>>> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(body)));
    // The host is never looked up: the binding leads to the Worker.
    let mut response = ctx.env.service("PASSWORDS")?.fetch("https://passwords/", Some(init)).await?;
    match response.status_code() {
        200 => response.json().await,
        status => Err(worker::Error::RustError(format!("status {status}"))),
    }
}

/// Requests that work with passwords at once.
const AT_ONCE: usize = 4;
/// Requests that wait for their turn: about five seconds' worth.
const WAITING: usize = 250;
/// How long a request waits before it is told to come again, in milliseconds.
const PATIENCE: i64 = 8_000;
/// After so long a turn is taken for lost, in milliseconds: the runtime drops a request whose client went away without a word.
const LOST: i64 = 15_000;
/// How often a waiting request looks.
const LOOK: Duration = Duration::from_millis(15);

/// Who works and who waits, in the order they came.
#[derive(Default)]
pub struct Turns {
    next: u64,
    queue: Vec<(u64, Timestamp)>,
}

impl Turns {
    /// Queues up; `None` when too many wait.
    fn join(&mut self, now: Timestamp) -> Option<u64> {
        self.queue.retain(|(_, since)| now.since(*since) < LOST);
        if self.queue.len() >= AT_ONCE.saturating_add(WAITING) {
            return None;
        }
        self.next = self.next.wrapping_add(1);
        self.queue.push((self.next, now));
        Some(self.next)
    }

    /// Whether a request's turn has come.
    fn may(&mut self, ticket: u64, now: Timestamp) -> bool {
        self.queue.retain(|(other, since)| *other == ticket || now.since(*since) < LOST);
        self.queue.iter().take(AT_ONCE).any(|(other, _)| *other == ticket)
    }

    fn leave(&mut self, ticket: u64) {
        self.queue.retain(|(other, _)| *other != ticket);
    }
}

/// A turn, given back when dropped.
pub struct Turn {
    app: &'static App,
    ticket: u64,
}

impl Turn {
    /// Waits for a turn.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` with `Retry-After` when too many wait, or the wait was long.
    pub async fn take(app: &'static App) -> Result<Self, Problem> {
        let busy = || Problem::new(Code::DependencyUnavailable).detail("too many sign-ins at once").retry_after(2);
        let begun = clock::now();
        let ticket = app.hashing.borrow_mut().join(begun).ok_or_else(busy)?;
        let turn = Self { app, ticket };
        loop {
            let now = clock::now();
            if app.hashing.borrow_mut().may(ticket, now) {
                return Ok(turn);
            }
            if now.since(begun) > PATIENCE {
                return Err(busy());
            }
            Delay::from(LOOK).await;
        }
    }

    /// Hashes a password with a fresh salt.
    ///
    /// # Errors
    /// `INTERNAL` if the parameters are refused.
    pub fn hash(&self, password: &str) -> Result<String, Problem> {
        password::hash(password, random::bytes())
    }

    /// Verifies a password; the same work where there is no hash to verify against.
    #[must_use]
    pub fn verify(&self, password: &str, hash: Option<&str>) -> bool {
        let verified = password::verify(password, hash.unwrap_or(password::DUMMY_HASH));
        verified && hash.is_some()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.app.hashing.borrow_mut().leave(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn turns_come_in_order_and_lost_ones_pass() {
        let mut turns = Turns::default();
        let tickets: Vec<u64> = (0..AT_ONCE + 1).map(|_| turns.join(NOW).unwrap()).collect();
        assert!(tickets[..AT_ONCE].iter().all(|ticket| turns.may(*ticket, NOW)));
        assert!(!turns.may(tickets[AT_ONCE], NOW));
        turns.leave(tickets[0]);
        assert!(turns.may(tickets[AT_ONCE], NOW));
        let late = turns.join(NOW.plus_millis(1)).unwrap();
        assert!(!turns.may(late, NOW.plus_millis(2)));
        assert!(turns.may(late, NOW.plus_millis(LOST)));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut turns = Turns::default();
        assert_eq!((0..1_000).filter_map(|_| turns.join(NOW)).count(), AT_ONCE + WAITING);
    }
}
