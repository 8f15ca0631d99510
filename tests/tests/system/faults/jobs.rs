//! Jobs whose message, database or sense is missing, and the upkeep that cron runs.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::sleep;
use zygo_tests::{Person, System, eventually, proxy::Line, tests, world};

tests![a_message_that_never_came_is_swept, a_job_outlives_postgres, a_job_that_nobody_knows_is_dead, upkeep_clears_what_is_over];

/// Writes a job into the outbox as a transaction would, `seconds` before the sweep may take it.
async fn owe(system: &System, kind: &str, email: &str, seconds: f64) -> Result<()> {
    let owe = "INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
               SELECT make_uuid_v7(now()), '00000000-0000-0000-0000-000000000000', $1::text, 'mail', \
                 jsonb_build_object('kind', $1::text, 'user_id', id), now(), now() + make_interval(secs => $3) FROM users WHERE email = $2";
    let rows = system.database.execute(owe, &[&kind, &email, &seconds]).await?;
    ensure!(rows == 1, "{rows} jobs for {email}");
    Ok(())
}

async fn a_message_that_never_came_is_swept() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let person = system.person().await?;
    owe(&system, "mail.account_exists", &person.email, 30.0).await?;
    system.scheduled("* * * * *").await?;
    sleep(Duration::from_millis(500)).await;
    ensure!(person.mails().await?.len() == 1, "swept before its time");
    // Sweeps may overlap, and come again: the mail does not.
    system.database.make_due().await?;
    tokio::try_join!(system.scheduled("* * * * *"), system.scheduled("* * * * *"))?;
    person.await_mails(2).await?;
    system.scheduled("* * * * *").await?;
    sleep(Duration::from_millis(500)).await;
    ensure!(person.mails().await?.len() == 2, "the mail came twice");
    Ok(())
}

async fn a_job_outlives_postgres() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let person = Person::stranger(&system.api()?)?;
    person.sign_up().await?.expect(201)?;
    // Perhaps before the consumer began, perhaps between its work and its settling.
    system.proxy.set(Line::Cut);
    sleep(Duration::from_secs(1)).await;
    let swept = system.scheduled("* * * * *").await;
    system.proxy.set(Line::Open);
    swept?;
    system.sweep().await?;
    person.verify(&person.verification_token().await?).await?.expect(200)?;
    Ok(())
}

async fn a_job_that_nobody_knows_is_dead() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let person = system.person().await?;
    owe(&system, "mail.of_a_later_version", &person.email, 0.0).await?;
    system.scheduled("* * * * *").await?;
    eventually(async || {
        let rows = "SELECT concat_ws(' ', o.outcome, o.attempts, j.status) FROM outbox o JOIN jobs j ON j.id = o.id WHERE o.kind = 'mail.of_a_later_version'";
        let rows = system.database.column(rows, &[]).await?;
        ensure!(rows == ["dead 1 dead"], "{rows:?}");
        Ok(())
    })
    .await?;
    let metrics = system.api()?.with(&system.secrets.ops_token).get("/metrics").await?.expect(200)?;
    let text = String::from_utf8(metrics.body)?;
    // Other tests leave dead jobs too.
    let dead = system.database.column("SELECT count(*)::text FROM outbox WHERE outcome = 'dead'", &[]).await?.join("");
    ensure!(dead != "0" && text.contains(&format!("zygo_outbox_rows{{state=\"dead\"}} {dead}\n")), "{dead} dead jobs do not show: {text}");
    Ok(())
}

async fn upkeep_clears_what_is_over() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let (person, session) = system.session().await?;
    let ended = person.sign_in().await?;
    let (session, ended): (uuid::Uuid, uuid::Uuid) = (session.id.parse()?, ended.id.parse()?);
    let age = "UPDATE sessions SET expires_at = now() - interval '200 days', ended_at = now() - interval '200 days' WHERE id = $1";
    system.database.execute(age, &[&ended]).await?;
    let age = "UPDATE email_verification_tokens t SET expires_at = now() - interval '200 days' FROM users u WHERE u.id = t.user_id AND u.email = $1";
    system.database.execute(age, &[&person.email]).await?;
    system.scheduled("0 * * * *").await?;
    let gone = "SELECT count(*) FROM sessions WHERE id = $1";
    ensure!(system.database.count(gone, &[&ended]).await? == 0, "a session long over is still recorded");
    ensure!(system.database.count(gone, &[&session]).await? == 1, "a live session was removed");
    let tokens = "SELECT count(*) FROM email_verification_tokens t JOIN users u ON u.id = t.user_id WHERE u.email = $1";
    ensure!(system.database.count(tokens, &[&person.email]).await? == 0, "a token long over is still there");

    // The last partition of the trail is missing, as it will be when a new month comes into sight.
    let partitions = "SELECT relname::text FROM pg_inherits JOIN pg_class ON oid = inhrelid \
                      WHERE inhparent = 'audit_logs'::regclass AND relname !~ 'default' ORDER BY relname";
    let before = system.database.column(partitions, &[]).await?;
    let last = before.last().context("no partitions")?;
    system.database.execute(&format!("DROP TABLE {last}"), &[]).await?;
    system.scheduled("0 0 * * *").await?;
    let after = system.database.column(partitions, &[]).await?;
    ensure!(before == after, "{before:?} became {after:?}");
    let log = system.log().await?;
    ensure!(!log.contains("upkeep failed"), "upkeep failed");
    Ok(())
}
