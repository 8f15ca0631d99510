use proptest::prelude::*;

use super::*;
use crate::id::TenantId;

const TENANT: TenantId = TenantId::PLATFORM;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

fn session(n: u128) -> SessionId {
    Uuid::from_u128(n).into()
}

fn user(n: u128) -> UserId {
    Uuid::from_u128(n).into()
}

/// A gate and some isolates that spend through it.
struct Town {
    gate: Gate,
    books: Vec<LeaseBook>,
    rate: Rate,
    calls: u32,
}

impl Town {
    fn new(isolates: usize, rate: Rate) -> Self {
        let books = (0..isolates).map(|n| LeaseBook::new(Uuid::from_u128(n as u128), 4)).collect();
        Self { gate: Gate::default(), books, rate, calls: 0 }
    }

    fn request(&mut self, isolate: usize, now: i64) -> bool {
        let spend = self.books[isolate].spend(TENANT, at(now));
        let spend = if spend == Spend::NeedLease { self.ask(isolate, now) } else { spend };
        match spend {
            Spend::Ok(_) => true,
            Spend::Denied(decision) => {
                assert!(decision.retry_after_ms > 0);
                false
            }
            Spend::NeedLease => panic!("a lease just accepted answers"),
        }
    }

    fn ask(&mut self, isolate: usize, now: i64) -> Spend {
        self.calls += 1;
        let ask = self.books[isolate].ask(TENANT, self.rate, at(now));
        let lease = self.gate.lease(&ask);
        // What the object keeps must be enough to go on from.
        self.gate = serde_json::from_str(&serde_json::to_string(&self.gate).unwrap()).unwrap();
        self.books[isolate].accept(TENANT, &lease, at(now));
        self.books[isolate].spend(TENANT, at(now))
    }
}

/// Whether some window admitted more than `burst` and what flowed back in it: the excess in tokens.
fn excess(admitted: &[i64], rate: Rate) -> i64 {
    let (mut level, mut last, mut worst) = (i64::from(rate.burst) * 60_000, 0, 0);
    for now in admitted {
        level = (level + (now - last) * i64::from(rate.per_minute)).min(i64::from(rate.burst) * 60_000) - 60_000;
        last = *now;
        worst = worst.min(level);
    }
    -worst / 60_000
}

#[test]
fn a_flood_from_eight_isolates_is_held_to_the_limit_and_gets_it() {
    for rate in [60, 600, 3000, 12_000].map(Rate::per_minute) {
        let mut town = Town::new(8, rate);
        let mut admitted = Vec::new();
        for (now, isolate) in (0..60_000).zip((0..8).cycle()) {
            if town.request(isolate, now) {
                admitted.push(now);
            }
        }
        assert_eq!(excess(&admitted, rate), 0);
        let limit = (rate.burst + rate.per_minute) as usize;
        assert!(admitted.len() * 100 > 95 * limit, "{} of {limit}", admitted.len());
        assert!(town.calls < 60_000 / 20, "{} calls of 60000 at {rate:?}", town.calls);
    }
}

#[test]
fn a_steady_rate_seldom_calls() {
    // Below two requests a second and isolate the ten seconds of a lease alone mean more calls.
    for (isolates, rate, every_ms) in [(8, 12_000, 6), (8, 3000, 25), (1, 600, 125), (4, 600, 110)] {
        let mut town = Town::new(isolates, Rate::per_minute(rate));
        let requests = (0..300_000).step_by(every_ms);
        let total = requests.clone().count();
        for (n, now) in requests.enumerate() {
            assert!(town.request(n % isolates, now), "refused at {now} ms, {rate} per minute");
        }
        assert!(town.calls as usize * 20 < total, "{} calls of {total} at {rate}", town.calls);
    }
}

#[test]
fn a_rate_of_nothing_admits_nothing() {
    let mut town = Town::new(1, Rate { per_minute: 0, burst: 10 });
    assert!(!town.request(0, 0));
    assert!(!town.request(0, 30_000));
}

#[test]
fn unspent_tokens_come_back() {
    let mut town = Town::new(1, Rate::per_minute(60));
    assert!(town.request(0, 0));
    assert!(town.request(0, 10_000));
    let Spend::Ok(decision) = town.books[0].spend(TENANT, at(10_000)) else { panic!() };
    assert_eq!(decision.remaining, 118);
}

#[test]
fn what_is_revoked_is_known_with_the_next_lease() {
    let mut town = Town::new(1, Rate::per_minute(60));
    assert!(town.request(0, 0));
    let standing = |town: &Town, n, issued, now| town.books[0].standing(TENANT, session(n), user(n), at(issued), at(now));
    assert_eq!(standing(&town, 1, 0, 1), Standing::Good);
    town.gate.revoke(Revocation::Session(session(1)), at(1000));
    town.gate.revoke(Revocation::User(user(2)), at(1000));
    town.gate.revoke(Revocation::UserPermissions(user(3)), at(1000));
    town.gate.revoke(Revocation::Tenant(TenantState::Suspended), at(1000));
    assert_eq!(standing(&town, 1, 0, 10_000), Standing::Unknown);
    assert!(town.request(0, 10_000));
    assert_eq!(standing(&town, 1, 0, 10_000), Standing::SessionEnded);
    assert_eq!(standing(&town, 2, 1000, 10_000), Standing::UserRevoked);
    assert_eq!(standing(&town, 2, 1001, 10_000), Standing::Good);
    assert_eq!(standing(&town, 3, 0, 10_000), Standing::Stale);
    assert_eq!(standing(&town, 4, 0, 10_000), Standing::Good);
    assert_eq!(town.books[0].state(TENANT, at(10_000)), Some(TenantState::Suspended));
    assert_eq!(town.books[0].state(TENANT, at(20_000)), None);
    town.gate.revoke(Revocation::Permissions, at(11_000));
    assert!(town.request(0, 20_000));
    assert_eq!(standing(&town, 4, 11_000, 20_000), Standing::Stale);
    assert_eq!(standing(&town, 4, 11_001, 20_000), Standing::Good);
}

#[test]
fn a_flood_of_revocations_voids_all_tokens_rather_than_forgetting_one() {
    let mut town = Town::new(1, Rate::per_minute(60));
    for n in 0..5000 {
        town.gate.revoke(Revocation::Session(session(n)), at(i64::try_from(n).unwrap()));
    }
    assert!(town.request(0, 5000));
    for n in 0..5000 {
        let standing = town.books[0].standing(TENANT, session(n), user(0), at(0), at(5000));
        assert!(matches!(standing, Standing::SessionEnded | Standing::Void));
    }
    assert_eq!(town.books[0].standing(TENANT, session(9999), user(0), at(5001), at(5000)), Standing::Good);
    let ask = LeaseRequest { isolate: Uuid::nil(), since: 0, policy: 0, spent: Vec::new(), now: at(5000), rate: town.rate };
    assert!(town.gate.lease(&ask).revocations.len() <= 1025);
    let later = LeaseRequest { now: at(5000 + LOG_MS), ..ask };
    assert!(town.gate.lease(&later).revocations.is_empty());
}

#[test]
fn a_book_keeps_to_its_capacity() {
    let mut book = LeaseBook::new(Uuid::nil(), 2);
    let rate = Rate::per_minute(60);
    for n in 0..5_u128 {
        let tenant = Uuid::from_u128(n).into();
        let now = at(i64::try_from(n).unwrap());
        let lease = Gate::default().lease(&book.ask(tenant, rate, now));
        book.accept(tenant, &lease, now);
    }
    assert_eq!(book.spend(Uuid::from_u128(2).into(), at(5)), Spend::NeedLease);
    assert!(matches!(book.spend(Uuid::from_u128(4).into(), at(5)), Spend::Ok(_)));
}

#[derive(Debug, Clone)]
enum Step {
    Request(usize),
    /// An ask whose answer comes later, or never.
    Ask(usize),
    Answer,
    Lose,
    Revoke,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0usize..8).prop_map(Step::Request),
        3 => (0usize..8).prop_map(Step::Ask),
        2 => Just(Step::Answer),
        1 => Just(Step::Lose),
        1 => Just(Step::Revoke),
    ]
}

proptest! {
    /// However isolates interleave, ask twice at once, or lose answers: no window admits more than burst and
    /// refill, and ten seconds after a revocation nobody is told that the token is good.
    #[test]
    fn never_over_admits_and_always_hears(
        steps in prop::collection::vec((step(), prop_oneof![8 => 0i64..40, 1 => 0i64..15_000]), 1..600),
        per_minute in 1u32..2000, burst in 1u32..400,
    ) {
        let rate = Rate { per_minute, burst };
        let mut town = Town::new(8, rate);
        let (mut now, mut admitted, mut flying, mut revoked) = (0, Vec::new(), Vec::new(), None::<i64>);
        for (step, gap) in steps {
            now += gap;
            match step {
                Step::Request(isolate) => {
                    if town.request(isolate, now) {
                        admitted.push(now);
                        let standing = town.books[isolate].standing(TENANT, session(1), user(1), at(0), at(now));
                        if revoked.is_some_and(|since| now - since >= LEASE_MS && now - since < LOG_MS) {
                            prop_assert_eq!(standing, Standing::SessionEnded);
                        }
                    }
                }
                Step::Ask(isolate) => {
                    let ask = town.books[isolate].ask(TENANT, rate, at(now));
                    flying.push((isolate, town.gate.lease(&ask)));
                }
                Step::Answer => if let Some((isolate, lease)) = flying.pop() {
                    town.books[isolate].accept(TENANT, &lease, at(now));
                },
                Step::Lose => drop(flying.pop()),
                Step::Revoke => {
                    town.gate.revoke(Revocation::Session(session(1)), at(now));
                    revoked = revoked.or(Some(now));
                }
            }
        }
        prop_assert_eq!(excess(&admitted, rate), 0);
    }
}

#[test]
fn a_policy_reaches_every_isolate_within_a_lease_and_never_goes_back() {
    let mut town = Town::new(2, Rate::per_minute(600));
    assert!(!town.books[0].admits(TENANT, "198.51.100.1", at(0)), "nobody is let in without a lease");
    for isolate in 0..2 {
        assert!(town.request(isolate, 0));
        assert!(town.books[isolate].admits(TENANT, "198.51.100.1", at(0)));
    }
    let policy = |version: i64, networks: &[&str]| {
        let networks = networks.iter().map(|text| crate::tenancy::network::Network::parse(text).unwrap()).collect();
        Policy { version, networks }
    };
    assert!(town.gate.lay_down(policy(3, &["203.0.113.0/24"])));
    assert!(!town.gate.lay_down(policy(2, &[])), "an older one");
    for isolate in 0..2 {
        town.ask(isolate, LEASE_MS);
        assert!(!town.books[isolate].admits(TENANT, "198.51.100.1", at(LEASE_MS)));
        assert!(town.books[isolate].admits(TENANT, "203.0.113.9", at(LEASE_MS)));
    }
    // What is known is not sent again.
    let ask = town.books[0].ask(TENANT, Rate::per_minute(600), at(LEASE_MS + 1));
    assert_eq!((ask.policy, town.gate.lease(&ask).policy), (3, None));
    // A lease that was cut before the change and arrives after it changes nothing.
    let mut late = town.gate.lease(&ask);
    late.policy = Some(policy(1, &[]));
    town.books[0].accept(TENANT, &late, at(LEASE_MS + 1));
    assert!(!town.books[0].admits(TENANT, "198.51.100.1", at(LEASE_MS + 1)));
}
