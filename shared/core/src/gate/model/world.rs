//! A tenant's gates, the isolates that ask them, and what came to pass, in true time.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::*;
use crate::id::{SessionId, TenantId, UserId};

pub(super) const TENANT: TenantId = TenantId::PLATFORM;

/// What a gate keeps, as text.
#[derive(Clone, Default)]
pub(super) struct Kept {
    pub(super) bucket: String,
    pub(super) log: String,
    pub(super) parties: HashMap<String, i64>,
}

#[derive(Default)]
pub(super) struct Machine {
    pub(super) gate: Gate,
    pub(super) skew: i64,
    pub(super) kept: Kept,
    pub(super) before: Kept,
    /// What left with the last lease: tokens, and what it settled and gave of persons.
    pub(super) last_tokens: u32,
    pub(super) last_shares: Vec<(u128, u32)>,
}

pub(super) struct Isolate {
    pub(super) book: LeaseBook,
    pub(super) skew: i64,
}

/// What happened, in true time.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) admitted: Vec<i64>,
    pub(super) by_person: HashMap<u128, Vec<i64>>,
    pub(super) ended: HashMap<u128, i64>,
    pub(super) voided: HashMap<u128, i64>,
    /// Tokens of leases that gates forgot to have handed out; what of a person's requests they never heard, or forgot.
    pub(super) forgotten: u32,
    pub(super) untold: HashMap<u128, u32>,
    pub(super) born: u32,
}

pub(super) struct World {
    pub(super) now: i64,
    pub(super) rate: Rate,
    pub(super) isolates: Vec<Isolate>,
    pub(super) gates: Vec<Machine>,
    pub(super) flying: Vec<(usize, Asked, Lease)>,
    pub(super) seen: Seen,
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

pub(super) fn session(person: u128) -> SessionId {
    Uuid::from_u128(person).into()
}

pub(super) fn user(person: u128) -> UserId {
    Uuid::from_u128(person).into()
}

fn person(told: &Told) -> u128 {
    let Party::User(id) = told.party else { unreachable!("only people ask here") };
    id.uuid().as_u128()
}

impl Machine {
    pub(super) fn keep(&mut self, now: Timestamp) {
        self.before = self.kept.clone();
        self.kept.bucket = serde_json::to_string(&self.gate.bucket).unwrap();
        self.kept.log = serde_json::to_string(&self.gate.log).unwrap();
        for (key, full_at) in self.gate.parties.take_changed(now) {
            match full_at {
                Some(full_at) => drop(self.kept.parties.insert(key, full_at)),
                None => drop(self.kept.parties.remove(&key)),
            }
        }
    }

    pub(super) fn wake(&mut self, is_copy: bool) {
        let read = |text: &str| if text.is_empty() { "null".to_owned() } else { text.to_owned() };
        let log: Option<Log> = serde_json::from_str(&read(&self.kept.log)).unwrap();
        self.gate = Gate {
            bucket: serde_json::from_str::<Option<Bucket>>(&read(&self.kept.bucket)).unwrap().unwrap_or_default(),
            log: if is_copy { Log::default() } else { log.unwrap_or_default() },
            parties: Parties::restore(self.kept.parties.clone()),
            ..Gate::default()
        };
    }
}

impl World {
    pub(super) fn new(rate: Rate, skews: &[i64]) -> Self {
        let mut world = Self { now: 0, rate, isolates: Vec::new(), gates: Vec::new(), flying: Vec::new(), seen: Seen::default() };
        for skew in skews {
            let isolate = world.isolate(*skew);
            world.isolates.push(isolate);
        }
        world.gates.resize_with(rate.gates() as usize, Machine::default);
        world
    }

    pub(super) fn isolate(&mut self, skew: i64) -> Isolate {
        self.seen.born += 1;
        Isolate { book: LeaseBook::new(Uuid::from_u128(u128::from(self.seen.born) << 120 | u128::from(self.seen.born)), 4), skew }
    }

    pub(super) fn clock(&self, isolate: usize) -> Timestamp {
        at(self.now + self.isolates[isolate].skew)
    }

    pub(super) fn ask(&mut self, isolate: usize) -> Ask {
        let now = self.clock(isolate);
        self.isolates[isolate].book.ask(TENANT, self.rate, now)
    }

    pub(super) fn lost(&mut self, told: &[Told]) {
        for told in told {
            *self.seen.untold.entry(person(told)).or_default() += told.used.saturating_sub(told.held);
        }
    }

    pub(super) fn lease(&mut self, ask: &Ask) -> Lease {
        let place = ask.gate as usize;
        let now = at(self.now + self.gates[place].skew);
        if place > 0 && self.gates[place].gate.is_behind(ask.request.fresh, now) {
            let (since, policy) = self.gates[place].gate.place();
            let news = self.gates[0].gate.news(since, policy, at(self.now + self.gates[0].skew));
            self.gates[place].gate.follow(news, now);
        }
        let machine = &mut self.gates[place];
        let lease = machine.gate.lease(&ask.request, now);
        machine.last_tokens = lease.tokens;
        machine.last_shares = ask.request.told.iter().zip(&lease.shares).map(|(told, share)| (person(told), told.used + share.tokens)).collect();
        machine.keep(now);
        lease
    }

    pub(super) fn fetch(&mut self, isolate: usize) {
        let ask = self.ask(isolate);
        let lease = self.lease(&ask);
        let now = self.clock(isolate);
        self.isolates[isolate].book.accept(TENANT, &ask.asked, &lease, now);
    }

    pub(super) fn standing(&self, isolate: usize, person: u128, issued_at: Timestamp) -> Standing {
        self.isolates[isolate].book.standing(TENANT, session(person), user(person), issued_at, self.clock(isolate))
    }

    /// The way of a request, as admission goes it. Whether it was admitted; what its token's standing was.
    pub(super) fn request(&mut self, isolate: usize, person: u128, issued_at: i64) -> (bool, Standing) {
        let party = self.rate.of_one_party().map(|own| (Party::User(user(person)), own));
        for _ in 0..=self.rate.gates() {
            let now = self.clock(isolate);
            let standing = self.standing(isolate, person, at(issued_at));
            let spend = if standing == Standing::Unknown { Spend::NeedLease } else { self.isolates[isolate].book.spend(TENANT, party, now) };
            match spend {
                Spend::Ok(_) => {
                    self.seen.admitted.push(self.now);
                    self.seen.by_person.entry(person).or_default().push(self.now);
                    return (true, standing);
                }
                Spend::Denied(_) => return (false, standing),
                Spend::NeedLease => self.fetch(isolate),
            }
        }
        (false, self.standing(isolate, person, at(issued_at)))
    }

    pub(super) fn revoke(&mut self, isolate: usize, person: u128, session_only: bool) {
        let revocation = if session_only { Revocation::Session(session(person)) } else { Revocation::User(user(person)) };
        let now = self.clock(isolate);
        self.gates[0].gate.revoke(revocation, now);
        self.gates[0].keep(now);
        self.isolates[isolate].book.doubt(TENANT, now);
        let what = if session_only { &mut self.seen.ended } else { &mut self.seen.voided };
        what.insert(person, self.now);
    }
}
