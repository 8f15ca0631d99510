//! What queues may do to whoever reads them: messages that come again, at once, late, or make no sense; runs that die half-way.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;
use zygo_tests::{Person, System, eventually_within, outbox::Owed, random, tests, world};

tests![
    what_was_finished_comes_again,
    many_messages_of_one_row_come_at_once,
    a_run_that_died_half_way_is_taken_over,
    a_job_that_kills_whoever_runs_it_is_dead,
    what_makes_no_sense_hurts_nobody,
    a_job_may_be_larger_than_a_message
];

async fn mail(system: &System) -> Result<(Person, Owed)> {
    let person = system.person().await?;
    let id = system.database.column("SELECT id::text FROM users WHERE email = $1", &[&person.email]).await?.pop().context("nobody")?;
    Ok((person, system.owes("mail.account_exists", "mail", &json!({ "user_id": id })).await?))
}

/// The mail of the sign-up, and one of the job: no more, however long one waits.
async fn mailed_once(person: &Person) -> Result<()> {
    person.await_mails(2).await?;
    sleep(Duration::from_millis(500)).await;
    ensure!(person.mails().await?.len() == 2, "the mail came twice");
    Ok(())
}

async fn what_was_finished_comes_again() -> Result<()> {
    let system = world::shared().await?;
    let (person, job) = mail(&system).await?;
    system.message("MAIL", &job.message()).await?;
    system.becomes(&job, "1 1 done done done").await?;
    for _ in 0..20 {
        system.message("MAIL", &job.message()).await?;
    }
    mailed_once(&person).await?;
    system.becomes(&job, "1 1 done done done").await
}

async fn many_messages_of_one_row_come_at_once() -> Result<()> {
    let system = world::shared().await?;
    let (person, job) = mail(&system).await?;
    for _ in 0..20 {
        system.message("MAIL", &job.message()).await?;
    }
    system.becomes(&job, "1 1 done done done").await?;
    mailed_once(&person).await
}

/// Sets a row as it is when its run died: begun so often, its lease over or not, found by the sweep or not.
async fn died(system: &System, job: &Owed, attempts: i32, seconds_ago: f64) -> Result<()> {
    let died = "UPDATE outbox SET attempts = $2, tries = $2, claimed_until = now() - make_interval(secs => $3), available_at = now() - make_interval(secs => $3) \
                WHERE id = $1";
    ensure!(system.database.execute(died, &[&job.id, &attempts, &seconds_ago]).await? == 1);
    Ok(())
}

async fn a_run_that_died_half_way_is_taken_over() -> Result<()> {
    let system = world::shared().await?;
    let (person, job) = mail(&system).await?;
    died(&system, &job, 1, -60.0).await?;
    // Within its lease it may still be at work: neither a message nor a sweep disturbs it.
    system.message("MAIL", &job.message()).await?;
    tokio::try_join!(system.scheduled("* * * * *"), system.scheduled("* * * * *"))?;
    sleep(Duration::from_millis(500)).await;
    system.becomes(&job, "1 1 - - -").await?;
    died(&system, &job, 1, 1.0).await?;
    tokio::try_join!(system.scheduled("* * * * *"), system.scheduled("* * * * *"))?;
    eventually_within(Duration::from_secs(10), async || system.becomes(&job, "2 2 done done done").await).await?;
    mailed_once(&person).await
}

async fn a_job_that_kills_whoever_runs_it_is_dead() -> Result<()> {
    let system = world::shared().await?;
    let (person, job) = mail(&system).await?;
    died(&system, &job, 12, 1.0).await?;
    system.message("MAIL", &job.message()).await?;
    system.becomes(&job, "13 13 dead dead dead it never came to an end").await?;
    ensure!(person.mails().await?.len() == 1, "it was run once more");
    Ok(())
}

async fn what_makes_no_sense_hurts_nobody() -> Result<()> {
    let system = world::shared().await?;
    let nowhere = json!({ "outbox_id": Uuid::from_u128(0xdead), "tenant_id": Uuid::nil(), "kind": "mail.verify_email" });
    let endpoint = json!({ "webhook_id": Uuid::from_u128(0xdead) });
    for queue in ["JOBS", "MAIL", "WEBHOOKS"] {
        for odd in [json!({}), json!(null), json!("x"), json!([1, 2]), json!({ "outbox_id": "x" }), nowhere.clone(), endpoint.clone()] {
            system.message(queue, &odd).await?;
        }
    }
    // A kind that is known with a payload that is not its own never loops either.
    let job = system.owes("mail.verify_email", "mail", &json!({ "user": "x" })).await?;
    system.message("MAIL", &job.message()).await?;
    system.becomes(&job, "1 1 dead dead dead unknown kind of job").await?;
    // The queues still work.
    let (person, job) = mail(&system).await?;
    system.message("MAIL", &job.message()).await?;
    system.becomes(&job, "1 1 done done done").await?;
    mailed_once(&person).await
}

async fn a_job_may_be_larger_than_a_message() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let session: Uuid = member.session.id.parse()?;
    // A queue takes 128 KB: the message refers to what the row holds.
    let mut revocations: Vec<_> =
        (0..3_000).map(|_| Ok(json!({ "what": "session", "of": Uuid::from_bytes(random::bytes()?) }))).collect::<Result<_>>()?;
    revocations.push(json!({ "what": "session", "of": session }));
    let payload = json!({ "tenant_id": member.tenant_id, "revocations": revocations, "at": "2027-01-01T00:00:00.000Z" });
    ensure!(payload.to_string().len() > 150_000, "{} bytes", payload.to_string().len());
    let job = system.owes("gate.revoke", "jobs", &payload).await?;
    system.message("JOBS", &job.message()).await?;
    eventually_within(Duration::from_secs(10), async || system.becomes(&job, "1 1 done done done").await).await?;
    eventually_within(Duration::from_secs(15), async || member.session.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED"))
        .await
        .map(drop)
}
