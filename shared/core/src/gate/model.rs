//! The core against a model that knows nothing of leases: a list of what was admitted at which instant of true time, and of
//! what was revoked when. Isolates and gates have clocks of their own; calls and answers get lost or come late; isolates end,
//! gates move to another machine, or lose the last that they kept.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use world::{Kept, TENANT, World, at, session, user};

mod world;

/// How far the clocks of isolates, and those of the machines that a gate moves between, are apart at most.
const ISOLATE_SKEW: i64 = 5000;
const GATE_SKEW: i64 = 500;
const PEOPLE: u128 = 4;

#[derive(Debug, Clone)]
enum Step {
    /// Requests of a person at one instant, all of whose calls arrive.
    Request {
        isolate: usize,
        person: u128,
        times: u32,
    },
    /// A call that never arrives, or whose answer does not.
    Lost {
        isolate: usize,
        arrives: bool,
    },
    /// A call whose answer comes later.
    Late {
        isolate: usize,
    },
    Answer,
    /// An isolate is gone, with what it held; another takes its place.
    Ended {
        isolate: usize,
    },
    /// A gate goes on elsewhere, from what it kept.
    Moved {
        gate: usize,
        skew: i64,
    },
    /// A gate goes on from what it had kept before its last lease left.
    Restored {
        gate: usize,
    },
    /// An isolate ends a person's session, or voids their tokens.
    Revoke {
        isolate: usize,
        person: u128,
        session: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let isolate = || 0usize..8;
    prop_oneof![
        30 => (isolate(), 0..PEOPLE, prop_oneof![9 => 1u32..4, 1 => 50u32..400])
            .prop_map(|(isolate, person, times)| Step::Request { isolate, person, times }),
        2 => (isolate(), any::<bool>()).prop_map(|(isolate, arrives)| Step::Lost { isolate, arrives }),
        3 => isolate().prop_map(|isolate| Step::Late { isolate }),
        3 => Just(Step::Answer),
        1 => isolate().prop_map(|isolate| Step::Ended { isolate }),
        1 => (0usize..4, -GATE_SKEW..=GATE_SKEW).prop_map(|(gate, skew)| Step::Moved { gate, skew }),
        1 => (0usize..4).prop_map(|gate| Step::Restored { gate }),
        1 => (isolate(), 0..PEOPLE, any::<bool>()).prop_map(|(isolate, person, session)| Step::Revoke { isolate, person, session }),
    ]
}

impl World {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Request { isolate, person, times } => (0..times).for_each(|_| self.checked_request(isolate, person)),
            Step::Lost { isolate, arrives } => {
                let ask = self.ask(isolate);
                if arrives { drop(self.lease(&ask)) } else { self.lost(&ask.request.told) }
            }
            Step::Late { isolate } => {
                let ask = self.ask(isolate);
                let lease = self.lease(&ask);
                self.flying.push((isolate, ask.asked, lease));
            }
            Step::Answer => {
                if let Some((isolate, asked, lease)) = self.flying.pop() {
                    let now = self.clock(isolate);
                    self.isolates[isolate].book.accept(TENANT, &asked, &lease, now);
                }
            }
            Step::Ended { isolate } => {
                let ask = self.ask(isolate);
                self.lost(&ask.request.told);
                self.flying.retain(|(of, ..)| *of != isolate);
                self.isolates[isolate] = self.isolate(self.isolates[isolate].skew);
            }
            Step::Moved { gate, skew } => {
                let gate = gate % self.gates.len();
                self.gates[gate].skew = skew;
                self.gates[gate].wake(gate > 0);
            }
            Step::Restored { gate } => self.restore(gate % self.gates.len()),
            Step::Revoke { isolate, person, session } => self.revoke(isolate, person, session),
        }
    }

    /// The storage loses the last lease's write, and only that: the log is kept before anybody is told that it is.
    fn restore(&mut self, gate: usize) {
        let machine = &mut self.gates[gate];
        machine.kept = Kept { log: machine.kept.log.clone(), ..machine.before.clone() };
        machine.wake(gate > 0);
        self.seen.forgotten += std::mem::take(&mut machine.last_tokens);
        for (person, tokens) in std::mem::take(&mut machine.last_shares) {
            *self.seen.untold.entry(person).or_default() += tokens;
        }
    }

    /// A request with a token from the beginning of time, held to what was revoked.
    fn checked_request(&mut self, isolate: usize, person: u128) {
        let issued_at = -4 * ISOLATE_SKEW;
        let (admitted, standing) = self.request(isolate, person, issued_at);
        let over = |since: Option<&i64>| since.is_some_and(|since| self.now - since >= LEASE_MS && self.now - since < LOG_MS - 2 * ISOLATE_SKEW);
        if admitted && over(self.seen.voided.get(&person)) {
            assert_eq!(standing, Standing::UserRevoked);
        } else if admitted && over(self.seen.ended.get(&person)) {
            assert!(matches!(standing, Standing::SessionEnded | Standing::UserRevoked), "{standing:?}");
        }
    }

    /// Whether what was admitted keeps to a rate over every window, but for so many tokens.
    fn keeps_to(admitted: &[i64], rate: Rate, slack: i64) {
        let full = i64::from(rate.burst) * 60_000;
        let (mut level, mut last, mut worst) = (full, 0, 0);
        for now in admitted {
            level = (level + (now - last) * i64::from(rate.per_minute)).min(full) - 60_000;
            last = *now;
            worst = worst.min(level);
        }
        assert!(-worst <= slack * 60_000, "{} tokens over the limit, {slack} allowed", -worst / 60_000);
    }

    fn judge(&self) {
        // A gate that moves finds its clock set forward by so much at most, over all its moves together.
        let leap = |rate: Rate| 2 * GATE_SKEW * i64::from(rate.per_minute) / 60_000 + 2;
        let gates = i64::from(self.rate.gates());
        Self::keeps_to(&self.seen.admitted, self.rate, gates * leap(self.rate) + i64::from(self.seen.forgotten));
        let Some(own) = self.rate.of_one_party() else { return };
        for (person, admitted) in &self.seen.by_person {
            // What an isolate admits unasked, and what flowed back while shares were out.
            let back = i64::from(own.per_minute) * LEASE_MS / 60_000;
            let unasked = i64::from(party::unasked(own)) * i64::from(self.seen.born);
            let untold = i64::from(self.seen.untold.get(person).copied().unwrap_or(0));
            Self::keeps_to(admitted, own, gates * leap(own) + back + unasked + untold + gates * 2);
        }
    }
}

fn run(rate: Rate, skews: &[i64], steps: &[(Step, i64)]) {
    let mut world = World::new(rate, skews);
    for (step, gap) in steps {
        world.now += gap;
        world.step(step);
    }
    world.judge();
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    prop::collection::vec((step(), prop_oneof![8 => 0i64..40, 1 => 0i64..15_000]), 1..300)
}

fn skews() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(-ISOLATE_SKEW..=ISOLATE_SKEW, 8)
}

proptest! {
    // Each is hundreds of steps of eight isolates: as many as take a few seconds.
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// One gate, any rate.
    #[test]
    fn a_gate_holds_the_limit_and_is_heard(rate in 1u32..4000, burst in 1u32..800, skews in skews(), steps in steps()) {
        run(Rate { per_minute: rate, burst }, &skews, &steps);
    }

    /// A tenant whose traffic several gates share: the same promises, for all of them together. The burst is small, so that it is met.
    #[test]
    fn split_gates_hold_the_limit_and_are_heard(rate in 12_000u32..24_000, burst in 4u32..800, skews in skews(), steps in steps()) {
        run(Rate { per_minute: rate, burst }, &skews, &steps);
    }

    /// The log against a plain list of everything that was ever revoked.
    #[test]
    fn the_log_says_what_a_list_says(
        entries in prop::collection::vec((0u8..5, 0..PEOPLE, 0i64..60_000), 0..200), issued in -60_000i64..6_000_000, asks in 1usize..40,
    ) {
        let (mut gate, mut book, mut now) = (Gate::default(), LeaseBook::new(Uuid::nil(), 1), 0);
        let mut list: Vec<(i64, Revocation)> = Vec::new();
        for (n, (kind, person, gap)) in entries.into_iter().enumerate() {
            now += gap;
            let revocation = match kind {
                0 => Revocation::Session(session(person)),
                1 => Revocation::User(user(person)),
                2 => Revocation::UserPermissions(user(person)),
                3 => Revocation::Permissions,
                _ => Revocation::Tokens,
            };
            gate.revoke(revocation, at(now));
            list.push((now, revocation));
            if n % asks == 0 {
                let ask = book.ask(TENANT, Rate::per_minute(60), at(now));
                book.accept(TENANT, &ask.asked, &gate.lease(&ask.request, at(now)), at(now));
            }
        }
        let ask = book.ask(TENANT, Rate::per_minute(60), at(now));
        book.accept(TENANT, &ask.asked, &gate.lease(&ask.request, at(now)), at(now));
        for person in 0..PEOPLE {
            // Only tokens that can still live are asked about, and only what is young enough to concern them.
            let issued = issued.clamp(now - LOG_MS + 1, now);
            let hit = |wanted: fn(Revocation, u128) -> bool| list.iter().any(|(when, what)| wanted(*what, person) && issued <= *when);
            let expected = if hit(|what, person| what == Revocation::User(user(person))) {
                Standing::UserRevoked
            } else if list.iter().any(|(when, what)| *what == Revocation::Session(session(person)) && now - when < LOG_MS) {
                Standing::SessionEnded
            } else if hit(|what, _| what == Revocation::Tokens) {
                Standing::Void
            } else if hit(|what, person| what == Revocation::UserPermissions(user(person)) || what == Revocation::Permissions) {
                Standing::Stale
            } else {
                Standing::Good
            };
            prop_assert_eq!(book.standing(TENANT, session(person), user(person), at(issued), at(now)), expected);
        }
    }
}

/// Eight isolates at once, and one person behind all of them: over-admission beyond the plan, and beyond the person's part of it.
#[test]
fn eight_isolates_at_once() {
    for per_minute in [60, 600, 3000, 12_000] {
        let rate = Rate::per_minute(per_minute);
        let mut world = World::new(rate, &[0; 8]);
        for (now, isolate) in (0..60_000).zip((0..8).cycle()) {
            world.now = now;
            world.request(isolate, 1, 0);
        }
        let (allowed, part) = (rate.burst + per_minute, rate.of_one_party().unwrap_or(rate));
        let own = part.burst + part.per_minute;
        let admitted = u32::try_from(world.seen.admitted.len()).unwrap();
        assert!(admitted <= allowed.min(own + own / 20), "{admitted} of {own} at {per_minute}");
        assert!(admitted > own * 9 / 10, "{admitted} of {own} at {per_minute}");
    }
}
