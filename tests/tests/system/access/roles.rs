//! `/roles`, what they permit, and `POST /permissions/check`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Member, Session, shape, tests, world};

tests![
    six_default_roles_that_nobody_changes,
    a_custom_role_from_making_to_removing,
    bad_input_is_named,
    nobody_makes_or_touches_what_is_not_below,
    nobody_grants_what_they_do_not_hold,
    another_organisations_role_is_not_there,
    the_plan_bounds_them,
    keys_are_taken_once,
    a_role_in_use_stays,
    versions_keep_two_editors_apart,
    a_change_reaches_whoever_holds_the_role,
    each_role_may_what_the_catalogue_says,
    checks_many_at_once,
];

async fn make(by: &Session, body: &Value) -> Result<Value> {
    by.api.post("/roles", body).await?.json_of(201)
}

async fn refreshed(member: &Member) -> Result<Session> {
    Session::read(member.session.refresh().await?, &member.person.api)
}

async fn six_default_roles_that_nobody_changes() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let list = owner.session.api.get("/roles").await?.json_of(200)?;
    let roles = list["data"].as_array().context("data")?;
    let told: Vec<(&str, i64, usize)> = roles
        .iter()
        .map(|role| {
            let permissions = role["permissions"].as_array().map_or(0, Vec::len);
            (role["key"].as_str().unwrap_or_default(), role["level"].as_i64().unwrap_or_default(), permissions)
        })
        .collect();
    let levels: Vec<(&str, i64)> = told.iter().map(|(key, level, _)| (*key, *level)).collect();
    ensure!(levels == [("owner", 100), ("admin", 80), ("manager", 60), ("developer", 40), ("member", 20), ("viewer", 10)], "{told:?}");
    ensure!(told[0].2 == 114 && told[1].2 == 110, "{told:?}");
    ensure!(roles[0]["member_count"] == 1 && roles[1]["member_count"] == 0, "{}", roles[0]);
    let expected = ["created_at", "description", "id", "is_default", "key", "level", "member_count", "name", "permissions", "updated_at"];
    for role in roles {
        ensure!(shape::members(role)? == expected && role["is_default"] == true, "{role}");
        let path = format!("/roles/{}", role["id"].as_str().context("id")?);
        let one = owner.session.api.get(&path).await?;
        ensure!(one.round_trips()? == 1 && one.json_of(200)? == *role, "the same alone");
        owner.session.api.patch(&path, &json!({ "name": "Mine" })).await?.expect(409)?.problem("CONFLICT")?;
        owner.session.api.delete(&path).await?.expect(409)?.problem("CONFLICT")?;
        owner.session.api.post(&format!("{path}/permissions"), &json!({ "permissions": [] })).await?.expect(409)?.problem("CONFLICT")?;
        owner.session.api.delete(&format!("{path}/permissions/org.view")).await?.expect(409)?.problem("CONFLICT")?;
    }
    Ok(())
}

async fn a_custom_role_from_making_to_removing() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let api = &owner.session.api;
    let new = json!({ "name": "Support, 2nd line", "description": "Answers", "level": 30, "permissions": ["users.view", "org.view", "users.view"] });
    let answer = api.post("/roles", &new).await?.expect(201)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let role = answer.json()?;
    ensure!(role["key"] == "support_2nd_line" && role["level"] == 30 && role["is_default"] == false, "{role}");
    ensure!(role["permissions"] == json!(["users.view", "org.view"]) && role["member_count"] == 0, "the catalogue's order, once each: {role}");
    let path = format!("/roles/{}", role["id"].as_str().context("id")?);
    ensure!(answer.header("location") == Some(&path), "{answer}");

    let changed = api.patch(&path, &json!({ "name": "Support", "description": null, "level": 25 })).await?.json_of(200)?;
    ensure!(changed["name"] == "Support" && changed["description"].is_null() && changed["level"] == 25, "{changed}");
    ensure!(changed["permissions"] == role["permissions"], "{changed}");
    let given = api.post(&format!("{path}/permissions"), &json!({ "permissions": ["dns.view", "org.view"] })).await?.json_of(200)?;
    ensure!(given["permissions"] == json!(["users.view", "org.view", "dns.view"]), "{given}");
    let taken = api.delete(&format!("{path}/permissions/users.view")).await?.json_of(200)?;
    ensure!(taken["permissions"] == json!(["org.view", "dns.view"]), "{taken}");
    // What it does not hold is gone already.
    api.delete(&format!("{path}/permissions/users.view")).await?.expect(200)?;
    api.delete(&format!("{path}/permissions/users.fly")).await?.expect(404)?.problem("NOT_FOUND")?;
    let replaced = api.patch(&path, &json!({ "permissions": ["roles.view"] })).await?.json_of(200)?;
    ensure!(replaced["permissions"] == json!(["roles.view"]), "{replaced}");
    api.delete(&path).await?.expect(204)?;
    api.get(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn bad_input_is_named() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let cases = [
        (json!({}), "name"),
        (json!({ "name": " " }), "name"),
        (json!({ "name": "x".repeat(61) }), "name"),
        (json!({ "name": "x", "level": 0 }), "level"),
        (json!({ "name": "x", "level": 100 }), "level"),
        (json!({ "name": "x", "level": "high" }), "level"),
        (json!({ "name": "x", "key": "Not A Key" }), "key"),
        (json!({ "name": "x", "description": "x".repeat(501) }), "description"),
        (json!({ "name": "x", "permissions": ["users.fly"] }), "permissions"),
        (json!({ "name": "x", "is_default": true }), "is_default"),
    ];
    for (body, field) in cases {
        let answer = owner.session.api.post("/roles", &body).await?.expect(422).with_context(|| body.to_string())?;
        ensure!(answer.fields()?.iter().any(|(path, _)| path.starts_with(field)), "{body}: {answer}");
    }
    for odd in ["x", "00000000-0000-0000-0000-000000000000"] {
        owner.session.api.get(&format!("/roles/{odd}")).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    owner.session.api.get("/roles?limit=0").await?.expect(422)?;
    Ok(())
}

async fn nobody_makes_or_touches_what_is_not_below() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let admin = system.joins(&owner, "admin").await?;
    for level in [80, 99] {
        admin.session.api.post("/roles", &json!({ "name": "High", "level": level })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    }
    let high = make(&owner.session, &json!({ "name": "High", "level": 85 })).await?;
    let path = format!("/roles/{}", high["id"].as_str().context("id")?);
    admin.session.api.patch(&path, &json!({ "level": 10 })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    admin.session.api.delete(&path).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    admin.session.api.post(&format!("{path}/permissions"), &json!({ "permissions": ["org.view"] })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    let low = make(&admin.session, &json!({ "name": "Low", "level": 79 })).await?;
    let path = format!("/roles/{}", low["id"].as_str().context("id")?);
    admin.session.api.patch(&path, &json!({ "level": 80 })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    Ok(())
}

async fn nobody_grants_what_they_do_not_hold() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let admin = system.joins(&owner, "admin").await?;
    let refused = admin.session.api.post("/roles", &json!({ "name": "Ender", "permissions": ["org.view", "org.delete"] })).await?.expect(403)?;
    ensure!(refused.problem("PERMISSION_DENIED")?["details"]["permission"] == "org.delete", "{refused}");
    let role = make(&admin.session, &json!({ "name": "Ender", "permissions": ["org.view"] })).await?;
    let path = format!("/roles/{}", role["id"].as_str().context("id")?);
    let more = json!({ "permissions": ["compliance.delete"] });
    admin.session.api.post(&format!("{path}/permissions"), &more).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    admin.session.api.patch(&path, &more).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    // What a role holds already is not granted anew, whoever else edits it.
    owner.session.api.post(&format!("{path}/permissions"), &json!({ "permissions": ["org.delete"] })).await?.expect(200)?;
    let kept = admin.session.api.patch(&path, &json!({ "permissions": ["org.delete", "dns.view"] })).await?.json_of(200)?;
    ensure!(kept["permissions"] == json!(["org.delete", "dns.view"]), "{kept}");

    // A custom role's holder is held to its rows, not to a default role's set.
    let editor =
        make(&owner.session, &json!({ "key": "editor", "name": "Editor", "level": 50, "permissions": ["roles.manage", "roles.view", "dns.view"] }))
            .await?;
    ensure!(editor["key"] == "editor", "{editor}");
    let holder = system.joins(&owner, "editor").await?;
    make(&holder.session, &json!({ "name": "Names", "level": 5, "permissions": ["dns.view"] })).await?;
    holder
        .session
        .api
        .post("/roles", &json!({ "name": "More", "level": 5, "permissions": ["org.view"] }))
        .await?
        .expect(403)?
        .problem("PERMISSION_DENIED")?;
    Ok(())
}

async fn another_organisations_role_is_not_there() -> Result<()> {
    let system = world::shared().await?;
    let (ours, theirs) = (system.company().await?, system.company().await?);
    let role = make(&theirs.session, &json!({ "name": "Theirs" })).await?;
    let id: uuid::Uuid = role["id"].as_str().context("id")?.parse()?;
    let path = format!("/roles/{id}");
    let api = &ours.session.api;
    api.get(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    api.patch(&path, &json!({ "name": "Ours" })).await?.expect(404)?.problem("NOT_FOUND")?;
    api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    api.post(&format!("{path}/permissions"), &json!({ "permissions": ["org.view"] })).await?.expect(404)?.problem("NOT_FOUND")?;
    api.delete(&format!("{path}/permissions/org.view")).await?.expect(404)?.problem("NOT_FOUND")?;
    theirs.session.api.get(&path).await?.expect(200)?;
    zygo_tests::eventually(async || {
        let seen = system.database.count("SELECT count(*) FROM rls_violations WHERE row_id = $1 AND table_name = 'roles'", &[&id]).await?;
        ensure!(seen >= 1, "the attempts are not on record");
        Ok(())
    })
    .await
}

async fn the_plan_bounds_them() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    let refused = owner.session.api.post("/roles", &json!({ "name": "One" })).await?.expect(403)?;
    ensure!(refused.problem("PLAN_LIMIT")?["details"]["feature"] == "custom_roles", "{refused}");
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    let allow = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (gen_random_uuid(), $1, 'custom_roles', '2')";
    system.database.execute(allow, &[&tenant]).await?;
    // Ten at once where two have room.
    let racers: Vec<_> = (0..10)
        .map(|turn| {
            let api = owner.session.api.clone();
            tokio::spawn(async move { api.post("/roles", &json!({ "name": format!("Role {turn}") })).await })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        let answer = racer.await??;
        if answer.status == 201 { made += 1 } else { drop(answer.expect(403)?.problem("PLAN_LIMIT")?) }
    }
    ensure!(made == 2, "{made} roles");
    Ok(())
}

async fn keys_are_taken_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    owner.session.api.post("/roles", &json!({ "name": "x", "key": "owner" })).await?.expect(409)?.problem("CONFLICT")?;
    make(&owner.session, &json!({ "name": "Ops" })).await?;
    owner.session.api.post("/roles", &json!({ "name": "OPS" })).await?.expect(409)?.problem("CONFLICT")?;
    Ok(())
}

async fn a_role_in_use_stays() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let role = make(&owner.session, &json!({ "key": "used", "name": "Used" })).await?;
    system.joins(&owner, "used").await?;
    let path = format!("/roles/{}", role["id"].as_str().context("id")?);
    owner.session.api.delete(&path).await?.expect(409)?.problem("CONFLICT")?;
    ensure!(owner.session.api.get(&path).await?.json_of(200)?["member_count"] == 1);
    Ok(())
}

async fn versions_keep_two_editors_apart() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let role = make(&owner.session, &json!({ "name": "Versioned" })).await?;
    let path = format!("/roles/{}", role["id"].as_str().context("id")?);
    let tag = owner.session.api.get(&path).await?.header("etag").context("etag")?.to_owned();
    let edit = |body: Value| owner.session.api.call("PATCH", &path).map(|call| call.header("if-match", &tag).json(&body));
    edit(json!({ "permissions": ["org.view"] }))?.send().await?.expect(200)?;
    edit(json!({ "name": "Lost" }))?.send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    let delete = owner.session.api.call("DELETE", &path)?.header("if-match", &tag);
    delete.send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    Ok(())
}

async fn a_change_reaches_whoever_holds_the_role() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let role = make(&owner.session, &json!({ "key": "reader", "name": "Reader", "permissions": ["roles.view"] })).await?;
    let path = format!("/roles/{}", role["id"].as_str().context("id")?);
    let (holder, other) = (system.joins(&owner, "reader").await?, system.joins(&owner, "viewer").await?);
    holder.session.api.get("/roles").await?.expect(200)?;
    owner.session.api.delete(&format!("{path}/permissions/roles.view")).await?.expect(200)?;
    // The token is stale everywhere within ten seconds; here at once.
    holder.session.api.get("/roles").await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    other.session.api.get("/roles").await?.expect(200)?;
    let again = refreshed(&holder).await?;
    let refused = again.api.get("/roles").await?.expect(403)?;
    ensure!(refused.problem("PERMISSION_DENIED")?["details"]["permission"] == "roles.view", "{refused}");
    // A name is no permission: nobody refreshes for it.
    owner.session.api.patch(&path, &json!({ "name": "Readers" })).await?.expect(200)?;
    again.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn each_role_may_what_the_catalogue_says() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let role = make(&owner.session, &json!({ "name": "Target", "level": 1 })).await?;
    let path = format!("/roles/{}", role["id"].as_str().context("id")?);
    for key in ["admin", "manager", "developer", "member", "viewer"] {
        let session = system.joins(&owner, key).await?.session;
        session.api.get("/roles").await?.expect(200).with_context(|| key.to_owned())?;
        let expected = if key == "admin" { 200 } else { 403 };
        let answer = session.api.patch(&path, &json!({ "name": key })).await?.expect(expected).with_context(|| key.to_owned())?;
        if expected == 403 {
            ensure!(answer.problem("PERMISSION_DENIED")?["details"]["permission"] == "roles.manage", "{answer}");
        }
    }
    Ok(())
}

async fn checks_many_at_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let viewer = system.joins(&owner, "viewer").await?;
    let ask = json!({ "permissions": ["users.view", "users.remove", "org.delete"] });
    let answer = viewer.session.api.post("/permissions/check", &ask).await?;
    ensure!(answer.round_trips()? == 0, "answered from the token");
    ensure!(answer.json_of(200)?["permissions"] == json!({ "users.view": true, "users.remove": false, "org.delete": false }));
    let answer = owner.session.api.post("/permissions/check", &ask).await?.json_of(200)?;
    ensure!(answer["permissions"] == json!({ "users.view": true, "users.remove": true, "org.delete": true }), "{answer}");
    let odd = owner.session.api.post("/permissions/check", &json!({ "permissions": ["users.fly"] })).await?.expect(422)?;
    ensure!(odd.fields()?.iter().any(|(path, _)| path.starts_with("permissions")), "{odd}");
    Ok(())
}
