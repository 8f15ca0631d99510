//! The plan's limit on ordinary traffic, spent from leases.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;
use zygo_tests::{Answer, Member, Session, System, eventually_within, tests, world};

tests![
    a_plan_admits_its_burst_and_no_more,
    a_lease_tells_what_is_left,
    changes_in_a_row_cost_one_call_each,
    a_gate_that_ends_in_mid_lease_gives_nothing_twice,
    one_person_does_not_take_what_is_everybodys,
    limits_are_told,
    split_gates_are_one_to_their_callers,
];

/// A free plan's calls: so many a minute, twice as many at once.
const PER_MINUTE: f64 = 60.0;

/// A lease of that plan at most.
const LEASE: u32 = 30;

/// Calls all at once, some in a row each; answers how many were admitted, and one that was not.
async fn flood(session: &Session, calls: usize) -> Result<(u32, Option<Answer>)> {
    let (mut admitted, mut refused) = (0_u32, None);
    for _ in 0..calls / 20 {
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let api = session.api.clone();
                tokio::spawn(async move { api.get("/permissions").await })
            })
            .collect();
        for call in calls {
            let answer = call.await??;
            if answer.status == 200 {
                admitted += 1;
            } else {
                answer.clone().expect(429)?.problem("RATE_LIMITED")?;
                refused = Some(answer);
            }
        }
    }
    Ok((admitted, refused))
}

/// What a rate allows since then, and its burst.
fn allowed(per_minute: f64, since: Instant) -> f64 {
    (2.0 * per_minute + since.elapsed().as_secs_f64() * per_minute / 60.0).mul_add(1.05, 1.0)
}

/// Has an organisation on a plan, and its owner's session know of it.
async fn on(system: &System, owner: &Member, plan: &str) -> Result<Session> {
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    system.database.execute("UPDATE tenants SET plan = $2 WHERE id = $1", &[&tenant, &plan]).await?;
    Session::read(owner.session.refresh().await?, &owner.person.api)
}

async fn a_plan_admits_its_burst_and_no_more() -> Result<()> {
    let system = world::shared().await?;
    let (busy, quiet) = tokio::try_join!(system.member(), system.member())?;
    let start = Instant::now();
    let (admitted, refused) = flood(&busy.session, 200).await?;
    ensure!(f64::from(admitted) <= allowed(PER_MINUTE, start) && admitted >= 110, "{admitted} were admitted");
    let refused = refused.context("nothing was refused")?;
    let wait: u32 = refused.header("retry-after").context("no Retry-After")?.parse()?;
    ensure!(wait <= 60 && refused.header("ratelimit").is_some_and(|limit| limit.contains("r=0")), "{:?}", refused.headers);
    // One organisation's traffic is nobody else's, nor does it keep anybody from signing in.
    quiet.session.api.get("/permissions").await?.expect(200)?;
    busy.person.at(&busy.host).sign_in().await?;
    busy.person.sign_in().await?.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn a_lease_tells_what_is_left() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let mut left = Vec::new();
    for _ in 0..5 {
        let answer = member.session.api.get("/permissions").await?.expect(200)?;
        let policy = answer.header("ratelimit-policy").with_context(|| format!("no RateLimit-Policy in {answer}"))?;
        ensure!(policy.contains("q=60") && policy.contains("w=60"), "{policy}");
        let limit = answer.header("ratelimit").context("no RateLimit")?;
        let rest = limit.split(';').find_map(|part| part.trim().strip_prefix("r=")).context("r")?;
        left.push(rest.parse::<u32>()?);
    }
    ensure!(left.windows(2).all(|pair| pair[1] < pair[0]), "{left:?}");
    Ok(())
}

/// Each change is announced, after which its isolate asks the gate again: what it had in hand is not lost.
async fn changes_in_a_row_cost_one_call_each() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let member = system.joins(&owner, "member").await?;
    for turn in 0..50 {
        let what = if turn % 2 == 0 { "suspend" } else { "activate" };
        owner.session.api.post(&format!("/users/{}/{what}", member.session.user_id), &json!({})).await?.expect(200).with_context(|| turn)?;
    }
    Ok(())
}

async fn a_gate_that_ends_in_mid_lease_gives_nothing_twice() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    let start = Instant::now();
    let (mut admitted, mut refused) = flood(&member.session, 40).await?;
    ensure!(refused.is_none(), "{refused:?}");
    for _ in 0..2 {
        system.kill().await?;
        system.restart().await?;
        let (more, last) = flood(&member.session, 40).await?;
        (admitted, refused) = (admitted + more, last);
    }
    let (more, last) = flood(&member.session, 100).await?;
    (admitted, refused) = (admitted + more, last.or(refused));
    ensure!(refused.is_some(), "nothing was refused");
    ensure!(f64::from(admitted) <= allowed(PER_MINUTE, start) + f64::from(LEASE), "{admitted} were admitted");
    Ok(())
}

async fn one_person_does_not_take_what_is_everybodys() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let owner = Member { session: on(&system, &owner, "pro").await?, ..owner };
    let other = system.joins(&owner, "viewer").await?;
    let start = Instant::now();
    let (admitted, refused) = flood(&owner.session, 900).await?;
    // Half of the 600 calls a minute that the plan covers.
    ensure!(f64::from(admitted) <= allowed(300.0, start) && admitted >= 550, "{admitted} were admitted");
    let refused = refused.context("nothing was refused")?;
    let policy = refused.header("ratelimit-policy").context("no RateLimit-Policy")?;
    ensure!(policy.contains("api-user") && policy.contains("q=300"), "{policy}");
    let (admitted, refused) = flood(&other.session, 200).await?;
    ensure!(admitted == 200 && refused.is_none(), "{admitted} of somebody else's were admitted");
    Ok(())
}

async fn limits(session: &Session) -> Result<Vec<Value>> {
    let told = session.api.get("/rate-limits").await?;
    ensure!(told.round_trips()? == 0, "{told}");
    Ok(told.json_of(200)?["limits"].as_array().context("limits")?.clone())
}

/// What a limit has left, whoever has it in hand.
fn left(limit: &Value) -> i64 {
    limit["remaining"].as_i64().unwrap_or(-1) + limit["on_lease"].as_i64().unwrap_or(-1)
}

async fn limits_are_told() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let [first] = <[Value; 1]>::try_from(limits(&owner.session).await?).map_err(|more| anyhow::anyhow!("{more:?}"))?;
    ensure!(first["name"] == "api" && first["whose"] == "organization" && first["per_minute"] == 60 && first["burst"] == 120, "{first}");
    ensure!(left(&first) + first["used"].as_i64().context("used")? == 120, "{first}");
    let (_, session) = system.session().await?;
    session.api.get("/rate-limits").await?.expect(403)?.problem("PERMISSION_DENIED")?;

    let session = on(&system, &system.member().await?, "pro").await?;
    let [all, own] = <[Value; 2]>::try_from(limits(&session).await?).map_err(|more| anyhow::anyhow!("{more:?}"))?;
    ensure!(all["per_minute"] == 600 && all["burst"] == 1200 && own["per_minute"] == 300 && own["burst"] == 600, "{all} {own}");
    ensure!(own["name"] == "api-user" && own["whose"] == "user" && left(&own) == 600, "{own}");
    flood(&session, 300).await?;
    // What an isolate has spent, its gate is told with the next lease.
    eventually_within(Duration::from_secs(15), async || {
        session.api.get("/permissions").await?.expect(200)?;
        let [all, own] = <[Value; 2]>::try_from(limits(&session).await?).map_err(|more| anyhow::anyhow!("{more:?}"))?;
        ensure!(left(&all) < 1200 && left(&own) < 600 && own["used"].as_i64() > Some(100), "{all} {own}");
        ensure!(own["reset_after_seconds"].as_i64() > Some(0), "{own}");
        Ok(())
    })
    .await
}

/// Of the largest plan several gates share the traffic; limits, revocations and networks are those of one.
async fn split_gates_are_one_to_their_callers() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "member").await?;
    let [all, own] = <[Value; 2]>::try_from(limits(&owner.session).await?).map_err(|more| anyhow::anyhow!("{more:?}"))?;
    ensure!(all["per_minute"] == 12_000 && all["burst"] == 24_000 && own["per_minute"] == 6000, "{all} {own}");
    let (admitted, refused) = flood(&member.session, 400).await?;
    ensure!(admitted == 400 && refused.is_none(), "{admitted} were admitted");
    owner.session.api.post(&format!("/users/{}/suspend", member.session.user_id), &json!({})).await?.expect(200)?;
    member.session.api.get("/permissions").await?.expect(403)?.problem("USER_SUSPENDED")?;
    Ok(())
}
