//! `GET /audit-logs` as a file.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{tests, world};

use super::logs::fill;

tests![as_json_lines, as_csv, what_is_asked_for_is_what_comes, it_streams, who_may, what_was_withdrawn];

/// More than two pages.
const MANY: i32 = 2_345;

async fn as_json_lines() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    fill(&system, &member, MANY).await?;
    let answer = member.session.api.get("/audit-logs?format=jsonl&action=things.update").await?.expect(200)?;
    ensure!(answer.header("content-type") == Some("application/jsonl") && answer.header("cache-control") == Some("no-store"), "{:?}", answer.headers);
    ensure!(answer.header("content-disposition").is_some_and(|name| name.starts_with("attachment; filename=\"audit-2")), "{:?}", answer.headers);
    ensure!(answer.round_trips()? == 1, "what is fetched before the answer begins");
    let text = std::str::from_utf8(&answer.body)?;
    let rows = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    ensure!(rows.len() == 2_345, "{} rows", rows.len());
    // Each once, newest first, and as the list has them.
    let numbers: Vec<i64> = rows.iter().filter_map(|row| row["after"]["n"].as_i64()).collect();
    ensure!(numbers == (1..=i64::from(MANY)).collect::<Vec<_>>(), "order");
    let page = member.session.api.get("/audit-logs?action=things.update&limit=100").await?.json_of(200)?;
    ensure!(page["data"].as_array().context("data")?[..] == rows[..100], "not what the list says");
    Ok(())
}

async fn as_csv() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    fill(&system, &member, MANY).await?;
    let call = member.session.api.call("GET", "/audit-logs?action=things.update")?.header("accept", "text/csv");
    let answer = call.send().await?.expect(200)?;
    ensure!(answer.header("content-type") == Some("text/csv; charset=utf-8; header=present"), "{:?}", answer.headers);
    let text = std::str::from_utf8(&answer.body)?;
    let lines: Vec<&str> = text.split("\r\n").collect();
    ensure!(lines.len() == 2_347 && lines.last() == Some(&""), "{} lines", lines.len());
    ensure!(lines[0] == "created_at,id,actor,user_id,action,resource_type,resource_id,ip,request_id,before,after", "{}", lines[0]);
    ensure!(
        lines[1].ends_with(",192.0.2.1,req-1,\"{\"\"n\"\":0}\",\"{\"\"n\"\":1,\"\"text\"\":\"\"a \\\"\"quoted\\\"\", text\"\"}\""),
        "{}",
        lines[1]
    );
    Ok(())
}

async fn what_is_asked_for_is_what_comes() -> Result<()> {
    let system = world::shared().await?;
    let (member, other) = (system.member().await?, system.member().await?);
    fill(&system, &member, 3).await?;
    let api = &member.session.api;
    let count = async |query: &str| -> Result<usize> {
        Ok(std::str::from_utf8(&api.get(&format!("/audit-logs?format=jsonl&{query}")).await?.expect(200)?.body)?.lines().count())
    };
    ensure!(count("resource_type=things").await? == 3, "by type");
    ensure!(count("action=nothing.at_all").await? == 0, "nothing");
    ensure!(count(&format!("actor={}", other.session.user_id)).await? == 0, "another organisation's");
    ensure!(count("").await? > 3, "all");
    api.get("/audit-logs?format=xml").await?.expect(422)?.problem("VALIDATION_FAILED")?;
    api.get("/audit-logs?format=csv&from=x").await?.expect(422)?.problem("VALIDATION_FAILED")?;
    let head = api.call("HEAD", "/audit-logs?format=csv")?.send().await?.expect(200)?;
    ensure!(head.body.is_empty() && head.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")), "{head}");
    Ok(())
}

/// The first rows are there while the last ones have not been fetched: a reader that stops reading stops the fetching.
async fn it_streams() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    fill(&system, &member, 60_000).await?;
    let before = system.proxy.count();
    let api = &member.session.api;
    let mut response = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .get(format!("http://127.0.0.1:{}/audit-logs?format=jsonl", system.port()))
        .header("host", api.host())
        .bearer_auth(&member.session.access)
        .send()
        .await?;
    let first = response.chunk().await?.context("nothing came")?;
    ensure!(!first.is_empty(), "nothing came");
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let turns = (system.proxy.count() - before).turns;
    ensure!(turns < 50, "{turns} pages were fetched for a reader who took one");
    let mut lines = first.iter().filter(|byte| **byte == b'\n').count();
    while let Some(chunk) = response.chunk().await? {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
    }
    ensure!(lines > 60_000, "{lines} lines");
    let turns = (system.proxy.count() - before).turns;
    ensure!((60..=75).contains(&turns), "{turns} round trips for {lines} rows");
    Ok(())
}

async fn who_may() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for (role, lacking) in [("admin", None), ("manager", Some("audit.export")), ("developer", Some("audit.view")), ("viewer", Some("audit.view"))] {
        let answer = system.colleague(&owner, role).await?.session.api.get("/audit-logs?format=csv").await?;
        match lacking {
            None => drop(answer.expect(200).context(role)?),
            Some(permission) => {
                ensure!(answer.expect(403)?.problem("PERMISSION_DENIED")?["details"] == json!({ "permission": permission }), "{role}")
            }
        }
    }
    // A critical permission leaves its mark.
    let used =
        "SELECT count(*) FROM audit_logs WHERE tenant_id = $1::text::uuid AND action = 'permissions.use' AND after ->> 'permission' = 'audit.export'";
    ensure!(system.database.count(used, &[&owner.tenant_id]).await? == 1, "the use is not on record");
    Ok(())
}

/// The token still says that they may; Postgres knows better.
async fn what_was_withdrawn() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let admin = system.colleague(&owner, "admin").await?;
    admin.session.api.get("/audit-logs?format=csv").await?.expect(200)?;
    let demote = "UPDATE user_roles m SET role_id = r.id FROM roles r WHERE m.tenant_id = $1::text::uuid AND m.user_id = $2::text::uuid \
                  AND r.tenant_id = m.tenant_id AND r.key = 'manager'";
    system.database.execute(demote, &[&owner.tenant_id, &admin.session.user_id]).await?;
    let answer = admin.session.api.get("/audit-logs?format=csv").await?.expect(403)?;
    ensure!(answer.problem("PERMISSION_DENIED")?["details"] == json!({ "permission": "audit.export" }), "{answer}");
    Ok(())
}
