//! `/scim/connections`: who may connect a directory, and its tokens.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    directory::Directory,
    enterprise::{KEYS, saml},
    tests, world,
};

tests![
    a_plan_without_sign_on,
    changes_and_versions,
    tokens_are_shown_once_and_end_at_once,
    nobody_acts_above_themselves_through_a_connection,
    nothing_crosses_organisations,
    there_is_room_for_so_many,
];

async fn a_plan_without_sign_on() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let answer = member.session.api.post("/scim/connections", &json!({ "name": "x" })).await?.expect(403)?;
    ensure!(answer.problem("PLAN_LIMIT")?["details"]["feature"] == "sso", "{answer}");
    let business = system.business().await?;
    let acme = Directory::connect(&business, "x.example").await?;
    acme.get("/Users").await?.scim_of(200)?;
    // A plan that is given back takes the directory with it.
    let tenant: uuid::Uuid = business.tenant_id.parse()?;
    system.database.execute("UPDATE tenants SET plan = 'free' WHERE id = $1", &[&tenant]).await?;
    acme.get("/Users").await?.expect(403)?.problem("PLAN_LIMIT")?;
    business.session.api.post(&acme.path("/tokens"), &json!({})).await?.expect(403)?.problem("PLAN_LIMIT")?;
    Ok(())
}

async fn changes_and_versions() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.business().await?;
    let api = &owner.session.api;
    let made = api.post("/scim/connections", &json!({ "name": "Directory" })).await?.expect(201)?;
    ensure!(made.round_trips()? == 1, "{made}");
    let (made, location) = (made.json()?, made.header("location").context("location")?.to_owned());
    ensure!(made["enabled"] == true && made["roles"] == json!([]) && made["base_url"] == "http://localhost:8787/scim/v2", "{made}");
    let read = api.get(&location).await?.expect(200)?;
    let tag = read.header("etag").context("etag")?.to_owned();
    let patch = async |tag: &str, body: Value| api.call("PATCH", &location)?.header("if-match", tag).json(&body).send().await;
    let roles = api.get("/roles").await?.json_of(200)?;
    let role = |key: &str| roles["data"].as_array().into_iter().flatten().find(|role| role["key"] == key).map(|role| role["id"].clone());
    let (viewer, own) = (role("viewer").context("viewer")?, role("owner").context("owner")?);
    let changed = patch(&tag, json!({ "name": "New", "default_role_id": viewer, "roles": [{ "value": "Staff", "role_id": viewer }] })).await?;
    let changed = changed.json_of(200)?;
    ensure!(changed["name"] == "New" && changed["default_role_id"] == viewer && changed["roles"][0]["value"] == "Staff", "{changed}");
    patch(&tag, json!({ "name": "Newer" })).await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    patch("*", json!({ "default_role_id": own })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    let unknown = patch("*", json!({ "roles": [{ "value": "x", "role_id": owner.tenant_id }] })).await?.expect(422)?;
    ensure!(unknown.fields()? == [("roles".to_owned(), "unknown".to_owned())], "{unknown}");
    let cleared = patch("*", json!({ "default_role_id": null, "roles": [] })).await?.json_of(200)?;
    ensure!(cleared["default_role_id"].is_null() && cleared["name"] == "New", "{cleared}");
    ensure!(api.get("/scim/connections").await?.json_of(200)?["data"].as_array().map(Vec::len) == Some(1));
    api.call("DELETE", &location)?.header("if-match", &tag).send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    api.delete(&location).await?.expect(204)?;
    api.get(&location).await?.expect(404)?.problem("NOT_FOUND")?;
    let events = "SELECT count(*) FROM events WHERE type LIKE 'scim_connection.%' AND data ->> 'connection_id' = $1";
    ensure!(system.database.count(events, &[&made["id"].as_str().unwrap_or_default()]).await? == 4, "made, changed twice, removed");
    Ok(())
}

async fn tokens_are_shown_once_and_end_at_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.business().await?;
    let acme = Directory::connect(&owner, "x.example").await?;
    let api = &owner.session.api;
    acme.get("/Users").await?.scim_of(200)?;
    let list = api.get(&acme.path("/tokens")).await?.expect(200)?;
    ensure!(!String::from_utf8_lossy(&list.body).contains("zs_"), "{list}");
    let first = list.json()?["data"][0].clone();
    ensure!(first["expires_at"].is_null() && first["last_used_at"].is_string(), "{first}");
    let second = api.post(&acme.path("/tokens"), &json!({ "expires_in_days": 30 })).await?.json_of(201)?;
    let with = |token: &Value| acme.api.with(token.as_str().unwrap_or_default());
    with(&second["token"]).get("/scim/v2/Users").await?.scim_of(200)?;
    api.delete(&acme.path(&format!("/tokens/{}", first["id"].as_str().context("id")?))).await?.expect(204)?;
    acme.get("/Users").await?.scim_error(401, "")?.problem("TOKEN_INVALID")?;
    with(&second["token"]).get("/scim/v2/Users").await?.scim_of(200)?;
    // Time passes.
    let id: uuid::Uuid = second["id"].as_str().context("id")?.parse()?;
    system.database.execute("UPDATE scim_tokens SET expires_at = now() - interval '1 hour' WHERE id = $1", &[&id]).await?;
    with(&second["token"]).get("/scim/v2/Users").await?.expect(401)?.problem("TOKEN_INVALID")?;
    for odd in [0, -1, 3651] {
        let refused = api.post(&acme.path("/tokens"), &json!({ "expires_in_days": odd })).await?.expect(422)?;
        ensure!(refused.fields()? == [("expires_in_days".to_owned(), "range".to_owned())], "{refused}");
    }
    // Switched off, no token is good.
    let third = api.post(&acme.path("/tokens"), &json!({})).await?.json_of(201)?;
    api.patch(&acme.path(""), &json!({ "enabled": false })).await?.expect(200)?;
    with(&third["token"]).get("/scim/v2/Users").await?.expect(401)?.problem("TOKEN_INVALID")?;
    let kept = "SELECT count(*) FROM scim_tokens t WHERE position(convert_to($1, 'UTF8') IN t.token_hash) > 0";
    ensure!(system.database.count(kept, &[&third["token"].as_str().unwrap_or_default()]).await? == 0);
    Ok(())
}

/// An admin's connection is an admin: not on the owner, not on another admin. And the owner's connection is no admin's to use.
async fn nobody_acts_above_themselves_through_a_connection() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let (admin, peer, member) =
        (system.joins(&acme.owner, "admin").await?, system.joins(&acme.owner, "admin").await?, system.joins(&acme.owner, "member").await?);
    let theirs = Directory::connect(&admin, &acme.domain).await?;
    for target in [&acme.owner, &peer, &admin] {
        let path = format!("/Users/{}", target.session.user_id);
        let off = json!([{ "op": "replace", "path": "active", "value": false }]);
        theirs.patch(&path, off).await?.scim_error(403, "")?.problem("ROLE_HIERARCHY")?;
        theirs.api.delete(&format!("/scim/v2{path}")).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
        target.session.api.get("/users/me").await?.expect(200)?;
    }
    theirs.api.delete(&format!("/scim/v2/Users/{}", member.session.user_id)).await?.expect(204)?;
    let owners = Directory::connect(&acme.owner, &acme.domain).await?;
    let api = &admin.session.api;
    api.post(&owners.path("/tokens"), &json!({})).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    api.patch(&owners.path(""), &json!({ "enabled": false })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    api.delete(&owners.path("")).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    let roles = api.get("/roles").await?.json_of(200)?;
    let admins = roles["data"].as_array().into_iter().flatten().find(|role| role["key"] == "admin").context("admin")?["id"].clone();
    api.patch(&theirs.path(""), &json!({ "roles": [{ "value": "x", "role_id": admins }] })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    // Nor does a viewer connect anything.
    let viewer = system.joins(&acme.owner, "viewer").await?;
    viewer.session.api.post("/scim/connections", &json!({ "name": "x" })).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    Ok(())
}

async fn nothing_crosses_organisations() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = (system.business().await?, system.business().await?);
    let acme = Directory::connect(&mine, "x.example").await?;
    let api = &theirs.session.api;
    for (method, rest) in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/tokens"), ("POST", "/tokens")] {
        let call = api.call(method, &acme.path(rest))?;
        let call = if matches!(method, "PATCH" | "POST") { call.json(&json!({})) } else { call };
        call.send().await?.expect(404)?.problem("NOT_FOUND")?;
    }
    let tokens = mine.session.api.get(&acme.path("/tokens")).await?.json_of(200)?;
    let id = tokens["data"][0]["id"].as_str().context("id")?;
    api.delete(&acme.path(&format!("/tokens/{id}"))).await?.expect(404)?.problem("NOT_FOUND")?;
    acme.get("/Users").await?.scim_of(200)?;
    Ok(())
}

async fn there_is_room_for_so_many() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.business().await?;
    let acme = Directory::connect(&owner, "x.example").await?;
    let racers: Vec<_> = (0..20)
        .map(|turn| {
            let (api, tokens) = (owner.session.api.clone(), acme.path("/tokens"));
            let path = if turn % 2 == 0 { "/scim/connections".to_owned() } else { tokens };
            let body = if turn % 2 == 0 { json!({ "name": "x" }) } else { json!({}) };
            tokio::spawn(async move { api.post(&path, &body).await })
        })
        .collect();
    for racer in racers {
        let answer = racer.await??;
        ensure!(matches!(answer.status, 201 | 409 | 503), "{answer}");
    }
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    ensure!(system.database.count("SELECT count(*) FROM scim_connections WHERE tenant_id = $1", &[&tenant]).await? <= 5);
    ensure!(system.database.count("SELECT count(*) FROM scim_tokens WHERE tenant_id = $1", &[&tenant]).await? <= 10);
    Ok(())
}
