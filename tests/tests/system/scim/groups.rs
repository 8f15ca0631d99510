//! `/scim/v2/Groups`, and the roles that they give.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    directory::{Directory, GROUP},
    tests, world,
};

tests![who_is_in_one, roles_follow_groups_and_tokens_follow_roles, names_are_unique, strangers_are_in_none, twenty_at_once];

fn path(group: &Value) -> String {
    format!("/Groups/{}", group["id"].as_str().unwrap_or_default())
}

fn people(group: &Value) -> usize {
    group["members"].as_array().map_or(0, Vec::len)
}

async fn who_is_in_one() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let (ada, bob) = (acme.user(&acme.name()?).await?, acme.user(&acme.name()?).await?);
    let group = acme.group("Staff", &[&ada]).await?;
    ensure!(group["schemas"] == json!([GROUP]) && group["displayName"] == "Staff", "{group}");
    let at = format!("http://localhost/scim/v2/Users/{}", ada["id"].as_str().context("id")?);
    ensure!(group["members"] == json!([{ "type": "User", "value": ada["id"], "$ref": at }]), "{group}");
    let both = acme.patch(&path(&group), json!([{ "op": "Add", "path": "members", "value": [{ "value": bob["id"] }] }])).await?.scim_of(200)?;
    ensure!(people(&both) == 2, "{both}");
    let one = format!("members[value eq \"{}\"]", ada["id"].as_str().context("id")?);
    let left = acme.patch(&path(&group), json!([{ "op": "remove", "path": one }])).await?.scim_of(200)?;
    ensure!(people(&left) == 1 && left["members"][0]["value"] == bob["id"], "{left}");
    let renamed =
        acme.patch(&path(&group), json!([{ "op": "replace", "value": { "displayName": "Crew", "externalId": "7" } }])).await?.scim_of(200)?;
    ensure!(renamed["displayName"] == "Crew" && renamed["externalId"] == "7" && people(&renamed) == 1, "{renamed}");
    let shown = acme.get(&format!("{}?excludedAttributes=members", path(&group))).await?.scim_of(200)?;
    ensure!(shown.get("members").is_none(), "{shown}");
    // As Entra asks whether somebody is in a group.
    let (id, who) = (group["id"].as_str().context("id")?, bob["id"].as_str().context("id")?);
    let asked = acme.get(&format!("/Groups?filter=id%20eq%20%22{id}%22%20and%20members%20eq%20%22{who}%22&attributes=id")).await?.scim_of(200)?;
    ensure!(asked["totalResults"] == 1 && asked["Resources"][0]["id"] == id, "{asked}");
    let put = acme.send("PUT", &path(&group), &json!({ "schemas": [GROUP], "displayName": "Crew", "members": [] })).await?.scim_of(200)?;
    ensure!(people(&put) == 0 && put.get("externalId").is_none(), "{put}");
    // Whoever is deleted is in none.
    acme.patch(&path(&group), json!([{ "op": "add", "path": "members", "value": [{ "value": who }] }])).await?.scim_of(200)?;
    acme.api.delete(&format!("/scim/v2/Users/{who}")).await?.expect(204)?;
    ensure!(people(&acme.get(&path(&group)).await?.scim_of(200)?) == 0);
    acme.api.delete(&format!("/scim/v2{}", path(&group))).await?.expect(204)?;
    acme.get(&path(&group)).await?.scim_error(404, "")?;
    Ok(())
}

async fn roles_follow_groups_and_tokens_follow_roles() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let member = system.joins(&acme.owner, "member").await?;
    let api = &acme.owner.session.api;
    let roles = api.get("/roles").await?.json_of(200)?;
    let role =
        |key: &str| roles["data"].as_array().into_iter().flatten().find(|role| role["key"] == key).map(|role| role["id"].clone()).context("role");
    let mapping = json!({ "roles": [{ "value": "Makers", "role_id": role("developer")? }, { "value": "heads-7", "role_id": role("admin")? }], "default_role_id": role("viewer")? });
    api.patch(&acme.path(""), &mapping).await?.expect(200)?;
    let user = json!({ "id": member.session.user_id });
    let makers = acme.group("makers", &[&user]).await?;
    // The token that says otherwise is refreshed first.
    member.session.api.get("/users/me").await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    let has = async || -> Result<Value> {
        let path = acme.owner.path(&format!("/users/{}", member.session.user_id));
        Ok(api.get(&path).await?.json_of(200)?["role"]["key"].clone())
    };
    ensure!(has().await? == "developer");
    let heads = json!({ "schemas": [GROUP], "displayName": "Whatever", "externalId": "heads-7", "members": [{ "value": user["id"] }] });
    let heads = acme.send("POST", "/Groups", &heads).await?.scim_of(201)?;
    ensure!(has().await? == "admin");
    acme.api.delete(&format!("/scim/v2{}", path(&heads))).await?.expect(204)?;
    ensure!(has().await? == "developer");
    acme.patch(&path(&makers), json!([{ "op": "remove", "path": "members" }])).await?.scim_of(200)?;
    ensure!(has().await? == "viewer");
    let events = "SELECT count(*) FROM events WHERE type = 'member.role_changed' AND data ->> 'user_id' = $1";
    ensure!(system.database.count(events, &[&member.session.user_id]).await? == 4);
    // An owner is none of its business.
    acme.group("MAKERS too", &[]).await?;
    acme.patch(&path(&makers), json!([{ "op": "add", "path": "members", "value": [{ "value": acme.owner.session.user_id }] }]))
        .await?
        .scim_of(200)?;
    acme.owner.session.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn names_are_unique() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let group = acme.group("Staff", &[]).await?;
    acme.send("POST", "/Groups", &json!({ "schemas": [GROUP], "displayName": "STAFF" })).await?.scim_error(409, "uniqueness")?.problem("CONFLICT")?;
    let other = acme.group("Other", &[]).await?;
    acme.patch(&path(&other), json!([{ "op": "replace", "path": "displayName", "value": "staff" }])).await?.scim_error(409, "uniqueness")?;
    // One's own name in another spelling is not another's.
    acme.patch(&path(&group), json!([{ "op": "replace", "path": "displayName", "value": "staff" }])).await?.scim_of(200)?;
    // Nor is another organisation's.
    system.directory().await?.group("staff", &[]).await?;
    Ok(())
}

async fn strangers_are_in_none() -> Result<()> {
    let system = world::federated().await?;
    let (acme, theirs) = (system.directory().await?, system.directory().await?);
    let (group, stranger) = (acme.group("Staff", &[]).await?, theirs.user(&theirs.name()?).await?);
    let body = |who: &Value| json!([{ "op": "add", "path": "members", "value": [{ "value": who }] }]);
    for who in [&stranger["id"], &json!("019a0000-0000-7000-8000-00000000dead"), &json!("x")] {
        acme.patch(&path(&group), body(who)).await?.scim_error(400, "invalidValue")?.problem("BAD_REQUEST")?;
    }
    let whole = json!({ "schemas": [GROUP], "displayName": "New", "members": [{ "value": stranger["id"] }] });
    acme.send("POST", "/Groups", &whole).await?.scim_error(400, "invalidValue")?;
    ensure!(acme.get("/Groups?filter=displayName%20eq%20%22New%22").await?.scim_of(200)?["totalResults"] == 0, "it was made all the same");
    for (method, body) in [("PATCH", json!({ "schemas": [], "Operations": body(&stranger["id"]) })), ("PUT", whole)] {
        theirs.send(method, &path(&group), &body).await?.scim_error(404, "")?;
    }
    theirs.get(&path(&group)).await?.scim_error(404, "")?;
    ensure!(theirs.get("/Groups").await?.scim_of(200)?["totalResults"] == 0);
    Ok(())
}

/// Twenty put somebody in at once: each is in once, and nobody is lost.
async fn twenty_at_once() -> Result<()> {
    let system = world::federated().await?;
    let acme: Directory = system.directory().await?;
    let group = acme.group("Crowd", &[]).await?;
    let (ada, bob) = (acme.user(&acme.name()?).await?, acme.user(&acme.name()?).await?);
    let racers: Vec<_> = (0..20)
        .map(|turn| {
            let (acme, path) = (acme.clone(), path(&group));
            let who = if turn % 2 == 0 { ada["id"].clone() } else { bob["id"].clone() };
            tokio::spawn(async move { acme.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": who }] }])).await })
        })
        .collect();
    for racer in racers {
        let answer = racer.await??;
        ensure!(matches!(answer.status, 200 | 503), "{answer}");
    }
    ensure!(people(&acme.get(&path(&group)).await?.scim_of(200)?) == 2);
    Ok(())
}
