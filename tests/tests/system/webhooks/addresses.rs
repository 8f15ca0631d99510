//! Where nothing is sent to: addresses that lead inward, by literal and by name.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_core::http::target;
use zygo_tests::{dns::Record, eventually, random, receiver::Receiver, tests, webhooks::of, world};

tests![
    every_notation_is_refused_with_its_code,
    a_name_that_leads_inward_is_not_called,
    a_name_that_turned_inward_is_not_called_any_more,
    a_resolver_that_does_not_know_costs_no_attempt,
    this_machine_is_called_where_the_configuration_says_so_alone,
];

async fn every_notation_is_refused_with_its_code() -> Result<()> {
    // As in production: nothing on this machine may be called either.
    let system = world::outward().await?;
    let member = system.enterprise_member().await?;
    for (url, code) in target::REFUSED {
        let answer = member.session.api.post("/webhooks", &json!({ "url": url })).await?;
        let fields = answer.expect(422).with_context(|| (*url).to_owned())?.problem("VALIDATION_FAILED")?;
        let field = &fields["details"]["fields"][0];
        ensure!(field["path"] == "url" && field["code"] == *code, "{url}: {field}");
        println!("{url:<44} {code}");
    }
    ensure!(member.session.api.get("/webhooks").await?.json_of(200)?["data"] == json!([]), "one was taken");
    let taken = member.endpoint(&json!({ "url": "https://hooks.example.com/x", "enabled": false })).await?;
    for (url, code) in target::REFUSED.iter().step_by(7) {
        let answer = member.session.api.patch(&of(&taken, "")?, &json!({ "url": url })).await?.expect(422)?.problem("VALIDATION_FAILED")?;
        ensure!(answer["details"]["fields"][0]["code"] == *code, "{url}: {answer}");
    }
    Ok(())
}

/// The attempt of a test at a URL.
async fn tried(url: &str) -> Result<Value> {
    let system = world::federated().await?;
    let member = system.member().await?;
    let endpoint = member.endpoint(&json!({ "url": url, "enabled": false })).await?;
    member.session.api.post(&of(&endpoint, "/test")?, &json!({})).await?.json_of(200)
}

async fn a_name_that_leads_inward_is_not_called() -> Result<()> {
    let system = world::federated().await?;
    let dns = &system.federation()?.dns;
    let receiver = Receiver::start().await?;
    for (addresses, word) in [
        (vec!["127.0.0.1"], "name_leads_inward"),
        (vec!["10.0.0.1"], "name_leads_inward"),
        (vec!["169.254.169.254"], "name_leads_inward"),
        (vec!["8.8.8.8", "192.168.1.1"], "name_leads_inward"),
        (vec!["::1"], "name_leads_inward"),
        (vec!["::ffff:127.0.0.1"], "name_leads_inward"),
        (vec!["fd00::1"], "name_leads_inward"),
        (vec!["2001:db8::1"], "name_leads_inward"),
        (vec![], "name_not_found"),
    ] {
        let name = format!("{}.example.com", random::word()?);
        dns.set(&name, Record::Addresses(addresses.iter().map(|address| (*address).to_owned()).collect()));
        let attempt = tried(&format!("https://{name}:{}/in", receiver.port())).await?;
        ensure!(attempt["outcome"] == "failed" && attempt["error"] == word && attempt["response_status"].is_null(), "{addresses:?}: {attempt}");
    }
    ensure!(receiver.received("/in").is_empty(), "something was sent");
    Ok(())
}

async fn a_name_that_turned_inward_is_not_called_any_more() -> Result<()> {
    let system = world::federated().await?;
    let dns = &system.federation()?.dns;
    let member = system.member().await?;
    let name = format!("{}.example.com", random::word()?);
    dns.set(&name, Record::Addresses(vec!["192.0.0.8".to_owned()]));
    let endpoint = member.endpoint(&json!({ "url": format!("https://{name}/"), "event_types": ["tenant.updated"] })).await?;
    // Public when it was described, as far as the resolver knew; what counts is where it leads at delivery.
    member.renames("Turned").await?;
    let delivery = eventually(async || {
        let delivery = member.deliveries(&endpoint).await?.first().cloned().context("no delivery")?;
        ensure!(delivery["status"] == "failing", "{delivery}");
        Ok(delivery)
    })
    .await?;
    ensure!(delivery["error"] == "name_leads_inward" && delivery["response_status"].is_null(), "{delivery}");
    Ok(())
}

async fn a_resolver_that_does_not_know_costs_no_attempt() -> Result<()> {
    let system = world::federated().await?;
    let dns = &system.federation()?.dns;
    let member = system.member().await?;
    for (n, record) in [Record::Failure, Record::Garbage].into_iter().enumerate() {
        let name = format!("{}.example.com", random::word()?);
        dns.set(&name, record);
        let endpoint = member.endpoint(&json!({ "url": format!("https://{name}/"), "event_types": ["tenant.updated"] })).await?;
        member.renames(&format!("Unknown {n}")).await?;
        eventually(async || {
            let id: uuid::Uuid = endpoint["id"].as_str().context("id")?.parse()?;
            let put_off = "SELECT count(*) FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'pending' AND attempts = 0 \
                           AND next_attempt_at BETWEEN now() + interval '10 seconds' AND now() + interval '31 seconds'";
            ensure!(system.database.count(put_off, &[&id]).await? == 1, "it was not put off");
            Ok(())
        })
        .await?;
        member.session.api.post(&of(&endpoint, "/test")?, &json!({})).await?.expect(503)?.problem("DEPENDENCY_UNAVAILABLE")?;
        member.session.api.delete(&of(&endpoint, "")?).await?.expect(204)?;
    }
    Ok(())
}

async fn this_machine_is_called_where_the_configuration_says_so_alone() -> Result<()> {
    let (system, receiver) = (world::outward().await?, Receiver::start().await?);
    let member = system.enterprise_member().await?;
    // As if it had been taken by an earlier rule: what is not to be called is not called.
    let endpoint = member.endpoint(&json!({ "url": "https://hooks.example.com/", "event_types": ["tenant.updated"] })).await?;
    let id: uuid::Uuid = endpoint["id"].as_str().context("id")?.parse()?;
    system.database.execute("UPDATE webhooks SET url = $2 WHERE id = $1", &[&id, &receiver.url("/in")]).await?;
    let attempt = member.session.api.post(&of(&endpoint, "/test")?, &json!({})).await?.json_of(200)?;
    ensure!(attempt["error"] == "url_not_public", "{attempt}");
    member.renames("Inward").await?;
    eventually(async || {
        let delivery = member.deliveries(&endpoint).await?.into_iter().find(|one| one["event_type"] == "tenant.updated").context("no delivery")?;
        ensure!(delivery["status"] == "failing" && delivery["error"] == "url_not_public", "{delivery}");
        Ok(())
    })
    .await?;
    ensure!(receiver.received("/in").is_empty(), "something was sent");
    Ok(())
}
