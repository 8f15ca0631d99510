//! `GET /users/{id}/activity`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, shape, tests, world};

tests![ones_own, a_colleagues, whose_is_nobodys, pages];

fn rows(answer: Answer) -> Result<Vec<Value>> {
    answer.json_of(200)?["data"].as_array().cloned().context("no data")
}

async fn ones_own() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let path = format!("/users/{}/activity", session.user_id);
    let answer = session.api.get(&path).await?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let list = rows(answer)?;
    let row = list.first().context("the sign-in is not on record")?;
    ensure!(row["ip"] == person.api.address() && row["user_agent"] == "zygo-tests/1" && row["details"]["session_id"].is_string(), "{row}");
    ensure!(shape::members(row)? == ["action", "country", "created_at", "details", "id", "ip", "request_id", "user_agent"], "{row}");
    shape::instant(&row["created_at"])?;
    // In an organisation it is what one did there.
    let member = system.member_of_new(person, &session).await?;
    let list = rows(member.session.api.get(&path).await?)?;
    ensure!(list.len() == 1 && list[0]["action"] == "switched_tenant", "{list:?}");
    Ok(())
}

async fn a_colleagues() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let colleague = system.colleague(&owner, "developer").await?;
    let path = format!("/users/{}/activity", colleague.session.user_id);
    for (role, whole) in [("admin", true), ("manager", true), ("developer", false), ("member", false), ("viewer", false)] {
        let list = rows(system.colleague(&owner, role).await?.session.api.get(&path).await.context(role)?)?;
        let row = list.first().context("nothing on record")?;
        ensure!(row["action"] == "switched_tenant", "{role}: {row}");
        ensure!(row["ip"].is_string() == whole && row["details"].is_object() == whole && row["request_id"].is_string() == whole, "{role}: {row}");
    }
    // A session without an organisation sees nobody's but one's own.
    let (_, session) = system.session().await?;
    let answer = session.api.get(&path).await?.expect(403)?;
    ensure!(answer.problem("PERMISSION_DENIED")?["details"] == json!({ "permission": "users.view" }), "{answer}");
    Ok(())
}

async fn whose_is_nobodys() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = (system.member().await?, system.member().await?);
    for id in [theirs.session.user_id.as_str(), "019a0000-0000-7000-8000-00000000dead", "me", "x", "%00"] {
        mine.session.api.get(&format!("/users/{id}/activity")).await?.expect(404).context("somebody else")?.problem("NOT_FOUND")?;
    }
    Ok(())
}

async fn pages() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let sql = "INSERT INTO user_activity (id, tenant_id, user_id, action, created_at) \
               SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000000', $1::text::uuid, 'did_' || n, date_trunc('milliseconds', now() - interval '1 day') \
               FROM generate_series(1, 7) n";
    system.database.execute(sql, &[&session.user_id]).await?;
    let base = format!("/users/{}/activity", session.user_id);
    let whole = rows(session.api.get(&base).await?)?;
    let (mut seen, mut path) = (Vec::new(), format!("{base}?limit=2"));
    loop {
        let page = session.api.get(&path).await?.json_of(200)?;
        seen.extend(page["data"].as_array().context("no data")?.clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{base}?limit=2&cursor={cursor}");
    }
    ensure!(whole.len() == 8 && seen == whole, "{} of {}", seen.len(), whole.len());
    session.api.get(&format!("{base}?cursor=x")).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    Ok(())
}
