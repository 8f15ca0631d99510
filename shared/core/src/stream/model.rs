//! Readers against a database whose transactions commit in any order: nothing is lost, nothing comes twice, nothing out of order.

use std::{collections::BTreeSet, rc::Rc};

use proptest::prelude::*;
use uuid::Uuid;

use super::{reader::tests::reader, *};
use crate::access::{Permission, PermissionSet};

/// Events that one question takes at most.
const PAGE: usize = 3;

/// A database with transactions, as far as its snapshots go.
#[derive(Default)]
struct Database {
    next: u64,
    running: BTreeSet<u64>,
    /// Events of committed transactions: number of the transaction, key, whether a permission is needed.
    events: Vec<(u64, u128, bool)>,
}

fn read(snapshot: &str) -> (u64, BTreeSet<u64>) {
    let mut parts = snapshot.split(':');
    let _xmin = parts.next();
    let xmax = parts.next().unwrap().parse().unwrap();
    (xmax, parts.next().unwrap().split(',').filter_map(|xid| xid.parse().ok()).collect())
}

/// `pg_visible_in_snapshot`, of a transaction that has ended.
fn sees(snapshot: &str, xid: u64) -> bool {
    let (xmax, running) = read(snapshot);
    xid < xmax && !running.contains(&xid)
}

impl Database {
    fn snapshot(&self) -> String {
        let xmin = self.running.first().copied().unwrap_or(self.next);
        let running: Vec<String> = self.running.iter().map(u64::to_string).collect();
        format!("{xmin}:{}:{}", self.next, running.join(","))
    }

    /// What the statement of the store answers.
    fn take(&self, place: &Place) -> Taken {
        let now = self.snapshot();
        let Some(seen) = &place.seen else { return Taken { now, set_back: false, rows: Vec::new(), full: false } };
        if read(seen).0 > read(&now).0 {
            return Taken { now, set_back: true, rows: Vec::new(), full: false };
        }
        let after = place.page.as_ref().map(|page| (page.transaction.parse::<u64>().unwrap(), page.id));
        let mut new: Vec<(u64, Uuid, bool)> = self
            .events
            .iter()
            .map(|(xid, key, guarded)| (*xid, Uuid::from_u128(*key), *guarded))
            .filter(|(xid, id, _)| !sees(seen, *xid) && after.is_none_or(|after| (*xid, *id) > after))
            .filter(|(xid, ..)| place.page.as_ref().is_none_or(|page| sees(&page.until, *xid)))
            .collect();
        new.sort_unstable();
        new.truncate(PAGE);
        let full = new.len() == PAGE;
        let row = |(xid, id, guarded): (u64, Uuid, bool)| {
            let audience = Audience::new(if guarded { Some(Permission::AuditView) } else { Some(Permission::OrgView) }, None);
            TakenRow { id, transaction: xid.to_string(), audience, text: "{}".into() }
        };
        Taken { now, set_back: false, rows: new.into_iter().map(row).collect(), full }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Begin,
    /// Which of the running ones, and how many events, of which every other is guarded.
    Commit(usize, u8),
    Abort(usize),
    Take,
    /// Somebody else's question, asked before, is answered now.
    TakeLate,
    Come(usize),
    Go(usize),
    /// The object is evicted and comes back from what it kept.
    Evict,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        4 => (0_usize..8, 0_u8..5).prop_map(|(which, count)| Step::Commit(which, count)),
        1 => (0_usize..8).prop_map(Step::Abort),
        4 => Just(Step::Take),
        1 => Just(Step::TakeLate),
        2 => (0_usize..3).prop_map(Step::Come),
        2 => (0_usize..3).prop_map(Step::Go),
        1 => Just(Step::Evict),
    ]
}

/// A client that keeps its cursor.
struct Client {
    who: Reader,
    connected: bool,
    cursor: Option<Cursor>,
    got: Vec<Rc<Entry>>,
    /// The log's end when they first came.
    since: u64,
}

struct World {
    database: Database,
    feed: Feed,
    late: Option<(Place, Taken)>,
    clients: Vec<Client>,
    /// All that was ever told.
    told: Vec<Rc<Entry>>,
    next_key: u128,
}

impl World {
    fn new() -> Self {
        let database = Database { next: 5, ..Database::default() };
        let mut feed = Feed { log: Log::new(1), place: Place::default() };
        let taken = database.take(&feed.place);
        feed.accept(&Place::default(), taken, 2);
        let permissions = [PermissionSet::ALL, PermissionSet::EMPTY.with(Permission::OrgView), PermissionSet::EMPTY];
        let clients = permissions
            .iter()
            .zip(1..)
            .map(|(set, n)| Client { who: reader(n, *set), connected: false, cursor: None, got: Vec::new(), since: u64::MAX })
            .collect();
        Self { database, feed, late: None, clients, told: Vec::new(), next_key: 1000 }
    }

    fn accept(&mut self, asked: &Place, taken: Taken) {
        let Fed::Told(entries) = self.feed.accept(asked, taken, 3) else { panic!("nobody set it back") };
        for entry in &entries {
            let cursor = self.feed.log.at(entry.seq);
            for client in self.clients.iter_mut().filter(|client| client.connected && entry.audience.admits(&client.who)) {
                client.got.push(Rc::clone(entry));
                client.cursor = Some(cursor);
            }
        }
        self.told.extend(entries);
    }

    fn commit(&mut self, which: usize, count: u8) {
        let Some(xid) = self.database.running.iter().nth(which % self.database.running.len().max(1)).copied() else { return };
        self.database.running.remove(&xid);
        for n in 0..count {
            // Keys of one transaction are in no order.
            self.next_key += 1;
            let key = if n % 2 == 0 { self.next_key } else { u128::MAX - self.next_key };
            self.database.events.push((xid, key, n % 2 == 1));
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Begin => {
                self.database.running.insert(self.database.next);
                self.database.next += 1;
            }
            Step::Commit(which, count) => self.commit(which, count),
            Step::Abort(which) => drop(self.database.running.iter().nth(which).copied().map(|xid| self.database.running.remove(&xid))),
            Step::Take => {
                let asked = self.feed.place.clone();
                let taken = self.database.take(&asked);
                self.late.get_or_insert_with(|| (asked.clone(), taken.clone()));
                self.accept(&asked, taken);
            }
            Step::TakeLate => {
                if let Some((asked, taken)) = self.late.take() {
                    self.accept(&asked, taken);
                }
            }
            Step::Come(which) => self.come(which),
            Step::Go(which) => self.clients[which].connected = false,
            Step::Evict => {
                let Resume::From(kept) = self.feed.log.since(Some(self.feed.log.at(self.feed.log.floor())), &reader(9, PermissionSet::ALL)) else {
                    panic!("the log does not know its own floor")
                };
                let end = self.feed.log.cursor();
                self.feed.log = Log::restore(end.epoch, end.seq, kept.iter().map(|entry| Entry::clone(entry)).collect());
            }
        }
    }

    fn come(&mut self, which: usize) {
        let (log, client) = (&self.feed.log, &mut self.clients[which]);
        if client.connected {
            return;
        }
        client.connected = true;
        let Resume::From(missed) = log.since(client.cursor, &client.who) else { panic!("so few entries are all kept") };
        client.since = client.since.min(log.cursor().seq);
        client.got.extend(missed);
        client.cursor = Some(log.cursor());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_committed_event_once_and_in_order(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            world.run(step);
        }
        while !world.database.running.is_empty() {
            world.commit(0, 1);
        }
        for which in 0..world.clients.len() {
            world.come(which);
        }
        for _ in 0..=world.database.events.len() {
            world.run(Step::Take);
        }
        let told: Vec<Uuid> = world.told.iter().map(|entry| entry.key).collect();
        let unique: BTreeSet<Uuid> = told.iter().copied().collect();
        let committed: BTreeSet<Uuid> = world.database.events.iter().map(|(_, key, _)| Uuid::from_u128(*key)).collect();
        prop_assert_eq!(unique.len(), told.len(), "something was told twice");
        prop_assert_eq!(&unique, &committed);
        prop_assert!(world.told.iter().zip(1..).all(|(entry, place)| entry.seq == place), "places are not one after the other");
        for client in &world.clients {
            let wanted: Vec<&Rc<Entry>> = world.told.iter().filter(|entry| entry.seq > client.since && entry.audience.admits(&client.who)).collect();
            prop_assert_eq!(client.got.iter().collect::<Vec<_>>(), wanted);
        }
    }
}

#[test]
fn who_commits_late_is_not_skipped() {
    let mut world = World::new();
    for step in [Step::Come(0), Step::Begin, Step::Begin, Step::Commit(1, 1), Step::Take, Step::Commit(0, 1), Step::Take] {
        world.run(step);
    }
    let transactions: Vec<u64> = world.database.events.iter().map(|(xid, ..)| *xid).collect();
    assert_eq!(transactions, [6, 5], "the second committed first");
    assert_eq!(world.clients[0].got.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_database_that_was_set_back_begins_the_log_anew() {
    let mut world = World::new();
    for step in [Step::Begin, Step::Commit(0, 2), Step::Take, Step::Come(0)] {
        world.run(step);
    }
    let before = world.feed.log.cursor();
    let past = Database { next: 3, ..Database::default() };
    let asked = world.feed.place.clone();
    assert_eq!(world.feed.accept(&asked, past.take(&asked), 77), Fed::Anew);
    assert_eq!(world.feed.log.since(Some(before), &world.clients[0].who), Resume::Behind);
    assert_eq!(world.feed.place.seen.as_deref(), Some("3:3:"));
}
