//! The runtime dies, and Postgres goes away: nothing is lost, nothing comes twice.

use anyhow::{Result, ensure};
use zygo_tests::{
    proxy::Line,
    stream::{By, Listener, WAYS},
    tests, world,
};

use super::arrival::version;

tests![who_comes_back_after_a_crash_misses_nothing, while_postgres_is_away];

async fn who_comes_back_after_a_crash_misses_nothing() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    let mut cursors: Vec<String> = Vec::new();
    let mut seen: Vec<Vec<i64>> = vec![Vec::new(); WAYS.len()];
    for round in 0..3 {
        let mut listeners = Vec::new();
        for (n, by) in WAYS.into_iter().enumerate() {
            listeners.push(Listener::connect(&system, &member.session.api, by, cursors.get(n).map(String::as_str)).await?);
        }
        // The second begins where the first did.
        cursors = if cursors.is_empty() { vec![listeners[0].1.clone(); WAYS.len()] } else { cursors };
        for n in 0..10 {
            member.renames(&format!("Round {round}, {n}")).await?;
        }
        // Each reads a part of it, and then the machine is gone.
        for (n, (listener, _)) in listeners.iter_mut().enumerate() {
            for _ in 0..3 + n {
                let frame = listener.next().await?;
                cursors[n] = frame["cursor"].as_str().unwrap_or_default().to_owned();
                seen[n].extend(version(&frame));
            }
        }
        system.kill().await?;
        system.restart().await?;
    }
    for (n, by) in WAYS.into_iter().enumerate() {
        let (mut listener, _) = Listener::connect(&system, &member.session.api, by, Some(&cursors[n])).await?;
        while seen[n].last() != Some(&31) {
            seen[n].extend(version(&listener.next().await?));
        }
        ensure!(seen[n].iter().copied().eq(2..=31), "{by:?}: {:?}", seen[n]);
    }
    Ok(())
}

async fn while_postgres_is_away() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    let (mut listener, start) = Listener::connect(&system, &member.session.api, By::Socket, None).await?;
    member.renames("Before").await?;
    listener.next().await?;
    system.proxy.set(Line::Cut);
    // Who comes back meanwhile gets what is kept.
    let again = Listener::connect(&system, &member.session.api, By::ServerSent, Some(&start)).await;
    let kept = match again {
        Ok((mut again, _)) => again.next().await,
        Err(error) => Err(error),
    };
    system.proxy.set(Line::Open);
    ensure!(kept?["event"]["type"] == "tenant.updated", "the log needs Postgres");
    member.renames("After").await?;
    ensure!(version(&listener.next().await?) == Some(3), "it did not go on");
    Ok(())
}
