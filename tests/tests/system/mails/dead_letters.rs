//! What was tried for as long as its policy is patient, from its first failure to the administrator who has it run again.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;
use zygo_tests::{Person, System, outbox::Owed, random, tests, world};

tests![a_mail_dies_and_is_sent_after_all, another_job_dies_and_is_done_after_all, dead_letters_of_every_queue_are_looked_at];

async fn mail(system: &System, person: &Person) -> Result<Owed> {
    let id = system.database.column("SELECT id::text FROM users WHERE email = $1", &[&person.email]).await?.pop().context("nobody")?;
    system.owes("mail.account_exists", "mail", &json!({ "user_id": id })).await
}

/// Has a job run, without the waits between, until it is dead.
async fn exhaust(system: &System, queue: &str, job: &Owed) -> Result<String> {
    for _ in 0..100 {
        system.message(queue, &job.message()).await?;
        sleep(Duration::from_millis(200)).await;
        let row = system.became(job).await?;
        if row.contains(" dead dead ") {
            return Ok(row);
        }
    }
    anyhow::bail!("it does not die: {}", system.became(job).await?)
}

/// The record of a dead job, as administrators see it.
async fn listed(system: &System, kind: &str, job: &Owed) -> Result<Value> {
    let api = system.administrator("support").await?.api;
    let list = api.get(&format!("/admin/jobs/dead?kind={kind}&limit=100")).await?.json_of(200)?;
    let rows = list["data"].as_array().context("no data")?;
    rows.iter().find(|row| row["id"] == job.id.to_string()).cloned().with_context(|| format!("{kind} is not among the dead: {list}"))
}

/// Whether a record tells of so many runs that failed so, the last of them for good.
fn tells(record: &Value, runs: usize, why: &str) -> bool {
    let all = record["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let outcomes: Vec<_> = all.iter().filter_map(|run| run["outcome"].as_str()).collect();
    let numbers: Vec<_> = all.iter().filter_map(|run| run["attempt"].as_u64()).collect();
    record["state"] == "dead"
        && record["attempts"] == runs
        && record["error"].as_str().is_some_and(|error| error.contains(why))
        && all.iter().all(|run| run["error"] == record["error"])
        && outcomes.first() == Some(&"dead")
        && outcomes.iter().skip(1).all(|outcome| *outcome == "retry")
        && numbers == (1..=runs as u64).rev().collect::<Vec<_>>()
}

async fn again(system: &System, job: &Owed) -> Result<()> {
    let api = system.administrator("operator").await?.api;
    let answer = api.post(&format!("/admin/jobs/{}/retry", job.id), &json!({})).await?.json_of(202)?;
    ensure!(answer["state"] == "retrying" && answer["finished_at"].is_null(), "{answer}");
    Ok(())
}

async fn a_mail_dies_and_is_sent_after_all() -> Result<()> {
    let system = world::outward().await?;
    let binding = system.email.as_ref().context("a false binding")?;
    let person = system.person().await?;
    binding.refuse(&person.email, &["E_INTERNAL_SERVER_ERROR"; 12]);
    let job = mail(&system, &person).await?;
    let row = exhaust(&system, "MAIL", &job).await?;
    ensure!(row.starts_with(&format!("12 12 dead dead {}dead ", "retry,".repeat(11))), "{row}");
    let record = listed(&system, "mail.account_exists", &job).await?;
    ensure!(tells(&record, 12, "E_INTERNAL_SERVER_ERROR") && record["queue"] == "mail", "{record}");
    // The queue gave up on its messages, and its dead letters were read.
    let id = job.id.to_string();
    ensure!(system.log().await?.lines().any(|line| line.contains("dead letter") && line.contains(&id)), "no dead letter");
    ensure!(person.mails().await?.len() == 1 && binding.given(&person.email).len() == 13, "a mail was sent");
    again(&system, &job).await?;
    person.await_mails(2).await?;
    system.becomes(&job, &format!("13 1 done done {}dead,done", "retry,".repeat(11))).await
}

async fn another_job_dies_and_is_done_after_all() -> Result<()> {
    let system = world::federated().await?;
    let saas = &system.federation()?.saas;
    let host = format!("hostname-{}", random::word()?);
    saas.fail(&host, 10);
    let job = system.owes("domains.release", "jobs", &json!({ "hostname_id": host })).await?;
    let row = exhaust(&system, "JOBS", &job).await?;
    ensure!(row.starts_with(&format!("10 10 dead dead {}dead ", "retry,".repeat(9))), "{row}");
    let record = listed(&system, "domains.release", &job).await?;
    ensure!(tells(&record, 10, "status 500") && record["queue"] == "jobs", "{record}");
    again(&system, &job).await?;
    system.becomes(&job, &format!("11 1 done done {}dead,done", "retry,".repeat(9))).await
}

async fn dead_letters_of_every_queue_are_looked_at() -> Result<()> {
    let system = world::shared().await?;
    for queue in ["JOBS_DEAD", "MAIL_DEAD", "WEBHOOKS_DEAD"] {
        // What makes no sense, or is nobody's, hurts nobody.
        let nowhere = json!({ "outbox_id": Uuid::from_u128(0xdead), "tenant_id": Uuid::nil(), "kind": "mail.verify_email" });
        for odd in [json!(null), json!("x"), json!({ "outbox_id": "x" }), nowhere, json!({ "webhook_id": Uuid::from_u128(0xdead) })] {
            system.message(queue, &odd).await?;
        }
        // What could not be run is run now; what will never be is dead, with the reason.
        let person = system.person().await?;
        let (job, unknown) = (mail(&system, &person).await?, system.owes("test.unknown", "mail", &json!({})).await?);
        for job in [&job, &unknown] {
            system.message(queue, &job.message()).await?;
        }
        system.becomes(&job, "1 1 done done done").await.context(queue)?;
        system.becomes(&unknown, "1 1 dead dead dead unknown kind of job").await.context(queue)?;
        person.await_mails(2).await?;
        // Whatever is settled stays so.
        for job in [&job, &unknown] {
            system.message(queue, &job.message()).await?;
        }
        sleep(Duration::from_millis(500)).await;
        system.becomes(&job, "1 1 done done done").await.context(queue)?;
        system.becomes(&unknown, "1 1 dead dead dead unknown kind of job").await.context(queue)?;
        ensure!(person.mails().await?.len() == 2, "the mail came twice");
    }
    Ok(())
}
