//! From the commit to the receiver: what arrives, signed how, and when.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};
use zygo_tests::{
    eventually,
    receiver::{Behaviour, Received, Receiver},
    shape, tests,
    webhooks::{Reader, of},
    world,
};

tests![
    an_event_arrives_signed,
    the_published_libraries_verify_it,
    only_those_who_want_it_are_told,
    during_a_rotation_both_secrets_sign,
    a_test_is_sent_and_answered_at_once,
    a_large_event_arrives_whole,
    what_nobody_announced_is_swept,
    an_endpoint_hears_nothing_while_it_is_off,
];

/// Waits for so many deliveries at a path.
pub async fn arrived(receiver: &Receiver, path: &str, count: usize) -> Result<Vec<Received>> {
    eventually(async || {
        let received = receiver.received(path);
        ensure!(received.len() >= count, "{} of {count} arrived", received.len());
        Ok(received)
    })
    .await
}

async fn an_event_arrives_signed() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let headers = json!({ "Authorization": "Bearer theirs", "x-team": "a" });
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/a?b=c"), "event_types": ["tenant.updated"], "headers": headers })).await?;
    member.renames("New").await?;
    let received = arrived(&receiver, "/a", 1).await?.remove(0);
    ensure!(received.request.method == "POST" && received.request.target == "/a?b=c", "{:?}", received.request);
    ensure!(received.header("content-type")? == "application/json" && received.header("user-agent")? == "Zygo-Webhooks/1", "{:?}", received.request);
    ensure!(received.header("authorization")? == "Bearer theirs" && received.header("x-team")? == "a", "{:?}", received.request);
    ensure!(received.request.header("cookie").is_none(), "{:?}", received.request);
    let body = received.json()?;
    ensure!(shape::members(&body)? == ["data", "timestamp", "type"] && body["type"] == "tenant.updated", "{body}");
    ensure!(body["data"]["tenant_id"] == member.tenant_id.as_str(), "{body}");
    shape::instant(&body["timestamp"])?;

    let event = member.session.api.get("/events?type=tenant.updated").await?.json_of(200)?["data"][0].clone();
    ensure!(received.header("webhook-id")? == event["id"].as_str().context("id")? && body["timestamp"] == event["occurred_at"], "{event}");
    let settled = eventually(async || {
        let delivery = member.deliveries(&endpoint).await?.first().cloned().context("no delivery")?;
        ensure!(delivery["status"] == "delivered", "{delivery}");
        Ok(delivery)
    })
    .await?;
    ensure!(settled["attempts"] == 1 && settled["response_status"] == 200 && settled["event_id"] == event["id"], "{settled}");
    let path = of(&endpoint, &format!("/deliveries/{}", settled["id"].as_str().context("id")?))?;
    let answer = member.session.api.get(&path).await?.expect(200)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let detail = answer.json()?;
    ensure!(detail["tried"].as_array().map(Vec::len) == Some(1) && detail["tried"][0]["outcome"] == "delivered", "{detail}");
    Ok(())
}

/// Whether the published Rust library takes a delivery.
fn rust_takes(secret: &str, received: &Received) -> Result<bool> {
    let webhook = standardwebhooks::Webhook::new(secret).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.header(name)?.parse()?);
    }
    Ok(webhook.verify(&received.request.body, &headers).is_ok())
}

/// Whether the Ed25519 signature of a delivery is the key's.
fn key_takes(public_key: &str, received: &Received) -> Result<bool> {
    let key: [u8; 32] = STANDARD.decode(public_key.strip_prefix("whpk_").context("prefix")?)?.try_into().ok().context("length")?;
    let message = format!("{}.{}.{}", received.header("webhook-id")?, received.header("webhook-timestamp")?, received.text()?);
    let key = VerifyingKey::from_bytes(&key)?;
    let signatures = received.header("webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1a,"));
    for signature in signatures {
        let signature: [u8; 64] = STANDARD.decode(signature)?.try_into().ok().context("length")?;
        if key.verify_strict(message.as_bytes(), &signature.into()).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn the_published_libraries_verify_it() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/v"), "event_types": ["tenant.*"], "asymmetric": true })).await?;
    let secret = member.secret(&endpoint).await?;
    member.renames("Ä name with “quotes”").await?;
    let received = arrived(&receiver, "/v", 1).await?.remove(0);
    let shared = secret["secret"].as_str().context("secret")?;
    let other = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let mut tampered = received.clone();
    tampered.request.body.push(b' ');
    for (wanted, secret, delivery) in [(true, shared, &received), (false, other, &received), (false, shared, &tampered)] {
        ensure!(rust_takes(secret, delivery)? == wanted, "Rust: not {wanted}");
        ensure!(Reader::JavaScript.takes(secret, delivery).await? == Some(wanted), "JavaScript: not {wanted}");
        match Reader::Python.takes(secret, delivery).await? {
            Some(verdict) => ensure!(verdict == wanted, "Python: not {wanted}"),
            None => println!("skipped: Python's standardwebhooks is not on this machine"),
        }
    }
    let key = secret["public_key"].as_str().context("public key")?;
    ensure!(key_takes(key, &received)? && !key_takes(key, &tampered)?, "Ed25519");
    Ok(())
}

async fn only_those_who_want_it_are_told() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let (member, stranger) = tokio::try_join!(system.business(), system.member())?;
    for (path, filters) in [
        ("/all", json!(["*"])),
        ("/tenant", json!(["tenant.*"])),
        ("/exact", json!(["tenant.updated", "user.invited"])),
        ("/other", json!(["user.*"])),
    ] {
        member.endpoint(&json!({ "url": receiver.url(path), "event_types": filters })).await?;
    }
    stranger.endpoint(&json!({ "url": receiver.url("/stranger") })).await?;
    member.endpoint(&json!({ "url": receiver.url("/off"), "enabled": false })).await?;
    member.renames("Told").await?;
    for path in ["/all", "/tenant", "/exact"] {
        eventually(async || {
            let kinds: Vec<Value> = receiver.received(path).iter().filter_map(|one| one.json().ok()).map(|body| body["type"].clone()).collect();
            ensure!(kinds.contains(&json!("tenant.updated")), "{path}: {kinds:?}");
            Ok(())
        })
        .await?;
    }
    for path in ["/other", "/off"] {
        ensure!(receiver.received(path).is_empty(), "{path} was told");
    }
    let told: Vec<Value> = receiver.received("/stranger").iter().filter_map(|one| one.json().ok()).collect();
    ensure!(told.iter().all(|body| !body.to_string().contains(&member.tenant_id)), "{told:?}");
    Ok(())
}

async fn during_a_rotation_both_secrets_sign() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/r"), "event_types": ["tenant.updated"] })).await?;
    let old = member.secret(&endpoint).await?["secret"].as_str().context("secret")?.to_owned();
    member.session.api.post(&of(&endpoint, "/rotate-secret")?, &json!({})).await?.expect(200)?;
    let new = member.secret(&endpoint).await?["secret"].as_str().context("secret")?.to_owned();
    member.renames("Once").await?;
    let received = arrived(&receiver, "/r", 1).await?.remove(0);
    ensure!(rust_takes(&old, &received)? && rust_takes(&new, &received)?, "{:?}", received.request.headers);
    for secret in [&old, &new] {
        ensure!(Reader::JavaScript.takes(secret, &received).await? == Some(true), "JavaScript");
        ensure!(Reader::Python.takes(secret, &received).await?.unwrap_or(true), "Python");
    }
    let id: uuid::Uuid = endpoint["id"].as_str().context("id")?.parse()?;
    system.database.execute("UPDATE webhooks SET previous_secret_until = now() - interval '1 second' WHERE id = $1", &[&id]).await?;
    member.renames("Twice").await?;
    let received = arrived(&receiver, "/r", 2).await?.remove(1);
    ensure!(!rust_takes(&old, &received)? && rust_takes(&new, &received)?, "the old secret still signs");
    Ok(())
}

async fn a_test_is_sent_and_answered_at_once() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/t"), "event_types": ["tenant.updated"], "enabled": false })).await?;
    let witness = member.endpoint(&json!({ "url": receiver.url("/w") })).await?;
    receiver.meets("/t", &[Behaviour::Answer(200, vec![], "thanks\0".into()), Behaviour::status(503)]);
    let answer = member.session.api.post(&of(&endpoint, "/test")?, &json!({})).await?.expect(200)?;
    ensure!(answer.round_trips()? == 2, "{answer}");
    let attempt = answer.json()?;
    ensure!(attempt["outcome"] == "delivered" && attempt["response_status"] == 200 && attempt["response_head"] == "thanks", "{attempt}");
    let received = receiver.received("/t").remove(0);
    ensure!(
        received.json()?["type"] == "webhook.tested" && received.json()?["data"] == json!({ "webhook_id": endpoint["id"] }),
        "{:?}",
        received.json()
    );
    ensure!(rust_takes(member.secret(&endpoint).await?["secret"].as_str().context("secret")?, &received)?, "not signed");
    let failed = member.session.api.post(&of(&endpoint, "/test")?, &json!({})).await?.json_of(200)?;
    ensure!(failed["outcome"] == "failed" && failed["error"] == "status" && failed["response_status"] == 503, "{failed}");
    let statuses: Vec<Value> = member.deliveries(&endpoint).await?.iter().map(|one| one["status"].clone()).collect();
    ensure!(statuses == ["dead", "delivered"], "{statuses:?}");
    ensure!(member.deliveries(&witness).await?.iter().all(|one| one["event_type"] != "webhook.tested"), "another endpoint heard of it");
    Ok(())
}

async fn a_large_event_arrives_whole() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    member.endpoint(&json!({ "url": receiver.url("/large"), "event_types": ["tenant.updated"] })).await?;
    // More than a message of a queue may hold: the message names the endpoint, and the event waits in Postgres.
    let text = "ä".repeat(200 * 1024);
    system.happen(&member, 1, &json!({ "text": text })).await?;
    system.scheduled("* * * * *").await?;
    let received = arrived(&receiver, "/large", 1).await?.remove(0);
    ensure!(received.json()?["data"]["text"] == text.as_str(), "it was cut");
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    system.database.execute("DELETE FROM events WHERE tenant_id = $1 AND data ? 'text'", &[&tenant]).await?;
    Ok(())
}

async fn what_nobody_announced_is_swept() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    member.endpoint(&json!({ "url": receiver.url("/swept"), "event_types": ["tenant.updated"] })).await?;
    system.happen(&member, 30, &json!({})).await?;
    // Twice at once is harmless.
    tokio::try_join!(system.scheduled("* * * * *"), system.scheduled("* * * * *"))?;
    let received = arrived(&receiver, "/swept", 30).await?;
    let ids: std::collections::BTreeSet<&str> = received.iter().filter_map(|one| one.header("webhook-id").ok()).collect();
    ensure!(ids.len() == 30 && received.len() == 30, "{} of {} are different", ids.len(), received.len());
    Ok(())
}

async fn an_endpoint_hears_nothing_while_it_is_off() -> Result<()> {
    let (system, receiver) = (world::shared().await?, Receiver::start().await?);
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": receiver.url("/o"), "event_types": ["tenant.updated"] })).await?;
    receiver.meets("/o", &[Behaviour::status(500)]);
    member.renames("Held").await?;
    arrived(&receiver, "/o", 1).await?;
    member.session.api.patch(&of(&endpoint, "")?, &json!({ "enabled": false })).await?.expect(200)?;
    eventually(async || {
        let delivery = member.deliveries(&endpoint).await?.remove(0);
        ensure!(delivery["status"] == "failing", "{delivery}");
        Ok(())
    })
    .await?;
    member.renames("Missed").await?;
    system.hurry(&endpoint).await?;
    member.session.api.patch(&of(&endpoint, "")?, &json!({ "enabled": true })).await?.expect(200)?;
    let received = arrived(&receiver, "/o", 2).await?;
    ensure!(received[0].header("webhook-id")? == received[1].header("webhook-id")?, "what was held back is another event");
    ensure!(member.deliveries(&endpoint).await?.len() == 1, "it is owed what happened while it was off");
    Ok(())
}
