//! Nothing that was committed is lost, whatever is killed: a system and a PostgreSQL of this test's own, SIGKILL at random moments under
//! load, and then a count. `scripts/loss` starts it; it ends its own server only.
#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::{
    sync::Mutex,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use zygo_tests::{
    Member, System, eventually_within,
    postgres::Postgres,
    random,
    receiver::{Behaviour, Receiver},
    tests, world,
};

tests![what_is_committed_arrives_whatever_is_killed];

fn main() -> std::process::ExitCode {
    zygo_tests::runner::run(tests(), Vec::new())
}

/// Seconds under fire, unless `ZYGO_LOSS_SECONDS` says otherwise.
const SECONDS: u64 = 120;
/// Between two changes: 50 a second.
const TICK: Duration = Duration::from_millis(20);
/// How long what is owed may take to arrive once nothing is killed any more: two leases, and some.
const DRAIN: Duration = Duration::from_secs(300);

/// A number from the environment.
fn number(name: &str) -> Result<Option<u64>> {
    env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().with_context(|| format!("{name} is no number"))).transpose()
}

/// Pseudo-random numbers that a seed repeats (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The versions that an answer of 200 named, by organisation: what was promised.
type Promised = Arc<Mutex<BTreeMap<String, BTreeSet<i64>>>>;

/// Whether there is a runtime to be asked: what is killed commits nothing, and while it starts nothing must reach it.
static UP: AtomicBool = AtomicBool::new(true);

/// Changes organisations 50 times a second until an instant. Answers how often it asked.
async fn change(members: Vec<Member>, promised: Promised, until: Instant) -> usize {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut running = Vec::new();
    while Instant::now() < until {
        ticks.tick().await;
        if !UP.load(Ordering::Relaxed) {
            continue;
        }
        let member = members[running.len() % members.len()].clone();
        let (promised, name) = (Arc::clone(&promised), format!("Under fire {}", running.len()));
        running.push(tokio::spawn(async move {
            let asked = member.session.api.patch(&member.path(""), &json!({ "name": name })).await;
            // What was not answered is nobody's promise; it may be committed all the same.
            let Some(answer) = asked.ok().filter(|answer| answer.status == 200) else { return };
            // An entity tag begins with the version of what it is of.
            let tag = answer.header("etag").unwrap_or_default().trim_matches('"');
            if let Some(Ok(version)) = tag.split('-').next().map(str::parse) {
                promised.lock().await.entry(member.tenant_id.clone()).or_default().insert(version);
            }
        }));
    }
    let asked = running.len();
    for one in running {
        one.await.ok();
    }
    asked
}

/// Kills the runtime, PostgreSQL, or both, at random moments until an instant. Answers how often each.
async fn kill(system: &System, postgres: &Postgres, random: &mut Random, until: Instant) -> Result<[usize; 3]> {
    let mut killed = [0; 3];
    loop {
        sleep(Duration::from_millis(500 + random.below(3_500))).await;
        if Instant::now() >= until {
            return Ok(killed);
        }
        let what = usize::try_from(random.below(3))?;
        killed[what] += 1;
        if what != 0 {
            postgres.kill(&system.database).await?;
        }
        if what != 1 {
            system.kill().await?;
            UP.store(false, Ordering::Relaxed);
        }
        sleep(Duration::from_millis(random.below(1_000))).await;
        if what != 0 {
            postgres.start().await?;
        }
        if what != 1 {
            system.restart().await?;
            UP.store(true, Ordering::Relaxed);
        }
        // What a minute's sweep would do, it does here after each end.
        system.scheduled("* * * * *").await?;
    }
}

/// Waits until all that is owed has arrived: what a kill left claimed is followed when its lease is over, and the sweep wakes whoever forgot.
async fn drain(system: &System) -> Result<Duration> {
    // A delivery that was refused twice rests for five minutes and more by the schedule, which nobody waits for here; a lease is two.
    let hurry = "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'failing' AND next_attempt_at > now() + interval '130 seconds'";
    let began = Instant::now();
    eventually_within(DRAIN, async || {
        let open = system.database.count("SELECT count(*) FROM webhook_deliveries WHERE status <> 'delivered'", &[]).await?;
        if open > 0 {
            system.database.execute(hurry, &[]).await?;
            system.scheduled("* * * * *").await?;
            sleep(Duration::from_secs(2)).await;
        }
        ensure!(open == 0, "{open} deliveries are open");
        Ok(())
    })
    .await?;
    Ok(began.elapsed())
}

/// Describes each organisation's endpoints: two, one that refuses at first, and one that wants to hear of something else. Answers who is to be
/// told of changes, by path.
async fn endpoints(members: &[Member], receiver: &Receiver) -> Result<BTreeMap<String, String>> {
    let mut wanted = BTreeMap::new();
    for (n, member) in members.iter().enumerate() {
        for name in ["a", "b", "faulty"] {
            let path = format!("/{n}/{name}");
            member.endpoint(&json!({ "url": receiver.url(&path), "event_types": ["tenant.updated"] })).await?;
            wanted.insert(path, member.tenant_id.clone());
        }
        receiver.meets(&format!("/{n}/faulty"), &vec![Behaviour::status(503); 10]);
        member.endpoint(&json!({ "url": receiver.url("/nothing"), "event_types": ["user.*"] })).await?;
    }
    Ok(wanted)
}

async fn what_is_committed_arrives_whatever_is_killed() -> Result<()> {
    let postgres = Postgres::own()?;
    let (system, _turn) = world::fragile().await?;
    let receiver = Receiver::start().await?;
    let members = vec![system.enterprise_member().await?, system.enterprise_member().await?];
    let wanted = endpoints(&members, &receiver).await?;
    let seconds = number("ZYGO_LOSS_SECONDS")?.unwrap_or(SECONDS);
    let seed = number("ZYGO_LOSS_SEED")?.map_or_else(|| random::bytes().map(u64::from_le_bytes), Ok)?;
    println!("seed {seed}, {seconds} s under fire");
    let promised = Promised::default();
    let until = Instant::now() + Duration::from_secs(seconds);
    let changing = tokio::spawn(change(members, Arc::clone(&promised), until));
    let [runtime, server, both] = kill(&system, &postgres, &mut Random(seed), until).await?;
    let asked = changing.await?;
    let drained = drain(&system).await?;

    let mut counts = Counts::default();
    let promised = promised.lock().await;
    for (path, tenant) in &wanted {
        counts.take(&system, &receiver, path, tenant, promised.get(tenant).cloned().unwrap_or_default()).await?;
    }
    println!("SIGKILL: {runtime} x runtime, {server} x PostgreSQL, {both} x both");
    println!(
        "changes: {asked} asked for, {} answered 200, {} committed as events",
        promised.values().map(BTreeSet::len).sum::<usize>(),
        counts.events
    );
    println!(
        "deliveries: {} owed to {} endpoints, {} arrived, {} lost, {} invented, {} came more than once ({} times too often)",
        counts.owed,
        wanted.len(),
        counts.arrived,
        counts.lost,
        counts.invented,
        counts.doubled,
        counts.duplicates
    );
    println!("time to drain: {:.1} s", drained.as_secs_f64());
    ensure!(receiver.received("/nothing").is_empty(), "somebody was told who did not want to be");
    ensure!(counts.broken == 0 && counts.lost == 0 && counts.invented == 0, "{counts:?}");
    ensure!(counts.owed > 0 && counts.arrived == counts.owed && !promised.is_empty(), "{counts:?}");
    ensure!(!system.log().await?.contains("panicked at"), "a panic");
    Ok(())
}

#[derive(Debug, Default)]
struct Counts {
    events: usize,
    owed: usize,
    arrived: usize,
    lost: usize,
    invented: usize,
    /// Events that came more than once, and by how much.
    doubled: usize,
    duplicates: usize,
    /// Answered 200, but not committed.
    broken: usize,
}

impl Counts {
    /// Counts what came at one endpoint against what was committed.
    async fn take(&mut self, system: &System, receiver: &Receiver, path: &str, tenant: &str, promised: BTreeSet<i64>) -> Result<()> {
        let id: uuid::Uuid = tenant.parse()?;
        let events = "SELECT id::text || ' ' || (data ->> 'version') FROM events WHERE tenant_id = $1 AND type = 'tenant.updated'";
        let mut committed: BTreeMap<String, i64> = BTreeMap::new();
        for row in system.database.column(events, &[&id]).await? {
            let (id, version) = row.split_once(' ').context("two columns")?;
            committed.insert(id.to_owned(), version.parse()?);
        }
        let mut seen: BTreeMap<String, (usize, Vec<u8>)> = BTreeMap::new();
        for received in receiver.received(path) {
            let id = received.header("webhook-id")?.to_owned();
            let body = received.json()?;
            ensure!(body["data"]["tenant_id"] == tenant, "another organisation's event");
            ensure!(committed.get(&id).is_none_or(|version| body["data"]["version"] == *version), "one webhook-id for two events");
            let (count, first) = seen.entry(id).or_insert_with(|| (0, received.request.body.clone()));
            ensure!(*first == received.request.body, "an event came again as something else");
            *count += 1;
        }
        let versions: BTreeSet<i64> = committed.values().copied().collect();
        // Of an organisation's endpoints each is owed each event.
        if path.ends_with("/a") {
            self.events += committed.len();
            self.broken += promised.difference(&versions).count();
        }
        self.owed += committed.len();
        self.arrived += committed.keys().filter(|id| seen.contains_key(*id)).count();
        self.lost += committed.keys().filter(|id| !seen.contains_key(*id)).count();
        self.invented += seen.keys().filter(|id| !committed.contains_key(*id)).count();
        self.doubled += seen.values().filter(|(count, _)| *count > 1).count();
        self.duplicates += seen.values().map(|(count, _)| count - 1).sum::<usize>();
        Ok(())
    }
}
