//! `GET /events`, `GET /event-types`

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{shape, tests, world};

tests![the_catalogue_is_the_programs, what_happened_is_listed, what_is_old_is_not, only_the_active_ones];

async fn the_catalogue_is_the_programs() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let answer = member.session.api.get("/event-types").await?.expect(200)?;
    ensure!(answer.round_trips()? == 0, "{answer}");
    let listed = answer.json()?;
    let types = listed["data"].as_array().context("data")?;
    let names: BTreeSet<&str> = types.iter().filter_map(|one| one["name"].as_str()).collect();
    ensure!(
        names.len() == types.len() && names.iter().copied().eq(zygo_core::events::event::NAMES.iter().copied().collect::<BTreeSet<_>>()),
        "{names:?}"
    );
    for one in types {
        ensure!(shape::members(one)? == ["description", "name", "permission", "schema", "to_person", "version"], "{one}");
        ensure!(one["schema"]["type"] == "object" && one["schema"]["additionalProperties"] == false, "{one}");
    }
    Ok(())
}

async fn what_happened_is_listed() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for name in ["One", "Two", "Three"] {
        member.renames(name).await?;
    }
    let api = &member.session.api;
    let answer = api.get("/events?type=tenant.updated&limit=2").await?.expect(200)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let first = answer.json()?;
    let data = first["data"].as_array().context("data")?;
    ensure!(data.len() == 2 && shape::members(&data[0])? == ["data", "id", "occurred_at", "request_id", "type", "user_id", "version"], "{first}");
    ensure!(data[0]["data"]["tenant_id"] == member.tenant_id.as_str() && data[0]["user_id"] == member.session.user_id.as_str(), "{first}");
    let cursor = first["next_cursor"].as_str().context("cursor")?;
    let second = api.get(&format!("/events?type=tenant.updated&limit=2&cursor={cursor}")).await?.json_of(200)?;
    ensure!(second["data"].as_array().map(Vec::len) == Some(1) && second["next_cursor"].is_null(), "{second}");
    api.get(&format!("/events?type=tenant.*&cursor={cursor}")).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    let versions: Vec<i64> =
        data.iter().chain(second["data"].as_array().context("data")?).filter_map(|one| one["data"]["version"].as_i64()).collect();
    ensure!(versions.len() == 3 && versions.windows(2).all(|pair| pair[0] > pair[1]), "{versions:?}");
    let all = api.get("/events?limit=100").await?.json_of(200)?;
    let kinds: BTreeSet<&str> = all["data"].as_array().context("data")?.iter().filter_map(|one| one["type"].as_str()).collect();
    ensure!(kinds.contains("tenant.created") && kinds.contains("session.created"), "{kinds:?}");
    for odd in ["type=user.vanished", "type=", "limit=0", "limit=101", "cursor=x"] {
        api.get(&format!("/events?{odd}")).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    }
    Ok(())
}

async fn what_is_old_is_not() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let insert = "INSERT INTO events (id, tenant_id, type, data, occurred_at) VALUES (make_uuid_v7(now()), $1, 'tenant.updated', \
                  jsonb_build_object('tenant_id', $1::uuid, 'version', 1), now() - $2::text::interval)";
    for age in ["29 days", "31 days"] {
        system.database.execute(insert, &[&tenant, &age]).await?;
    }
    let count =
        async || anyhow::Ok(member.session.api.get("/events?type=tenant.updated").await?.json_of(200)?["data"].as_array().map_or(0, Vec::len));
    ensure!(count().await? == 1, "what is too old is shown");
    system.scheduled("0 0 * * *").await?;
    let left = system.database.count("SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'tenant.updated'", &[&tenant]).await?;
    ensure!(left == 1 && count().await? == 1, "{left} are left");
    Ok(())
}

async fn only_the_active_ones() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = tokio::try_join!(system.member(), system.member())?;
    theirs.renames("Theirs").await?;
    let list = mine.session.api.get("/events?limit=100").await?.json_of(200)?;
    let data = list["data"].as_array().context("data")?;
    ensure!(data.iter().all(|one| !one.to_string().contains(&theirs.tenant_id)), "{list}");
    ensure!(data.iter().any(|one: &Value| one["data"] == json!({ "tenant_id": mine.tenant_id, "slug": mine.slug })), "{list}");
    Ok(())
}
