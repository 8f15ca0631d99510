//! `GET /security-events`, and what gets there: attempts at what a policy refuses.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Member, eventually, shape, tests, world};

tests![filters_and_pages, who_may, another_organisations_row_is_noted, a_refused_statement_is_noted];

fn rows(answer: Answer) -> Result<Vec<Value>> {
    answer.json_of(200)?["data"].as_array().cloned().context("no data")
}

async fn filters_and_pages() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let fill = "INSERT INTO security_events (id, tenant_id, kind, user_id, ip, created_at) \
                SELECT gen_random_uuid(), $1::text::uuid, k, $2::text::uuid, '192.0.2.9', date_trunc('milliseconds', now() - n * interval '1 minute') \
                FROM generate_series(1, 3) n, unnest(ARRAY['sign_in.failed', 'mfa.locked', 'rls.violation']) k";
    system.database.execute(fill, &[&member.tenant_id, &member.session.user_id]).await?;
    let api = &member.session.api;
    let answer = api.get("/security-events?limit=100").await?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let all = rows(answer)?;
    ensure!(all.len() == 9, "{} events", all.len());
    let names = ["country", "created_at", "details", "id", "ip", "kind", "request_id", "severity", "user_agent", "user_id"];
    ensure!(shape::members(&all[0])? == names && all[0]["ip"] == "192.0.2.9", "{}", all[0]);
    for (query, count) in [
        ("kind=mfa.locked", 3),
        ("severity=critical", 3),
        ("severity=info", 3),
        ("severity=warning&kind=sign_in.failed", 0),
        ("kind=nothing", 0),
        ("user_id=019a0000-0000-7000-8000-000000000001", 0),
    ] {
        ensure!(rows(api.get(&format!("/security-events?{query}")).await?)?.len() == count, "{query}");
    }
    let at = all[4]["created_at"].as_str().context("time")?;
    ensure!(rows(api.get(&format!("/security-events?to={at}&limit=100")).await?)?.len() == 3, "the end is not included");
    let (mut seen, mut path) = (Vec::new(), "/security-events?limit=4".to_owned());
    loop {
        let page = api.get(&path).await?.json_of(200)?;
        seen.extend(page["data"].as_array().context("no data")?.clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/security-events?limit=4&cursor={cursor}");
    }
    ensure!(seen == all, "{} of {}", seen.len(), all.len());
    let bad = api.get("/security-events?kind=A&severity=grave&user_id=x&from=y").await?.expect(422)?.fields()?;
    ensure!(bad.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>() == ["kind", "severity", "user_id", "from"], "{bad:?}");
    Ok(())
}

async fn who_may() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for (role, may) in [("admin", true), ("manager", true), ("developer", false), ("member", false), ("viewer", false)] {
        let colleague = system.colleague(&owner, role).await?;
        let answer = colleague.session.api.get("/security-events").await?;
        if !may {
            let problem = answer.expect(403).context(role)?.problem("PERMISSION_DENIED")?;
            ensure!(problem["details"] == json!({ "permission": "security_events.view" }), "{role}: {problem}");
            continue;
        }
        answer.expect(200).context(role)?;
        // Critical: withdrawn in the database, it is withdrawn, whatever the token says.
        let demote = "UPDATE user_roles m SET role_id = r.id FROM roles r WHERE m.tenant_id = $1::text::uuid AND m.user_id = $2::text::uuid \
                      AND r.tenant_id = m.tenant_id AND r.key = 'viewer'";
        system.database.execute(demote, &[&owner.tenant_id, &colleague.session.user_id]).await?;
        colleague.session.api.get("/security-events").await?.expect(403).context(role)?.problem("PERMISSION_DENIED")?;
    }
    Ok(())
}

async fn violations(member: &Member) -> Result<Vec<Value>> {
    rows(member.session.api.get("/security-events?kind=rls.violation").await?)
}

async fn another_organisations_row_is_noted() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = (system.member().await?, system.member().await?);
    mine.session.api.get("/tenants/019a0000-0000-7000-8000-000000000001").await?.expect(404)?;
    let answer = mine.session.api.get(&format!("/tenants/{}", theirs.tenant_id)).await?.expect(404)?;
    let request = answer.header("x-request-id").context("request id")?.to_owned();
    eventually(async || {
        let noted = violations(&mine).await?;
        ensure!(noted.len() == 1, "{noted:?}");
        ensure!(
            noted[0]["severity"] == "critical" && noted[0]["request_id"] == request.as_str() && noted[0]["ip"] == mine.person.api.address(),
            "{noted:?}"
        );
        ensure!(noted[0]["details"] == json!({ "operation": "select", "table": "tenants", "row_id": theirs.tenant_id }), "{noted:?}");
        Ok(())
    })
    .await?;
    ensure!(violations(&theirs).await?.is_empty(), "it is not theirs to see");
    let route = "SELECT count(*) FROM rls_violations WHERE tenant_id = $1::text::uuid AND route = 'GET /tenants/{id}' AND table_name = 'tenants'";
    ensure!(system.database.count(route, &[&mine.tenant_id]).await? == 1, "the route");
    Ok(())
}

/// Nothing that this program does is refused; so a right is taken away from it.
async fn a_refused_statement_is_noted() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    system.database.execute("REVOKE UPDATE (first_name) ON users FROM zygo_app", &[]).await?;
    let answer = member.session.api.patch("/users/me", &json!({ "first_name": "Ada" })).await;
    system.database.execute("GRANT UPDATE (first_name) ON users TO zygo_app", &[]).await?;
    answer?.expect(404)?.problem("NOT_FOUND")?;
    eventually(async || {
        let noted = violations(&member).await?;
        ensure!(noted.len() == 1 && noted[0]["details"]["table"] == "users" && noted[0]["details"]["operation"] == "update", "{noted:?}");
        Ok(())
    })
    .await
}
