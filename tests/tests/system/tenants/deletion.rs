//! `DELETE /tenants/{id}` and `POST /tenants/{id}/restore`

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Api, Member, System, eventually, eventually_within, organisations::ROLES, tests, world};

tests![
    it_goes_on_until_it_is_due_and_may_be_kept,
    only_owners_and_only_with_a_fresh_factor,
    only_the_active_one,
    of_twenty_who_say_so_one_does,
    when_it_is_due_it_is_gone,
];

/// Isolate memory keeps a host for 30 s, and KV may be as far behind.
const DIRECTORY: Duration = Duration::from_secs(100);

/// The client of a member who has just given a second factor.
async fn fresh(member: &Member) -> Result<Api> {
    let (app, _) = member.session.set_up_totp().await?;
    let stepped = member.session.api.post("/auth/mfa/step-up", &json!({ "factor": "totp", "code": app.code(0)? })).await?.json_of(200)?;
    Ok(member.session.api.with(stepped["access_token"].as_str().context("access token")?))
}

async fn owner(system: &System) -> Result<(Member, Api)> {
    let member = system.member().await?;
    let api = fresh(&member).await?;
    Ok((member, api))
}

async fn it_goes_on_until_it_is_due_and_may_be_kept() -> Result<()> {
    let system = world::shared().await?;
    let (member, api) = owner(&system).await?;
    let tag = api.get(&member.path("")).await?.header("etag").context("no ETag")?.to_owned();
    api.patch(&member.path(""), &json!({ "name": "Going" })).await?.expect(200)?;
    api.call("DELETE", &member.path(""))?.header("if-match", &tag).send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    let tag = api.get(&member.path("")).await?.header("etag").context("no ETag")?.to_owned();
    let answer = api.call("DELETE", &member.path(""))?.header("if-match", &tag).send().await?.expect(202)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let tenant = answer.json()?;
    ensure!(tenant["status"] == "deleting" && tenant["delete_after"].is_string(), "{tenant}");
    api.delete(&member.path("")).await?.expect(409)?.problem("CONFLICT")?;
    // Its people work on.
    let colleague = system.colleague(&member, "member").await?;
    colleague.session.api.get(&member.path("")).await?.expect(200)?;
    colleague.person.at(&member.host).sign_in().await?;
    system.sweep().await?;
    let told = |mails: &[Value]| mails.iter().any(|mail| mail["subject"] == "An organisation is to be deleted");
    eventually(async || {
        ensure!(told(&member.person.mails().await?), "nobody was told");
        Ok(())
    })
    .await?;
    let kept = api.post(&member.path("/restore"), &json!({})).await?.json_of(200)?;
    ensure!(kept["status"] == "active" && kept["delete_after"].is_null(), "{kept}");
    api.post(&member.path("/restore"), &json!({})).await?.expect(409)?.problem("CONFLICT")?;
    let id: uuid::Uuid = member.tenant_id.parse()?;
    let events = system.database.column("SELECT type FROM events WHERE tenant_id = $1", &[&id]).await?;
    ensure!(events.iter().any(|event| event == "tenant.deletion_scheduled") && events.iter().any(|event| event == "tenant.deletion_cancelled"));
    Ok(())
}

async fn only_owners_and_only_with_a_fresh_factor() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for role in ROLES {
        let colleague = system.colleague(&member, role).await?;
        for (method, path) in [("DELETE", member.path("")), ("POST", member.path("/restore"))] {
            let answer = colleague.session.api.call(method, &path)?.send().await?.expect(403).context(role)?;
            answer.problem(if role == "owner" { "MFA_STEP_UP_REQUIRED" } else { "PERMISSION_DENIED" })?;
        }
    }
    ensure!(member.session.api.get(&member.path("")).await?.json_of(200)?["status"] == "active", "it is to be deleted");
    Ok(())
}

async fn only_the_active_one() -> Result<()> {
    let system = world::shared().await?;
    let ((_, api), (theirs, _)) = tokio::try_join!(owner(&system), owner(&system))?;
    api.delete(&theirs.path("")).await?.expect(404)?.problem("NOT_FOUND")?;
    api.post(&theirs.path("/restore"), &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(theirs.session.api.get(&theirs.path("")).await?.json_of(200)?["status"] == "active", "another tenant is to be deleted");
    Ok(())
}

async fn of_twenty_who_say_so_one_does() -> Result<()> {
    let system = world::shared().await?;
    let (member, api) = owner(&system).await?;
    let racers: Vec<_> = (0..20)
        .map(|_| {
            let (api, path) = (api.clone(), member.path(""));
            tokio::spawn(async move { api.delete(&path).await })
        })
        .collect();
    let mut done = 0;
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 202 {
            done += 1;
        } else {
            answer.expect(409)?.problem("CONFLICT")?;
        }
    }
    ensure!(done == 1, "{done} deletions of one organisation");
    Ok(())
}

async fn when_it_is_due_it_is_gone() -> Result<()> {
    let system = world::shared().await?;
    let (member, api) = owner(&system).await?;
    api.delete(&member.path("")).await?.expect(202)?;
    let id: uuid::Uuid = member.tenant_id.parse()?;
    system.scheduled("0 0 * * *").await?;
    ensure!(api.get(&member.path("")).await?.json_of(200)?["status"] == "deleting", "it was deleted before its time");
    system.database.execute("UPDATE tenants SET delete_after = now() - interval '1 second' WHERE id = $1", &[&id]).await?;
    api.post(&member.path("/restore"), &json!({})).await?.expect(409)?.problem("CONFLICT")?;
    system.scheduled("0 0 * * *").await?;
    system.sweep().await?;
    let there = member.session.api.at(&member.host);
    eventually_within(DIRECTORY, async || there.get("/.well-known/jwks.json").await?.expect(410)?.problem("TENANT_DELETED").map(drop)).await?;
    // Nor does the API's host know its sessions any more, within a lease's life.
    eventually_within(DIRECTORY, async || {
        let answer = member.session.api.get("/permissions").await?;
        if answer.status == 429 {
            anyhow::bail!("the plan's limit: {answer}")
        }
        answer.expect(410)?.problem("TENANT_DELETED").map(drop)
    })
    .await?;
    member.session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    let live = "SELECT count(*) FROM sessions WHERE tenant_id = $1 AND ended_at IS NULL";
    ensure!(system.database.count(live, &[&id]).await? == 0, "sessions live on");
    let events = system.database.column("SELECT type FROM events WHERE tenant_id = $1", &[&id]).await?;
    ensure!(events.iter().filter(|event| *event == "tenant.deleted").count() == 1, "{events:?}");
    let (_, somebody) = system.session().await?;
    let create = somebody.api.post("/tenants", &json!({ "name": "Again", "slug": member.slug })).await?;
    create.expect(409)?.problem("SLUG_TAKEN")?;
    Ok(())
}
