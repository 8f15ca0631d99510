//! What happens arrives, in order, once.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use zygo_tests::{
    Member, shape,
    stream::{By, Listener, WAYS},
    tests, world,
};

tests![
    an_event_arrives_as_it_is_in_the_log,
    two_hundred_arrive_in_order,
    who_comes_back_misses_nothing,
    who_comes_back_too_late_is_told,
    what_nobody_announced_is_swept,
    who_only_asks_is_answered_at_once,
    what_is_large_stays_in_the_log,
    a_websocket_is_answered_while_the_object_sleeps,
    who_says_nonsense_is_cut_off,
];

/// The version of an organisation that a `tenant.updated` tells.
pub fn version(frame: &Value) -> Option<i64> {
    frame["event"]["data"]["version"].as_i64()
}

/// The same of many. Those of one transaction are in no order among themselves.
fn versions(frames: &[Value]) -> Vec<i64> {
    let mut versions: Vec<i64> = frames.iter().filter_map(version).collect();
    versions.sort_unstable();
    versions
}

async fn an_event_arrives_as_it_is_in_the_log() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for (by, name) in WAYS.into_iter().zip(["One", "Two"]) {
        let (mut listener, _) = Listener::connect(&system, &member.session.api.at(&member.host), by, None).await?;
        member.renames(name).await?;
        let frame = listener.next().await?;
        ensure!(shape::members(&frame)? == ["cursor", "event", "seq", "type"], "{frame}");
        let logged = member.session.api.get("/events?type=tenant.updated&limit=1").await?.json_of(200)?["data"][0].clone();
        ensure!(frame["event"] == logged, "{by:?}: {frame} is not {logged}");
        listener.is_silent(Duration::from_millis(300)).await?;
    }
    Ok(())
}

async fn two_hundred_arrive_in_order() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let another = system.joins(&owner, "viewer").await?;
    let (mut one, _) = Listener::connect(&system, &owner.session.api, By::Socket, None).await?;
    let (mut two, _) = Listener::connect(&system, &another.session.api, By::ServerSent, None).await?;
    for n in 0..200 {
        owner.renames(&format!("Name {n}")).await?;
    }
    for listener in [&mut one, &mut two] {
        let frames = listener.take(200, |event| event["type"] == "tenant.updated").await?;
        let versions: Vec<i64> = frames.iter().filter(|frame| frame["event"]["type"] == "tenant.updated").filter_map(version).collect();
        ensure!(versions.len() == 200 && versions.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{versions:?}");
        let places: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
        ensure!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
    }
    Ok(())
}

/// The cursor of the last of some frames.
fn cursor(frames: &[Value]) -> Result<String> {
    Ok(frames.last().context("no frame")?["cursor"].as_str().context("no cursor")?.to_owned())
}

async fn who_comes_back_misses_nothing() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let api = &member.session.api;
    for by in WAYS {
        let (mut listener, _) = Listener::connect(&system, api, by, None).await?;
        member.renames("Before").await?;
        let seen = cursor(&listener.until(|event| event["type"] == "tenant.updated").await?)?;
        drop(listener);
        for n in 0..5 {
            member.renames(&format!("Meanwhile {n}")).await?;
        }
        let (mut again, start) = Listener::connect(&system, api, by, Some(&seen)).await?;
        ensure!(start == seen, "{start} is not {seen}");
        member.renames("Afterwards").await?;
        let mut versions = Vec::new();
        while versions.len() < 6 {
            versions.extend(version(&again.next().await?));
        }
        ensure!(versions.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{by:?}: {versions:?}");
        again.is_silent(Duration::from_millis(300)).await?;
    }
    // As a browser says it, which keeps the address that it began with.
    let (mut listener, start) = Listener::connect(&system, api, By::ServerSent, None).await?;
    member.renames("Last").await?;
    listener.next().await?;
    let headers = [("last-event-id", start.as_str())];
    let again = Listener::try_connect(&system, api, By::ServerSent, "?after=0000000000000000.0", &headers).await?;
    let mut again = again.map_err(|refused| anyhow::anyhow!("{refused:?}"))?;
    ensure!(again.next().await?["cursor"] == start.as_str(), "the header did not count");
    ensure!(again.next().await?["event"]["type"] == "tenant.updated", "what was missed did not come");
    Ok(())
}

async fn who_comes_back_too_late_is_told() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let api = &member.session.api;
    let (mut listener, start) = Listener::connect(&system, api, By::Socket, None).await?;
    // More than is kept, in more pages than one.
    system.happen(&member, 1300, &json!({})).await?;
    system.scheduled("* * * * *").await?;
    let frames = listener.take(1300, |_| true).await?;
    ensure!(versions(&frames).into_iter().eq(1..=1300), "{} came", frames.len());
    for by in WAYS {
        for stale in [start.as_str(), "0123456789abcdef.1"] {
            let (mut again, now) = Listener::connect(&system, api, by, Some(stale)).await?;
            let frame = again.next().await?;
            ensure!(frame["type"] == "behind" && frame["hint"] == "GET /events" && frame["cursor"] == now.as_str(), "{frame}");
            ensure!(now == cursor(&frames)?, "{now}");
        }
    }
    let missed = api.get(&format!("/events/stream?after={start}")).await?.json_of(200)?;
    ensure!(missed["behind"] == true && missed["data"] == json!([]), "{missed}");
    Ok(())
}

async fn what_nobody_announced_is_swept() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (mut listener, _) = Listener::connect(&system, &member.session.api, By::ServerSent, None).await?;
    // The object looks once more by itself, for whoever was just writing when it began.
    tokio::time::sleep(Duration::from_secs(6)).await;
    system.happen(&member, 3, &json!({})).await?;
    // That nothing comes before this cannot be shown: other tests sweep too.
    tokio::try_join!(system.scheduled("* * * * *"), system.scheduled("* * * * *"))?;
    let frames = listener.take(3, |_| true).await?;
    ensure!(versions(&frames) == [1, 2, 3], "{frames:?}");
    listener.is_silent(Duration::from_millis(300)).await
}

async fn who_only_asks_is_answered_at_once() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let first = member.session.api.get("/events/stream").await?.json_of(200)?;
    ensure!(shape::members(&first)? == ["behind", "cursor", "data"] && first["data"] == json!([]), "{first}");
    member.renames("Asked").await?;
    let cursor = first["cursor"].as_str().context("cursor")?;
    let answer = member.session.api.get(&format!("/events/stream?after={cursor}")).await?.expect(200)?;
    ensure!(answer.round_trips()? == 0 && answer.header("cache-control") == Some("no-store"), "{answer}");
    let second = answer.json()?;
    ensure!(second["data"].as_array().map(Vec::len) == Some(1) && second["data"][0]["event"]["type"] == "tenant.updated", "{second}");
    ensure!(second["cursor"] == second["data"][0]["cursor"], "{second}");
    Ok(())
}

async fn what_is_large_stays_in_the_log() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (mut listener, _) = Listener::connect(&system, &member.session.api, By::Socket, None).await?;
    let noise: String = (0..300_000).map(|n: u32| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
    system.happen(&member, 1, &json!({ "text": noise })).await?;
    system.scheduled("* * * * *").await?;
    let frame = listener.next().await?;
    ensure!(frame["event"]["truncated"] == true && frame["event"]["data"].is_null(), "{:.300}", frame.to_string());
    forget_large(&system, &member).await
}

/// What does not fit the catalogue goes, so that the test which looks at all events finds none of it.
async fn forget_large(system: &zygo_tests::System, member: &Member) -> Result<()> {
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    system.database.execute("DELETE FROM events WHERE tenant_id = $1 AND data ? 'text'", &[&tenant]).await.map(drop)
}

async fn a_websocket_is_answered_while_the_object_sleeps() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (mut listener, cursor) = Listener::connect(&system, &member.session.api, By::Socket, None).await?;
    listener.says("ping").await?;
    ensure!(listener.raw().await? == Message::text("pong"), "no pong");
    // It hibernates by itself after ten seconds; who is connected stands with the connection.
    tokio::time::sleep(Duration::from_secs(12)).await;
    listener.says(&json!({ "ack": cursor }).to_string()).await?;
    member.renames("Awake").await?;
    ensure!(listener.next().await?["event"]["type"] == "tenant.updated", "it did not wake");
    Ok(())
}

async fn who_says_nonsense_is_cut_off() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let long = format!(r#"{{"ack":"{}"}}"#, "0".repeat(300));
    for nonsense in ["", "hello", "{}", r#"{"ack":"x"}"#, r#"{"ack":"0000000000000000.1","more":1}"#, &long] {
        let (mut listener, _) = Listener::connect(&system, &member.session.api, By::Socket, None).await?;
        listener.says(nonsense).await?;
        let Message::Close(Some(frame)) = listener.raw().await? else { anyhow::bail!("{nonsense:?} was taken") };
        ensure!(u16::from(frame.code) == 4400 && frame.reason.as_str() == "BAD_REQUEST", "{frame:?}");
    }
    Ok(())
}
