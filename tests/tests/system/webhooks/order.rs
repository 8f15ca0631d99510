//! Rates, order, and that nobody waits for another's endpoint.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::time::Instant;
use zygo_tests::{
    eventually, eventually_within,
    receiver::{Behaviour, Receiver},
    tests, world,
};

use super::arrival::arrived;

tests![where_order_counts_nothing_overtakes, a_rate_is_kept, a_slow_endpoint_delays_no_other];

async fn where_order_counts_nothing_overtakes() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/ordered"), "event_types": ["tenant.updated"], "ordered": true })).await?;
    receiver.meets("/ordered", &[Behaviour::status(200), Behaviour::status(200), Behaviour::status(500)]);
    system.happen(&member, 20, &json!({})).await?;
    system.scheduled("* * * * *").await?;
    arrived(&receiver, "/ordered", 3).await?;
    eventually(async || {
        let failing = member.deliveries(&endpoint).await?.iter().filter(|one| one["status"] == "failing").count();
        ensure!(failing == 1, "{failing} are failing");
        Ok(())
    })
    .await?;
    ensure!(receiver.received("/ordered").len() == 3, "something overtook what failed");
    system.hurry(&endpoint).await?;
    let received = arrived(&receiver, "/ordered", 21).await?;
    let versions: Vec<i64> = received.iter().filter_map(|one| one.json().ok()?["data"]["version"].as_i64()).collect();
    let wanted: Vec<i64> = (1..=3).chain(3..=20).collect();
    ensure!(versions == wanted, "{versions:?}");
    Ok(())
}

async fn a_rate_is_kept() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    member.endpoint(&json!({ "url": receiver.url("/rate"), "event_types": ["tenant.updated"], "rate_per_second": 10 })).await?;
    system.happen(&member, 20, &json!({})).await?;
    system.scheduled("* * * * *").await?;
    let received = arrived(&receiver, "/rate", 20).await?;
    for (n, one) in received.iter().enumerate().skip(10) {
        let within = one.at.duration_since(received[n - 10].at);
        // Ten fit into a second; a little less than that may lie between the arrivals of what was sent on time.
        ensure!(within > Duration::from_millis(850), "eleven within {within:?}");
    }
    Ok(())
}

async fn a_slow_endpoint_delays_no_other() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let (slow, quick) = tokio::try_join!(system.member(), system.member())?;
    receiver.always("/hangs", Behaviour::Slow(Duration::from_secs(60)));
    let hanging = slow.endpoint(&json!({ "url": receiver.url("/hangs"), "event_types": ["tenant.updated"] })).await?;
    quick.endpoint(&json!({ "url": receiver.url("/quick"), "event_types": ["tenant.updated"] })).await?;
    system.happen(&slow, 2_000, &json!({})).await?;
    system.scheduled("* * * * *").await?;
    arrived(&receiver, "/hangs", 4).await?;
    for n in 1..=10 {
        let began = Instant::now();
        quick.renames(&format!("Quick {n}")).await?;
        eventually_within(Duration::from_secs(2), async || {
            ensure!(receiver.received("/quick").len() >= n, "waits for another's endpoint since {:?}", began.elapsed());
            Ok(())
        })
        .await?;
    }
    slow.session.api.delete(&zygo_tests::webhooks::of(&hanging, "")?).await?.expect(204).context("removing it")?;
    Ok(())
}
