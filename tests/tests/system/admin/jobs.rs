//! `GET /admin/jobs`, `POST /admin/jobs/{id}/retry`, `GET /admin/jobs/dead`, `POST /admin/jobs/dead/{id}/requeue`

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Api, Person, System, eventually, outbox::Owed, random, shape, tests, world};

tests![
    jobs_are_listed_with_their_runs,
    a_list_has_pages,
    lists_show_nobody,
    a_waiting_job_is_run_at_once,
    what_is_over_or_under_way_is_not_retried,
    a_dead_letter_is_requeued_and_done,
    of_twenty_who_requeue_one_does,
    what_dies_again_shows_again
];

/// A job of a kind that nobody knows: it dies as soon as it is run.
async fn unknown(system: &System, kind: &str) -> Result<Owed> {
    system.owes(kind, "mail", &json!({})).await
}

async fn mail(system: &System, person: &Person) -> Result<Owed> {
    let id = system.database.column("SELECT id::text FROM users WHERE email = $1", &[&person.email]).await?.pop().context("nobody")?;
    system.owes("mail.account_exists", "mail", &json!({ "user_id": id })).await
}

/// The same, as if it had died long ago.
async fn dead(system: &System, person: &Person) -> Result<Owed> {
    let job = mail(system, person).await?;
    let bury = "WITH o AS (UPDATE outbox SET attempts = 12, tries = 12, settled_at = now_ms(), outcome = 'dead', last_error = 'away' WHERE id = $1 RETURNING *) \
                INSERT INTO jobs (id, tenant_id, kind, queue, status, attempts, last_error, created_at, updated_at, finished_at) \
                SELECT id, tenant_id, kind, queue, 'dead', 12, 'away', created_at, now_ms(), now_ms() FROM o";
    ensure!(system.database.execute(bury, &[&job.id]).await? == 1);
    Ok(job)
}

async fn listed(api: &Api, path: &str) -> Result<Vec<Value>> {
    api.get(path).await?.json_of(200)?["data"].as_array().cloned().context("no data")
}

async fn jobs_are_listed_with_their_runs() -> Result<()> {
    let system = world::shared().await?;
    let api = system.administrator("support").await?.api;
    let kind = format!("test.{}", random::word()?);
    let job = unknown(&system, &kind).await?;
    let waiting = listed(&api, &format!("/admin/jobs?kind={kind}")).await?;
    let [one] = waiting.as_slice() else { anyhow::bail!("{waiting:?}") };
    let members = ["attempts", "created_at", "error", "finished_at", "id", "kind", "next_at", "queue", "runs", "state", "tenant_id"];
    ensure!(shape::members(one)? == members, "{one}");
    ensure!(one["id"] == job.id.to_string() && one["state"] == "waiting" && one["queue"] == "mail" && one["runs"] == json!([]), "{one}");
    ensure!(listed(&api, &format!("/admin/jobs/dead?kind={kind}")).await?.is_empty());

    system.message("MAIL", &job.message()).await?;
    system.becomes(&job, "1 1 dead dead dead unknown kind of job").await?;
    for path in [format!("/admin/jobs?kind={kind}"), format!("/admin/jobs/dead?kind={kind}")] {
        let rows = listed(&api, &path).await?;
        let [one] = rows.as_slice() else { anyhow::bail!("{path}: {rows:?}") };
        ensure!(shape::members(one)? == members && one["state"] == "dead" && one["error"] == "unknown kind of job" && one["attempts"] == 1, "{one}");
        let run = &one["runs"][0];
        ensure!(shape::members(run)? == ["attempt", "duration_ms", "error", "finished_at", "outcome"], "{run}");
        ensure!(run["outcome"] == "dead" && run["attempt"] == 1 && run["duration_ms"].is_number(), "{run}");
        for instant in [&one["created_at"], &one["finished_at"], &run["finished_at"]] {
            shape::instant(instant)?;
        }
    }
    // By queue and state.
    for (filter, found) in [("queue=mail", true), ("queue=jobs", false), ("state=dead", true), ("state=done", false), ("state=waiting", false)] {
        ensure!(listed(&api, &format!("/admin/jobs?kind={kind}&{filter}")).await?.is_empty() != found, "{filter}");
    }
    for (filter, found) in [("queue=mail", true), ("queue=webhooks", false)] {
        ensure!(listed(&api, &format!("/admin/jobs/dead?kind={kind}&{filter}")).await?.is_empty() != found, "{filter}");
    }
    Ok(())
}

async fn a_list_has_pages() -> Result<()> {
    let system = world::shared().await?;
    let api = system.administrator("owner").await?.api;
    let kind = format!("test.{}", random::word()?);
    let mut owed = BTreeSet::new();
    for n in 0..7 {
        let job = unknown(&system, &kind).await?;
        owed.insert(job.id.to_string());
        // Some have run, some have not: they are one list.
        if n % 2 == 0 {
            system.message("MAIL", &job.message()).await?;
            system.becomes(&job, "1 1 dead dead dead unknown kind of job").await?;
        }
    }
    for (path, wanted) in [("/admin/jobs", 7), ("/admin/jobs/dead", 4)] {
        let (mut seen, mut cursor, mut instants) = (Vec::new(), String::new(), Vec::new());
        loop {
            let page = api.get(&format!("{path}?kind={kind}&limit=2{cursor}")).await?.json_of(200)?;
            for job in page["data"].as_array().context("no data")? {
                seen.push(job["id"].as_str().context("no id")?.to_owned());
                instants.push(job[if wanted == 7 { "created_at" } else { "finished_at" }].to_string());
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        ensure!(seen.len() == wanted && seen.iter().collect::<BTreeSet<_>>().len() == wanted, "{path}: {seen:?}");
        ensure!(seen.iter().all(|id| owed.contains(id)) && instants.is_sorted_by(|one, next| one >= next), "{path}: {instants:?}");
        // A cursor is its list's alone.
        let elsewhere = api.get(&format!("{path}?queue=mail&limit=2{cursor}")).await?.expect(422)?;
        ensure!(elsewhere.problem("VALIDATION_FAILED")?["details"]["fields"][0]["path"] == "cursor", "{elsewhere}");
    }
    for (query, field) in [
        ("kind=", "kind"),
        ("kind=A", "kind"),
        ("kind=a'b", "kind"),
        ("queue=other", "queue"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
    ] {
        for path in ["/admin/jobs", "/admin/jobs/dead"] {
            let answer = api.get(&format!("{path}?{query}")).await?.expect(422).with_context(|| query.to_owned())?;
            ensure!(answer.problem("VALIDATION_FAILED")?["details"]["fields"][0]["path"] == field, "{answer}");
        }
    }
    api.get("/admin/jobs?state=gone").await?.expect(422)?.problem("VALIDATION_FAILED")?;
    Ok(())
}

async fn lists_show_nobody() -> Result<()> {
    let system = world::shared().await?;
    let api = system.administrator("owner").await?.api;
    let person = system.person().await?;
    let job = mail(&system, &person).await?;
    let user = system.database.column("SELECT id::text FROM users WHERE email = $1", &[&person.email]).await?.pop().context("nobody")?;
    for path in ["/admin/jobs?kind=mail.account_exists&limit=100", "/admin/jobs?kind=mail.verify_email&limit=100", "/admin/jobs/dead?limit=100"] {
        let text = api.get(path).await?.json_of(200)?.to_string();
        ensure!(!text.contains('@') && !text.contains(&user) && !text.contains("payload"), "{path}: {text}");
    }
    system.message("MAIL", &job.message()).await?;
    person.await_mails(2).await.map(drop)
}

async fn a_waiting_job_is_run_at_once() -> Result<()> {
    let system = world::shared().await?;
    let administrator = system.administrator("operator").await?;
    let person = system.person().await?;
    let job = mail(&system, &person).await?;
    let answer = administrator.api.post(&format!("/admin/jobs/{}/retry", job.id), &json!({})).await?.json_of(202)?;
    ensure!(answer["id"] == job.id.to_string() && answer["state"] == "waiting" && answer["next_at"].is_string(), "{answer}");
    system.becomes(&job, "1 1 done done done").await?;
    person.await_mails(2).await?;
    noted(&system, &job, &administrator.user_id, "job retried").await
}

/// Who did what is on record once.
async fn noted(system: &System, job: &Owed, user: &str, reason: &str) -> Result<()> {
    let actions = "SELECT concat_ws(' ', reason, admin_user_id, tenant_id, details ->> 'kind', request_id IS NOT NULL) FROM admin_actions \
                   WHERE details ->> 'job_id' = $1";
    let found = system.database.column(actions, &[&job.id.to_string()]).await?;
    ensure!(found == [format!("{reason} {user} {} mail.account_exists t", zygo_tests::outbox::PLATFORM)], "{found:?}");
    Ok(())
}

async fn what_is_over_or_under_way_is_not_retried() -> Result<()> {
    let system = world::shared().await?;
    let api = system.administrator("operator").await?.api;
    let retry = async |id: &str| api.post(&format!("/admin/jobs/{id}/retry"), &json!({})).await;
    let person = system.person().await?;
    let done = mail(&system, &person).await?;
    system.message("MAIL", &done.message()).await?;
    system.becomes(&done, "1 1 done done done").await?;
    retry(&done.id.to_string()).await?.expect(409)?.problem("CONFLICT")?;

    let running = mail(&system, &person).await?;
    let claim = "WITH o AS (UPDATE outbox SET attempts = 1, tries = 1, claimed_until = now() + interval '1 hour' WHERE id = $1 RETURNING *) \
                 INSERT INTO jobs (id, tenant_id, kind, queue, status, attempts, created_at, updated_at) \
                 SELECT id, tenant_id, kind, queue, 'running', 1, created_at, created_at FROM o";
    system.database.execute(claim, &[&running.id]).await?;
    retry(&running.id.to_string()).await?.expect(409)?.problem("CONFLICT")?;
    system.database.execute("DELETE FROM outbox WHERE id = $1", &[&running.id]).await?;

    system.scheduled("* * * * *").await?;
    let by_the_clock = listed(&api, "/admin/jobs?kind=cron.outbox&limit=1").await?;
    retry(by_the_clock[0]["id"].as_str().context("no run of the sweep")?).await?.expect(409)?.problem("CONFLICT")?;
    for nothing in ["019a0000-0000-7000-8000-00000000dead", "x"] {
        retry(nothing).await?.expect(404)?.problem("NOT_FOUND")?;
        api.post(&format!("/admin/jobs/dead/{nothing}/requeue"), &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    // What is not dead is no dead letter.
    api.post(&format!("/admin/jobs/dead/{}/requeue", done.id), &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn a_dead_letter_is_requeued_and_done() -> Result<()> {
    let system = world::shared().await?;
    let administrator = system.administrator("owner").await?;
    for (path, reason) in [("dead/{id}/requeue", "dead job requeued"), ("{id}/retry", "job retried")] {
        let person = system.person().await?;
        let job = dead(&system, &person).await?;
        let shown = listed(&administrator.api, "/admin/jobs/dead?kind=mail.account_exists&limit=100").await?;
        ensure!(shown.iter().any(|one| one["id"] == job.id.to_string() && one["error"] == "away"), "{shown:?}");
        let path = format!("/admin/jobs/{}", path.replace("{id}", &job.id.to_string()));
        let answer = administrator.api.post(&path, &json!({})).await?.json_of(202)?;
        ensure!(answer["state"] == "retrying" && answer["attempts"] == 12 && answer["finished_at"].is_null(), "{answer}");
        // It has its whole patience before it again, and goes on counting.
        eventually(async || {
            let row = system.became(&job).await?;
            ensure!(row.starts_with("13 1 done done done"), "{row}");
            Ok(())
        })
        .await?;
        person.await_mails(2).await?;
        noted(&system, &job, &administrator.user_id, reason).await?;
    }
    Ok(())
}

async fn of_twenty_who_requeue_one_does() -> Result<()> {
    let system = world::shared().await?;
    let administrator = system.administrator("owner").await?;
    let person = system.person().await?;
    let job = dead(&system, &person).await?;
    let path = format!("/admin/jobs/dead/{}/requeue", job.id);
    let body = json!({});
    let answers = futures::future::try_join_all((0..20).map(|_| administrator.api.post(&path, &body))).await?;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    ensure!(statuses.iter().filter(|status| **status == 202).count() == 1, "{statuses:?}");
    ensure!(statuses.iter().all(|status| [202, 404].contains(status)), "{statuses:?}");
    person.await_mails(2).await?;
    noted(&system, &job, &administrator.user_id, "dead job requeued").await
}

async fn what_dies_again_shows_again() -> Result<()> {
    let system = world::shared().await?;
    let api = system.administrator("owner").await?.api;
    let kind = format!("test.{}", random::word()?);
    let job = unknown(&system, &kind).await?;
    system.message("MAIL", &job.message()).await?;
    system.becomes(&job, "1 1 dead dead dead unknown kind of job").await?;
    api.post(&format!("/admin/jobs/dead/{}/requeue", job.id), &json!({})).await?.expect(202)?;
    system.becomes(&job, "2 1 dead dead dead,dead unknown kind of job").await?;
    let rows = listed(&api, &format!("/admin/jobs/dead?kind={kind}")).await?;
    ensure!(rows.len() == 1 && rows[0]["runs"].as_array().map(Vec::len) == Some(2) && rows[0]["runs"][0]["attempt"] == 2, "{rows:?}");
    Ok(())
}
