//! What comes of deliveries that fail.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Member, System, eventually, eventually_within,
    receiver::{Behaviour, Receiver},
    tests,
    webhooks::of,
    world,
};

use super::arrival::arrived;

tests![
    each_failure_has_its_word,
    a_retry_bears_the_same_id,
    an_endpoint_may_ask_for_time,
    after_the_last_attempt_it_is_dead_until_somebody_asks,
    all_that_was_given_up_is_sent_again,
    one_that_is_gone_is_switched_off,
    one_that_fails_for_days_is_switched_off,
    a_long_answer_is_cut,
    asking_again_has_a_limit,
];

/// Waits until an endpoint's latest delivery is something.
async fn becomes(member: &Member, endpoint: &Value, status: &str) -> Result<Value> {
    eventually_within(Duration::from_secs(25), async || {
        let delivery = member.deliveries(endpoint).await?.first().cloned().context("no delivery")?;
        ensure!(delivery["status"] == status, "{delivery}");
        Ok(delivery)
    })
    .await
}

async fn detail(member: &Member, endpoint: &Value, delivery: &Value) -> Result<Value> {
    let path = of(endpoint, &format!("/deliveries/{}", delivery["id"].as_str().context("id")?))?;
    member.session.api.get(&path).await?.json_of(200)
}

async fn each_failure_has_its_word() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.enterprise_member().await?;
    let to = vec![("location".to_owned(), receiver.url("/inward"))];
    let cases = [
        ("/status", Behaviour::status(500), "status", Some(500)),
        ("/denied", Behaviour::Answer(403, vec![], "no".into()), "status", Some(403)),
        ("/moved", Behaviour::Answer(302, to.clone(), String::new()), "redirect", Some(302)),
        ("/kept", Behaviour::Answer(308, to, String::new()), "redirect", Some(308)),
        ("/hung", Behaviour::HangUp, "unreachable", None),
        ("/garbage", Behaviour::Garbage, "unreachable", None),
        ("/slow", Behaviour::Slow(Duration::from_secs(20)), "timeout", None),
    ];
    let mut endpoints = Vec::new();
    for (path, behaviour, word, status) in cases {
        receiver.always(path, behaviour);
        endpoints.push((path, member.endpoint(&json!({ "url": receiver.url(path), "event_types": ["tenant.updated"] })).await?, word, status));
    }
    let nobody = member.endpoint(&json!({ "url": "http://127.0.0.1:1/", "event_types": ["tenant.updated"] })).await?;
    endpoints.push(("nobody", nobody, "unreachable", None));
    receiver.always("/endless", Behaviour::Endless);
    let endless = member.endpoint(&json!({ "url": receiver.url("/endless"), "event_types": ["tenant.updated"] })).await?;
    member.renames("Fails").await?;
    for (path, endpoint, word, status) in &endpoints {
        let delivery = becomes(&member, endpoint, "failing").await.with_context(|| (*path).to_owned())?;
        ensure!(delivery["error"] == *word && delivery["response_status"] == json!(status), "{path}: {delivery}");
        ensure!(delivery["next_attempt_at"].is_string(), "{path}: {delivery}");
        let tried = detail(&member, endpoint, &delivery).await?;
        ensure!(tried["tried"][0]["outcome"] == "failed" && tried["tried"][0]["error"] == *word, "{path}: {tried}");
        let failing = member.session.api.get(&of(endpoint, "")?).await?.json_of(200)?;
        ensure!(failing["failing_since"].is_string() && failing["enabled"] == true, "{path}: {failing}");
    }
    ensure!(receiver.received("/inward").is_empty(), "a redirect was followed");
    // Its status came in time, so it is a success, whatever its body does.
    becomes(&member, &endless, "delivered").await?;
    for (_, endpoint, ..) in &endpoints {
        member.session.api.delete(&of(endpoint, "")?).await?.expect(204)?;
    }
    Ok(())
}

async fn a_retry_bears_the_same_id() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.enterprise_member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/again"), "event_types": ["tenant.updated"] })).await?;
    receiver.meets("/again", &[Behaviour::status(500), Behaviour::HangUp]);
    member.renames("Again").await?;
    arrived(&receiver, "/again", 1).await?;
    // The second comes by itself, after five seconds or so.
    eventually_within(Duration::from_secs(15), async || {
        ensure!(receiver.received("/again").len() >= 2, "no second attempt");
        Ok(())
    })
    .await?;
    becomes(&member, &endpoint, "failing").await?;
    system.hurry(&endpoint).await?;
    let delivery = becomes(&member, &endpoint, "delivered").await?;
    let received = receiver.received("/again");
    let ids: Vec<&str> = received.iter().filter_map(|one| one.header("webhook-id").ok()).collect();
    ensure!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]) && delivery["attempts"] == 3, "{ids:?} {delivery}");
    let bodies: Vec<String> = received.iter().filter_map(|one| one.text().ok()).collect();
    ensure!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let tried = detail(&member, &endpoint, &delivery).await?;
    let outcomes: Vec<&Value> = tried["tried"].as_array().context("tried")?.iter().map(|one| &one["outcome"]).collect();
    ensure!(outcomes == ["delivered", "failed", "failed"], "{tried}");
    ensure!(member.session.api.get(&of(&endpoint, "")?).await?.json_of(200)?["failing_since"].is_null(), "it is well again");
    Ok(())
}

async fn an_endpoint_may_ask_for_time() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/busy"), "event_types": ["tenant.updated"] })).await?;
    receiver.meets("/busy", &[Behaviour::Answer(503, vec![("retry-after".into(), "3600".into())], String::new())]);
    member.renames("Busy").await?;
    becomes(&member, &endpoint, "failing").await?;
    let id: uuid::Uuid = endpoint["id"].as_str().context("id")?.parse()?;
    let asked = "SELECT count(*) FROM webhook_deliveries WHERE webhook_id = $1 AND next_attempt_at BETWEEN now() + interval '55 minutes' AND now() + interval '1 hour'";
    ensure!(system.database.count(asked, &[&id]).await? == 1, "it was not heard");
    Ok(())
}

/// Lets an endpoint's deliveries fail until they are given up.
async fn exhaust(system: &System, member: &Member, endpoint: &Value, receiver: &Receiver, path: &str) -> Result<()> {
    for attempt in receiver.received(path).len()..8 {
        eventually(async || {
            ensure!(receiver.received(path).len() > attempt, "attempt {attempt}");
            Ok(())
        })
        .await
        .ok();
        eventually(async || {
            let delivery = member.deliveries(endpoint).await?.first().cloned().context("no delivery")?;
            ensure!(delivery["attempts"].as_u64() > u64::try_from(attempt).ok(), "{delivery}");
            Ok(())
        })
        .await?;
        system.hurry(endpoint).await?;
    }
    Ok(())
}

async fn after_the_last_attempt_it_is_dead_until_somebody_asks() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.business().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/dead"), "event_types": ["tenant.updated"] })).await?;
    receiver.always("/dead", Behaviour::status(500));
    member.renames("Dead").await?;
    exhaust(&system, &member, &endpoint, &receiver, "/dead").await?;
    let dead = becomes(&member, &endpoint, "dead").await?;
    ensure!(dead["attempts"] == 8 && dead["next_attempt_at"].is_null(), "{dead}");
    system.hurry(&endpoint).await?;
    ensure!(receiver.received("/dead").len() == 8, "{} attempts", receiver.received("/dead").len());

    receiver.always("/dead", Behaviour::status(204));
    let path = of(&endpoint, &format!("/deliveries/{}/retry", dead["id"].as_str().context("id")?))?;
    let answer = member.session.api.post(&path, &json!({})).await?.expect(202)?;
    ensure!(answer.round_trips()? == 1 && answer.json()?["status"] == "pending", "{answer}");
    let delivered = becomes(&member, &endpoint, "delivered").await?;
    ensure!(delivered["attempts"] == 9 && delivered["response_status"] == 204, "{delivered}");
    // One that has arrived may be asked for again too.
    member.session.api.post(&path, &json!({})).await?.expect(202)?;
    arrived(&receiver, "/dead", 10).await?;
    member.session.api.patch(&of(&endpoint, "")?, &json!({ "enabled": false })).await?.expect(200)?;
    member.session.api.post(&path, &json!({})).await?.expect(409)?.problem("CONFLICT")?;
    let nowhere = of(&endpoint, "/deliveries/01890000-0000-7000-8000-000000000000/retry")?;
    member.session.api.post(&nowhere, &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn all_that_was_given_up_is_sent_again() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.business().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/replay"), "event_types": ["tenant.updated"] })).await?;
    system.happen(&member, 6, &json!({})).await?;
    let id: uuid::Uuid = endpoint["id"].as_str().context("id")?.parse()?;
    let gave_up = "UPDATE webhook_deliveries SET status = 'dead', attempts = 8, tries = 8, next_attempt_at = NULL WHERE webhook_id = $1";
    system.database.execute(gave_up, &[&id]).await?;
    let older = "UPDATE webhook_deliveries SET created_at = now() - interval '2 days' WHERE id = ANY (ARRAY(SELECT id FROM webhook_deliveries WHERE webhook_id = $1 LIMIT 2))";
    system.database.execute(older, &[&id]).await?;
    let replay = async |body: Value| member.session.api.post(&of(&endpoint, "/replay")?, &body).await;
    let ago = async |time: &str| {
        let instant = "SELECT to_char((now() - $1::text::interval) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
        system.database.column(instant, &[&time]).await?.pop().context("no instant")
    };
    let yesterday = ago("1 day").await?;
    let answer = replay(json!({ "since": yesterday })).await?.expect(202)?;
    ensure!(answer.round_trips()? == 1 && answer.json()? == json!({ "replayed": 4 }), "{answer}");
    arrived(&receiver, "/replay", 4).await?;
    let rest = replay(json!({ "since": ago("3 days").await?, "until": yesterday })).await?.json_of(202)?;
    ensure!(rest == json!({ "replayed": 2 }), "{rest}");
    arrived(&receiver, "/replay", 6).await?;
    for body in [json!({}), json!({ "since": "yesterday" }), json!({ "since": yesterday, "failed": true })] {
        replay(body).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    }
    Ok(())
}

async fn told(member: &Member) -> Result<bool> {
    Ok(member.person.mails().await?.iter().any(|mail| mail["subject"] == "A webhook was switched off"))
}

async fn one_that_is_gone_is_switched_off() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.business().await?;
    let (admin, developer) = (system.colleague(&member, "admin").await?, system.colleague(&member, "developer").await?);
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/gone"), "event_types": ["tenant.updated"] })).await?;
    let witness = member.endpoint(&json!({ "url": receiver.url("/witness"), "event_types": ["webhook.disabled"] })).await?;
    receiver.always("/gone", Behaviour::status(410));
    member.renames("Gone").await?;
    let off = eventually(async || {
        let read = member.session.api.get(&of(&endpoint, "")?).await?.json_of(200)?;
        ensure!(read["enabled"] == false, "{read}");
        Ok(read)
    })
    .await?;
    ensure!(off["disabled_reason"] == "gone", "{off}");
    let delivery = member.deliveries(&endpoint).await?.remove(0);
    ensure!(delivery["status"] == "dead" && delivery["error"] == "gone" && delivery["response_status"] == 410, "{delivery}");
    let event = arrived(&receiver, "/witness", 1).await?.remove(0).json()?;
    ensure!(event["data"] == json!({ "webhook_id": endpoint["id"], "reason": "gone" }), "{event}");
    system.sweep().await?;
    eventually(async || {
        ensure!(told(&member).await? && told(&admin).await?, "not everybody was told");
        Ok(())
    })
    .await?;
    ensure!(!told(&developer).await?, "a developer was told");
    member.renames("Unheard").await?;
    arrived(&receiver, "/witness", 1).await?;
    ensure!(receiver.received("/gone").len() == 1, "it was asked again");
    let on = member.session.api.patch(&of(&endpoint, "")?, &json!({ "enabled": true })).await?.json_of(200)?;
    ensure!(on["disabled_reason"].is_null() && on["failing_since"].is_null(), "{on}");
    ensure!(member.deliveries(&witness).await?.len() == 1, "told twice");
    Ok(())
}

async fn one_that_fails_for_days_is_switched_off() -> Result<()> {
    // What runs each hour does much more where there are many organisations.
    let (system, _turn) = world::fragile().await?;
    let member = system.business().await?;
    let (failing, doubtful) =
        (member.endpoint(&json!({ "url": "http://127.0.0.1:1/" })).await?, member.endpoint(&json!({ "url": "http://127.0.0.1:1/" })).await?);
    for (endpoint, since) in [(&failing, "5 days"), (&doubtful, "4 days")] {
        let id: uuid::Uuid = endpoint["id"].as_str().context("id")?.parse()?;
        let fails = "UPDATE webhooks SET failing_since = now() - $2::text::interval WHERE id = $1";
        system.database.execute(fails, &[&id, &since]).await?;
    }
    system.scheduled("0 * * * *").await?;
    let read = async |endpoint: &Value| member.session.api.get(&of(endpoint, "")?).await?.json_of(200);
    let off = read(&failing).await?;
    ensure!(off["enabled"] == false && off["disabled_reason"] == "failing", "{off}");
    ensure!(read(&doubtful).await?["enabled"] == true, "too soon");
    system.sweep().await?;
    eventually(async || {
        ensure!(told(&member).await?, "nobody was told");
        Ok(())
    })
    .await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let events = system.database.count("SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'webhook.disabled'", &[&tenant]).await?;
    ensure!(events == 1, "{events} events");
    Ok(())
}

async fn a_long_answer_is_cut() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/long"), "event_types": ["tenant.updated"] })).await?;
    receiver.always("/long", Behaviour::Answer(200, vec![], "ä".repeat(500_000)));
    member.renames("Long").await?;
    let delivery = becomes(&member, &endpoint, "delivered").await?;
    let tried = detail(&member, &endpoint, &delivery).await?;
    ensure!(tried["tried"][0]["response_head"].as_str().map(str::len) == Some(4096), "{tried}");
    Ok(())
}

async fn asking_again_has_a_limit() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": "http://127.0.0.1:9/" })).await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    system.database.execute("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", &[&tenant]).await?;
    let session = zygo_tests::Session::read(member.session.refresh().await?, &member.person.api)?;
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    for n in 0..121 {
        let answer = session.api.post(&of(&endpoint, "/replay")?, &since).await?;
        if answer.status == 429 {
            ensure!(n >= 120 && answer.header("retry-after").is_some(), "{n}: {answer}");
            answer.problem("RATE_LIMITED")?;
            return Ok(());
        }
        answer.expect(202)?;
    }
    anyhow::bail!("there is none")
}
