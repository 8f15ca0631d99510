//! Mail over HTTP to a service that refuses, fails, and recovers.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Person, System, eventually_within, tests, world};

tests![a_mail_is_sent_as_the_service_wants_it, a_failure_is_tried_again, a_refusal_is_final, a_mail_is_sent_once];

async fn stranger(system: &System) -> Result<Person> {
    Person::stranger(&system.api()?)
}

/// The outbox row of somebody's mail: attempts, outcome, the runs' outcomes, and what was kept of the error.
async fn job(system: &System, person: &Person) -> Result<Vec<String>> {
    let rows = "SELECT concat_ws(' ', o.attempts, o.outcome, j.status, string_agg(a.outcome, ',' ORDER BY a.attempt), o.last_error) \
                FROM outbox o JOIN users u ON o.payload ->> 'user_id' = u.id::text LEFT JOIN jobs j ON j.id = o.id \
                LEFT JOIN job_attempts a ON a.job_id = j.id WHERE u.email = $1 GROUP BY o.id, j.id";
    system.database.column(rows, &[&person.email]).await
}

async fn settled(system: &System, person: &Person, wanted: &str, limit: u64) -> Result<String> {
    eventually_within(Duration::from_secs(limit), async || {
        let rows = job(system, person).await?;
        let [row] = rows.as_slice() else { anyhow::bail!("{rows:?}") };
        ensure!(row.starts_with(wanted), "{row}, not {wanted}");
        Ok(row.clone())
    })
    .await
}

async fn a_mail_is_sent_as_the_service_wants_it() -> Result<()> {
    let system = world::strict().await?;
    let service = system.mail.as_ref().context("a mail service")?;
    let person = stranger(&system).await?;
    person.sign_up().await?.expect(201)?;
    settled(&system, &person, "1 done done done", 10).await?;
    let deliveries = service.deliveries(&person.email);
    let [delivery] = deliveries.as_slice() else { anyhow::bail!("{} deliveries", deliveries.len()) };
    ensure!(delivery.request == "POST /emails HTTP/1.1", "{}", delivery.request);
    ensure!(delivery.header("authorization") == Some(&format!("Bearer {}", system.secrets.resend_key)), "the key");
    ensure!(delivery.header("content-type").is_some_and(|kind| kind.starts_with("application/json")), "{:?}", delivery.headers);
    let mail = &delivery.body;
    ensure!(mail["to"].as_array().map(Vec::len) == Some(1), "{}", mail["to"]);
    for part in ["from", "subject", "text", "html"] {
        ensure!(mail[part].as_str().is_some_and(|text| !text.is_empty()), "no {part}");
    }
    let text = mail["text"].as_str().unwrap_or_default();
    let token = text.split("token=").nth(1).and_then(|rest| rest.split_whitespace().next()).context("no link in the text")?;
    ensure!(mail["html"].as_str().is_some_and(|html| html.contains(token)), "no link in the HTML");
    person.verify(token).await?.expect(200)?;
    person.sign_in().await?;
    Ok(())
}

async fn a_failure_is_tried_again() -> Result<()> {
    let system = world::strict().await?;
    let service = system.mail.as_ref().context("a mail service")?;
    for status in [500, 429] {
        let person = stranger(&system).await?;
        service.refuse(&person.email, &[status]);
        person.sign_up().await?.expect(201)?;
        settled(&system, &person, "2 done done retry,done", 40).await?;
        let statuses: Vec<u16> = service.deliveries(&person.email).iter().map(|delivery| delivery.status).collect();
        ensure!(statuses == [status, 200], "{statuses:?}");
    }
    Ok(())
}

async fn a_refusal_is_final() -> Result<()> {
    let system = world::strict().await?;
    let service = system.mail.as_ref().context("a mail service")?;
    let person = stranger(&system).await?;
    service.refuse(&person.email, &[422, 422]);
    person.sign_up().await?.expect(201)?;
    let row = settled(&system, &person, "1 dead dead dead", 10).await?;
    ensure!(row.len() > "1 dead dead dead ".len() && !row.contains('@'), "what is kept of the error: {row}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(service.deliveries(&person.email).len() == 1, "a refused mail was sent again");
    // The account is there all the same: the mail can be asked for again.
    person.api.post("/auth/verify-email/resend", &serde_json::json!({ "email": person.email })).await?.expect(202)?;
    Ok(())
}

async fn a_mail_is_sent_once() -> Result<()> {
    let system = world::strict().await?;
    let service = system.mail.as_ref().context("a mail service")?;
    let person = stranger(&system).await?;
    person.sign_up().await?.expect(201)?;
    settled(&system, &person, "1 done done done", 10).await?;
    system.scheduled("* * * * *").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(service.deliveries(&person.email).len() == 1, "the mail was sent again");
    Ok(())
}
