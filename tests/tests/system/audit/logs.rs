//! `GET /audit-logs`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Member, System, shape, tests, world};

tests![
    says_who_did_what_and_from_where,
    filters_by_actor_action_resource_and_time,
    pages_are_stable,
    what_cannot_be_meant_is_named,
    who_may_read_it,
    another_organisations_is_not_there,
];

fn rows(answer: Answer) -> Result<Vec<Value>> {
    answer.json_of(200)?["data"].as_array().cloned().context("no data")
}

/// Makes `count` changes in somebody's organisation, in order, by hand: what triggers write, the store's tests show.
pub async fn fill(system: &System, member: &Member, count: i32) -> Result<()> {
    let sql = "INSERT INTO audit_logs (id, tenant_id, actor, user_id, action, resource_type, resource_id, before, after, ip, request_id, created_at) \
               SELECT make_uuid_v7(now() - n * interval '1 minute'), $1::text::uuid, 'user:' || $2, $2::text::uuid, 'things.update', 'things', gen_random_uuid(), \
                 jsonb_build_object('n', n - 1), jsonb_build_object('n', n, 'text', 'a \"quoted\", text'), '192.0.2.1', 'req-' || n, \
                 date_trunc('milliseconds', now() - n * interval '1 minute') FROM generate_series(1, $3::int) n";
    system.database.execute(sql, &[&member.tenant_id, &member.session.user_id, &count]).await?;
    Ok(())
}

async fn says_who_did_what_and_from_where() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let answer = member.session.api.get("/audit-logs?limit=100").await?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let list = rows(answer)?;
    let founding = list.iter().find(|row| row["action"] == "tenants.insert").context("the founding is not on record")?;
    ensure!(founding["actor"] == format!("user:{}", member.session.user_id) && founding["user_id"] == member.session.user_id.as_str(), "{founding}");
    ensure!(founding["resource_type"] == "tenants" && founding["resource_id"] == member.tenant_id.as_str(), "{founding}");
    ensure!(founding["before"].is_null() && founding["after"]["slug"] == member.slug.as_str(), "{founding}");
    ensure!(founding["ip"] == member.person.api.address() && founding["request_id"].is_string(), "{founding}");
    shape::instant(&founding["created_at"])?;
    let names = ["action", "actor", "after", "before", "created_at", "id", "ip", "request_id", "resource_id", "resource_type", "user_id"];
    ensure!(shape::members(founding)? == names, "{founding}");
    Ok(())
}

async fn filters_by_actor_action_resource_and_time() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    fill(&system, &member, 5).await?;
    let api = &member.session.api;
    let all = rows(api.get("/audit-logs?limit=100").await?)?;
    let things = rows(api.get("/audit-logs?resource_type=things").await?)?;
    ensure!(things.len() == 5 && things.iter().all(|row| row["resource_type"] == "things"), "{things:?}");
    ensure!(rows(api.get("/audit-logs?action=things.update").await?)? == things, "by action");
    let first = &things[0];
    let (id, at) = (first["resource_id"].as_str().context("id")?, first["created_at"].as_str().context("time")?);
    ensure!(rows(api.get(&format!("/audit-logs?resource_id={id}")).await?)? == things[..1], "by resource");
    ensure!(rows(api.get(&format!("/audit-logs?resource_type=things&to={at}")).await?)? == things[1..], "the end is not included");
    ensure!(rows(api.get(&format!("/audit-logs?resource_type=things&from={at}")).await?)? == things[..1], "the beginning is");
    for actor in [member.session.user_id.clone(), format!("user:{}", member.session.user_id)] {
        ensure!(rows(api.get(&format!("/audit-logs?limit=100&actor={actor}")).await?)?.len() == all.len(), "by actor");
    }
    for nothing in ["actor=anonymous", "action=things.delete", "resource_type=nothing", "resource_id=019a0000-0000-7000-8000-000000000001"] {
        ensure!(rows(api.get(&format!("/audit-logs?{nothing}")).await?)?.is_empty(), "{nothing}");
    }
    Ok(())
}

async fn pages_are_stable() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    fill(&system, &member, 11).await?;
    let api = &member.session.api;
    let whole = rows(api.get("/audit-logs?action=things.update&limit=100").await?)?;
    let mut seen = Vec::new();
    let mut path = "/audit-logs?action=things.update&limit=3".to_owned();
    loop {
        let page = api.get(&path).await?.json_of(200)?;
        seen.extend(page["data"].as_array().context("no data")?.clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        // What is written meanwhile is newer than the page, and moves nothing.
        fill(&system, &member, 1).await?;
        path = format!("/audit-logs?action=things.update&limit=3&cursor={cursor}");
        // It belongs to this list: not to one with another filter, nor to another organisation's.
        let elsewhere = format!("/audit-logs?action=things.insert&limit=3&cursor={cursor}");
        ensure!(api.get(&elsewhere).await?.expect(422)?.fields()?[0].0 == "cursor", "a cursor of another list");
        ensure!(system.member().await?.session.api.get(&path).await?.expect(422)?.fields()?[0].0 == "cursor", "another's cursor");
    }
    ensure!(seen == whole, "{} rows of {}", seen.len(), whole.len());
    Ok(())
}

async fn what_cannot_be_meant_is_named() -> Result<()> {
    let system = world::shared().await?;
    let api = system.member().await?.session.api;
    let bad = "/audit-logs?actor=me&action=A%20B&resource_type=.&resource_id=7&from=yesterday&to=x";
    let names: Vec<String> = api.get(bad).await?.expect(422)?.fields()?.into_iter().map(|(path, _)| path).collect();
    ensure!(names == ["actor", "action", "resource_type", "resource_id", "from", "to"], "{names:?}");
    for bad in ["limit=0", "limit=101", "limit=x", "cursor=x", "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "actor=%00", "action=%27--"] {
        api.get(&format!("/audit-logs?{bad}")).await?.expect(422).context(bad)?.problem("VALIDATION_FAILED")?;
    }
    Ok(())
}

async fn who_may_read_it() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for (role, may) in [("admin", true), ("manager", true), ("developer", false), ("member", false), ("viewer", false)] {
        let answer = system.colleague(&owner, role).await?.session.api.get("/audit-logs").await?;
        if may {
            answer.expect(200).context(role)?;
        } else {
            ensure!(answer.expect(403).context(role)?.problem("PERMISSION_DENIED")?["details"] == json!({ "permission": "audit.view" }), "{role}");
        }
    }
    Ok(())
}

async fn another_organisations_is_not_there() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = (system.member().await?, system.member().await?);
    let actor = format!("/audit-logs?limit=100&actor={}", theirs.session.user_id);
    ensure!(rows(mine.session.api.get(&actor).await?)?.is_empty(), "another organisation's trail");
    let resource = format!("/audit-logs?resource_id={}", theirs.tenant_id);
    ensure!(rows(mine.session.api.get(&resource).await?)?.is_empty(), "another organisation's trail");
    mine.session.api.at(&theirs.host).get("/audit-logs").await?.expect(403)?.problem("TENANT_MISMATCH")?;
    Ok(())
}
