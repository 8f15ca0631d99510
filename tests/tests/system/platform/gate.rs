//! The plan's limit on ordinary traffic, spent from leases.

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;
use zygo_tests::{Answer, tests, world};

tests![a_plan_admits_its_burst_and_no_more, a_lease_tells_what_is_left];

/// A free plan's calls: so many a minute, twice as many at once.
const PER_MINUTE: f64 = 60.0;

async fn a_plan_admits_its_burst_and_no_more() -> Result<()> {
    let system = world::shared().await?;
    let (busy, quiet) = tokio::try_join!(system.member(), system.member())?;
    let start = Instant::now();
    let (mut admitted, mut refused) = (0_u32, None::<Answer>);
    for _ in 0..10 {
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let api = busy.session.api.clone();
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
    let allowed = (2.0 * PER_MINUTE + start.elapsed().as_secs_f64() * PER_MINUTE / 60.0) * 1.05;
    ensure!(f64::from(admitted) <= allowed + 1.0 && admitted >= 110, "{admitted} were admitted, {allowed:.0} allowed");
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
