//! `/tenants/{id}/users`: seeing, searching, giving roles, removing.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Member, Session, shape, tests, world};

tests![
    lists_with_search_filters_and_cursors,
    odd_parameters_are_refused,
    another_organisations_members_are_not_there,
    gives_roles_below_ones_own,
    a_new_role_reaches_its_holder_at_once,
    removes_and_shuts_out,
    each_role_may_what_the_catalogue_says,
    versions_keep_two_editors_apart,
];

fn names(list: &Value) -> Vec<String> {
    let rows = list["data"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row["email"].as_str().map(str::to_owned)).collect()
}

async fn list(by: &Member, query: &str) -> Result<Value> {
    let answer = by.session.api.get(&by.below(&format!("users{query}"))).await?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    answer.json_of(200)
}

async fn lists_with_search_filters_and_cursors() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let mut all = vec![owner.person.email.clone()];
    for role in ["admin", "viewer", "viewer", "member"] {
        all.push(system.joins(&owner, role).await?.person.email);
    }
    let viewer = system.joins(&owner, "viewer").await?;
    all.push(viewer.person.email.clone());
    let whole = list(&owner, "").await?;
    ensure!(names(&whole) == all && whole["next_cursor"].is_null(), "the longest-standing first: {whole}");
    let expected = ["avatar_url", "email", "first_name", "id", "joined_at", "last_name", "role", "status", "updated_at"];
    for member in whole["data"].as_array().context("data")? {
        ensure!(shape::members(member)? == expected, "{member}");
        let one = owner.session.api.get(&owner.below(&format!("users/{}", member["id"].as_str().context("id")?))).await?.json_of(200)?;
        ensure!(one == *member, "{one}");
    }
    ensure!(names(&list(&owner, "?role=viewer").await?).len() == 3);
    ensure!(names(&list(&owner, "?role=nobody").await?).is_empty());
    let word = viewer.person.email.split('@').next().context("word")?.to_uppercase();
    ensure!(names(&list(&owner, &format!("?search={word}")).await?) == [viewer.person.email.as_str()], "case does not matter");
    ensure!(names(&list(&owner, "?search=100%25").await?).is_empty() && names(&list(&owner, "?search=_").await?).is_empty(), "no wildcards");
    // A new name is found at once.
    viewer.session.api.patch("/users/me", &json!({ "first_name": "Ämilia", "last_name": "O'Söder" })).await?.expect(200)?;
    ensure!(names(&list(&owner, "?search=o%27s").await?) == [viewer.person.email.as_str()]);
    ensure!(names(&list(&owner, "?status=suspended").await?).is_empty() && names(&list(&owner, "?status=active&role=admin").await?).len() == 1);

    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = list(&owner, &cursor.map_or_else(|| "?limit=2".to_owned(), |cursor| format!("?limit=2&cursor={cursor}"))).await?;
        seen.extend(names(&page));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
        // Somebody who joins meanwhile comes last, and moves nobody.
        if seen.len() == 2 {
            all.push(system.joins(&owner, "member").await?.person.email);
        }
    }
    ensure!(seen == all, "{seen:?}");
    Ok(())
}

async fn odd_parameters_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    system.joins(&owner, "viewer").await?;
    let cursor = list(&owner, "?limit=1").await?["next_cursor"].as_str().context("cursor")?.to_owned();
    for (query, field) in [
        ("?status=gone".to_owned(), "status"),
        ("?limit=101".to_owned(), "limit"),
        ("?cursor=abc".to_owned(), "cursor"),
        (format!("?search={}", "x".repeat(101)), "search"),
        ("?search=%00".to_owned(), "search"),
        (format!("?role=viewer&cursor={cursor}"), "cursor"),
    ] {
        let answer = owner.session.api.get(&owner.below(&format!("users{query}"))).await?.expect(422)?;
        ensure!(answer.fields()?.iter().any(|(path, _)| path == field), "{query}: {answer}");
    }
    Ok(())
}

async fn another_organisations_members_are_not_there() -> Result<()> {
    let system = world::shared().await?;
    let (ours, theirs) = (system.company().await?, system.company().await?);
    let them = &theirs.session.user_id;
    let api = &ours.session.api;
    // Through their organisation's path, and through ours.
    for path in [theirs.below("users"), theirs.below(&format!("users/{them}")), ours.below(&format!("users/{them}"))] {
        api.get(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    for organisation in [&ours, &theirs] {
        let path = organisation.below(&format!("users/{them}"));
        api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
        api.patch(&format!("{path}/role"), &json!({ "role": "viewer" })).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    for action in ["suspend", "activate"] {
        api.post(&format!("/users/{them}/{action}"), &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    theirs.session.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn give(by: &Session, whom: &Member, role: &Value) -> Result<zygo_tests::Answer> {
    by.api.patch(&whom.below(&format!("users/{}/role", whom.session.user_id)), role).await
}

async fn gives_roles_below_ones_own() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (admin, manager) = (system.joins(&owner, "admin").await?, system.joins(&owner, "manager").await?);
    let (second, member) = (system.joins(&owner, "manager").await?, system.joins(&owner, "member").await?);
    let answer = give(&manager.session, &member, &json!({ "role": "developer" })).await?;
    ensure!(answer.round_trips()? == 1 && answer.json_of(200)?["role"]["key"] == "developer");
    for role in ["manager", "admin", "owner"] {
        give(&manager.session, &member, &json!({ "role": role })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    }
    // Nobody acts on their peers, on those above, or on themselves.
    for target in [&second, &admin, &owner, &manager] {
        give(&manager.session, target, &json!({ "role": "viewer" })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    }
    give(&admin.session, &second, &json!({ "role": "admin" })).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    let roles = owner.session.api.get("/roles").await?.json_of(200)?;
    let id = roles["data"].as_array().and_then(|roles| roles.iter().find(|role| role["key"] == "owner")).context("owner")?["id"].clone();
    ensure!(give(&owner.session, &second, &json!({ "role_id": id })).await?.json_of(200)?["role"]["key"] == "owner", "an owner makes owners");
    give(&owner.session, &second, &json!({ "role": "admin" })).await?.expect(200)?;
    for (body, field) in [
        (json!({}), "role"),
        (json!({ "role": "nobody" }), "role"),
        (json!({ "role": "Not One" }), "role"),
        (json!({ "role": "viewer", "x": 1 }), "x"),
    ] {
        let answer = give(&owner.session, &member, &body).await?.expect(422)?;
        ensure!(answer.fields()?.iter().any(|(path, _)| path == field), "{body}: {answer}");
    }
    Ok(())
}

async fn a_new_role_reaches_its_holder_at_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let admin = system.joins(&owner, "admin").await?;
    admin.session.api.get("/roles").await?.expect(200)?;
    give(&owner.session, &admin, &json!({ "role": "viewer" })).await?.expect(200)?;
    admin.session.api.get("/roles").await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    let again = Session::read(admin.session.refresh().await?, &admin.person.api)?;
    again.api.post("/roles", &json!({ "name": "x" })).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    // The same role again changes nothing, and nobody refreshes for it.
    give(&owner.session, &admin, &json!({ "role": "viewer" })).await?.expect(200)?;
    again.api.get("/roles").await?.expect(200)?;
    Ok(())
}

async fn removes_and_shuts_out() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (admin, member) = (system.joins(&owner, "admin").await?, system.joins(&owner, "member").await?);
    let path = owner.below(&format!("users/{}", member.session.user_id));
    member.session.api.get("/users/me").await?.expect(200)?;
    let answer = admin.session.api.delete(&path).await?.expect(204)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    member.session.api.get("/users/me").await?.expect(403)?.problem("USER_SUSPENDED")?;
    member.session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    admin.session.api.get(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    admin.session.api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    // The account is theirs still.
    let elsewhere = member.person.sign_in().await?;
    let back = elsewhere.api.post("/auth/switch-tenant", &json!({ "tenant_id": owner.tenant_id })).await?;
    back.expect(404)?.problem("NOT_FOUND")?;
    for above in [&owner, &admin] {
        let path = owner.below(&format!("users/{}", above.session.user_id));
        admin.session.api.delete(&path).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
    }
    owner.session.api.delete(&owner.below(&format!("users/{}", owner.session.user_id))).await?.expect(409)?.problem("LAST_OWNER")?;
    // What the request tells the objects is owed to them as well.
    system.pay(&owner).await?;
    Ok(())
}

async fn each_role_may_what_the_catalogue_says() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let target = system.joins(&owner, "viewer").await?;
    let target_path = owner.below(&format!("users/{}", target.session.user_id));
    for (key, assigns, updates, removes) in [
        ("admin", true, true, true),
        ("manager", true, true, false),
        ("developer", false, false, false),
        ("member", false, false, false),
        ("viewer", false, false, false),
    ] {
        let session = system.joins(&owner, key).await?.session;
        session.api.get(&owner.below("users")).await?.expect(200)?;
        let may = |allowed: bool| if allowed { 200 } else { 403 };
        give(&session, &target, &json!({ "role": "viewer" })).await?.expect(may(assigns)).with_context(|| key.to_owned())?;
        session
            .api
            .post(&format!("/users/{}/activate", target.session.user_id), &json!({}))
            .await?
            .expect(may(updates))
            .with_context(|| key.to_owned())?;
        if !removes {
            let refused = session.api.delete(&target_path).await?.expect(403)?;
            ensure!(refused.problem("PERMISSION_DENIED")?["details"]["permission"] == "users.remove", "{key}: {refused}");
        }
    }
    Ok(())
}

async fn versions_keep_two_editors_apart() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "member").await?;
    let path = owner.below(&format!("users/{}", member.session.user_id));
    let tag = owner.session.api.get(&path).await?.header("etag").context("etag")?.to_owned();
    // A new name is no new version of the membership.
    member.session.api.patch("/users/me", &json!({ "first_name": "Ada" })).await?.expect(200)?;
    let give = |role: &str| {
        owner.session.api.call("PATCH", &format!("{path}/role")).map(|call| call.header("if-match", &tag).json(&json!({ "role": role })))
    };
    give("developer")?.send().await?.expect(200)?;
    give("viewer")?.send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    let remove = owner.session.api.call("DELETE", &path)?.header("if-match", &tag);
    remove.send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    Ok(())
}
