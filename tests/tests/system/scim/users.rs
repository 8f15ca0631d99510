//! `/scim/v2/Users`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Answer, Session,
    directory::{Directory, USER},
    enterprise::{KEYS, saml},
    team, tests, world,
};

tests![
    somebody_new_signs_on_without_being_asked_anything,
    suspended_by_the_directory_nobody_is_signed_in,
    deleted_is_suspended_and_unseen,
    the_last_owner_stays,
    changed_as_entra_and_okta_do,
    versions_guard_changes,
    members_are_users_whoever_made_them,
    lists_have_pages_and_filters,
    fifty_at_once_make_one,
    every_call_is_one_round_trip,
];

fn path(user: &Value) -> String {
    format!("/Users/{}", user["id"].as_str().unwrap_or_default())
}

async fn somebody_new_signs_on_without_being_asked_anything() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let directory = Directory::connect(&acme.owner, &acme.domain).await?;
    let name = directory.name()?;
    let made = directory.user(&name).await?;
    ensure!(made["schemas"] == json!([USER]) && made["userName"] == name.as_str() && made["active"] == true, "{made}");
    ensure!(made["meta"]["location"] == format!("http://localhost/scim/v2{}", path(&made)), "{made}");
    let browser = acme.browser();
    let session = Session::read(acme.sign_on(&browser, &name).await?, &acme.owner.person.api)?;
    ensure!(session.user_id == made["id"].as_str().unwrap_or_default() && session.body["user"]["first_name"] == "Ada", "{}", session.body);
    let events = "SELECT count(*) FROM events WHERE type = 'member.provisioned' AND data ->> 'user_id' = $1";
    ensure!(system.database.count(events, &[&session.user_id]).await? == 1);
    let trail = "SELECT count(*) FROM audit_logs WHERE actor = $1 AND action = 'scim_users.insert'";
    ensure!(system.database.count(trail, &[&format!("scim:{}", directory.connection)]).await? == 1);
    Ok(())
}

async fn suspended_by_the_directory_nobody_is_signed_in() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let member = system.joins(&acme.owner, "member").await?;
    let user = acme.get(&format!("/Users/{}", member.session.user_id)).await?.scim_of(200)?;
    let platform = member.person.sign_in().await?;
    let off = acme.patch(&path(&user), json!([{ "op": "Replace", "path": "active", "value": "False" }])).await?.scim_of(200)?;
    ensure!(off["active"] == false, "{off}");
    member.session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    // At once where the directory's calls come by; elsewhere with the next lease.
    member.session.api.get("/users/me").await?.expect(403)?.problem("USER_SUSPENDED")?;
    platform.api.post("/auth/switch-tenant", &json!({ "tenant_id": acme.owner.tenant_id })).await?.expect(403)?.problem("USER_SUSPENDED")?;
    let again = acme.patch(&path(&user), json!([{ "op": "replace", "value": { "active": false } }])).await?.scim_of(200)?;
    ensure!(again["active"] == false);
    acme.patch(&path(&user), json!([{ "op": "replace", "value": { "active": true } }])).await?.scim_of(200)?;
    let anew = team::into(&acme.owner, &member.person, &platform).await?;
    anew.api.get("/users/me").await?.expect(200)?;
    system.pay(&acme.owner).await?;
    anew.api.get("/users/me").await?.expect(200)?;
    let events = "SELECT count(*) FROM events WHERE type IN ('member.suspended', 'member.activated') AND data ->> 'user_id' = $1";
    ensure!(system.database.count(events, &[&member.session.user_id]).await? == 2, "each change once");
    Ok(())
}

async fn deleted_is_suspended_and_unseen() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let name = acme.name()?;
    let user = acme.user(&name).await?;
    acme.api.delete(&format!("/scim/v2{}", path(&user))).await?.expect(204)?;
    for answer in [
        acme.get(&path(&user)).await?,
        acme.patch(&path(&user), json!([{ "op": "remove", "path": "title" }])).await?,
        acme.send("PUT", &path(&user), &json!({ "schemas": [USER], "userName": name })).await?,
        acme.api.delete(&format!("/scim/v2{}", path(&user))).await?,
    ] {
        answer.scim_error(404, "")?.problem("NOT_FOUND")?;
    }
    let listed = acme.get(&format!("/Users?filter=userName%20eq%20%22{name}%22")).await?.scim_of(200)?;
    ensure!(listed["totalResults"] == 0 && listed["Resources"] == json!([]), "{listed}");
    let id = user["id"].as_str().context("id")?;
    let member = acme.owner.session.api.get(&acme.owner.path(&format!("/users/{id}"))).await?.json_of(200)?;
    ensure!(member["status"] == "suspended", "the membership stays: {member}");
    // The same person comes back as who they were.
    let back = acme.user(&name).await?;
    ensure!(back["id"] == user["id"] && back["active"] == true, "{back}");
    Ok(())
}

async fn the_last_owner_stays() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let owner = format!("/Users/{}", acme.owner.session.user_id);
    acme.patch(&owner, json!([{ "op": "replace", "path": "active", "value": false }])).await?.scim_error(409, "")?.problem("LAST_OWNER")?;
    acme.api.delete(&format!("/scim/v2{owner}")).await?.expect(409)?.problem("LAST_OWNER")?;
    let shown = acme.get(&owner).await?.scim_of(200)?;
    ensure!(shown["active"] == true && shown["userName"] == acme.owner.person.email.as_str(), "nothing of it was done: {shown}");
    // With another one, an owner's directory may suspend an owner.
    let second = system.joins(&acme.owner, "owner").await?;
    acme.api.delete(&format!("/scim/v2/Users/{}", second.session.user_id)).await?.expect(204)?;
    acme.owner.session.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn changed_as_entra_and_okta_do() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let name = acme.name()?;
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let body = json!({
        "schemas": [USER, enterprise], "userName": name, "externalId": "7", "active": true, "displayName": "Ada", "password": "Never-kept-1815",
        "emails": [{ "primary": true, "type": "work", "value": name }], "groups": [], "meta": { "resourceType": "User" },
        enterprise: { "department": "Engines" },
    });
    let user = acme.send("POST", "/Users", &body).await?.scim_of(201)?;
    ensure!(user["externalId"] == "7" && user[enterprise]["department"] == "Engines" && user["schemas"] == json!([USER, enterprise]), "{user}");
    ensure!(user.get("password").is_none(), "{user}");
    let changed = acme
        .patch(
            &path(&user),
            json!([
                { "op": "Replace", "path": "displayName", "value": "Augusta" },
                { "op": "Add", "path": "name.familyName", "value": "King" },
                { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+44 20" },
                { "op": "Replace", "path": format!("{enterprise}:department"), "value": "Looms" },
                { "op": "Remove", "path": "externalId" },
            ]),
        )
        .await?
        .scim_of(200)?;
    ensure!(changed["displayName"] == "Augusta" && changed["name"]["familyName"] == "King" && changed.get("externalId").is_none(), "{changed}");
    ensure!(changed["phoneNumbers"] == json!([{ "type": "mobile", "value": "+44 20" }]) && changed[enterprise]["department"] == "Looms", "{changed}");
    // The account is called so too: its address is of a domain that the organisation has proved.
    let id: uuid::Uuid = user["id"].as_str().context("id")?.parse()?;
    ensure!(system.database.count("SELECT count(*) FROM users WHERE id = $1 AND last_name = 'King'", &[&id]).await? == 1);
    let replaced = acme.send("PUT", &path(&user), &json!({ "schemas": [USER], "userName": name })).await?.scim_of(200)?;
    ensure!(replaced.get("displayName").is_none() && replaced["active"] == true && replaced["schemas"] == json!([USER]), "{replaced}");
    for secret in ["Never-kept-1815"] {
        let found = "SELECT count(*) FROM scim_users WHERE position($1 IN attributes::text) > 0";
        ensure!(system.database.count(found, &[&secret]).await? == 0);
    }
    Ok(())
}

async fn versions_guard_changes() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let user = acme.user(&acme.name()?).await?;
    let read = acme.get(&path(&user)).await?;
    let tag = read.header("etag").context("etag")?.to_owned();
    ensure!(read.clone().scim_of(200)?["meta"]["version"] == tag.as_str() && tag.starts_with("W/"), "{read}");
    let at = format!("/scim/v2{}", path(&user));
    acme.api.call("GET", &at)?.header("if-none-match", &tag).send().await?.expect(304)?;
    let title = |title: &str| json!({ "schemas": [zygo_tests::directory::PATCH], "Operations": [{ "op": "add", "path": "title", "value": title }] });
    let guarded = async |method: &str, tag: &str, body: Option<Value>| {
        let call = acme.api.call(method, &at)?.header("if-match", tag);
        if let Some(body) = body { call.json(&body).send().await } else { call.send().await }
    };
    guarded("PATCH", &tag, Some(title("Dr"))).await?.scim_of(200)?;
    let put = json!({ "schemas": [USER], "userName": user["userName"] });
    for answer in [guarded("PATCH", &tag, Some(title("Prof"))).await?, guarded("PUT", &tag, Some(put)).await?, guarded("DELETE", &tag, None).await?] {
        answer.scim_error(412, "")?.problem("PRECONDITION_FAILED")?;
    }
    let group = acme.group("Versions", &[&user]).await?;
    let now = acme.get(&path(&user)).await?;
    ensure!(now.header("etag") != Some(&tag) && now.clone().scim_of(200)?["groups"][0]["value"] == group["id"], "{now}");
    acme.api.call("GET", &at)?.header("if-none-match", &tag).send().await?.expect(200)?;
    // Twenty at once: nothing is lost, none is done twice.
    let racers: Vec<_> = (0..20)
        .map(|n| {
            let (acme, path) = (acme.clone(), path(&user));
            tokio::spawn(async move { acme.patch(&path, json!([{ "op": "add", "path": "ims", "value": [{ "value": n.to_string() }] }])).await })
        })
        .collect();
    let mut done = 0;
    for racer in racers {
        let answer: Answer = racer.await??;
        ensure!(matches!(answer.status, 200 | 412 | 503), "{answer}");
        done += usize::from(answer.status == 200);
    }
    let ims = acme.get(&path(&user)).await?.scim_of(200)?["ims"].as_array().map(Vec::len);
    ensure!(done > 0 && ims == Some(done), "{done} were answered, {ims:?} are there");
    Ok(())
}

async fn members_are_users_whoever_made_them() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let guest = system.joins(&acme.owner, "viewer").await?;
    let shown = acme.get(&format!("/Users/{}", guest.session.user_id)).await?.scim_of(200)?;
    ensure!(shown["userName"] == guest.person.email.as_str() && shown["emails"][0]["value"] == guest.person.email.as_str(), "{shown}");
    // What the directory says of a guest stays with the organisation.
    let named =
        acme.patch(&path(&shown), json!([{ "op": "add", "value": { "name": { "givenName": "Guest" }, "title": "Dr" } }])).await?.scim_of(200)?;
    ensure!(named["name"]["givenName"] == "Guest" && named["title"] == "Dr", "{named}");
    ensure!(guest.session.api.get("/users/me").await?.json_of(200)?["first_name"].is_null());
    // And nobody elsewhere is one of its users.
    let stranger = system.member().await?;
    for id in [&stranger.session.user_id, "019a0000-0000-7000-8000-00000000dead", "x"] {
        acme.get(&format!("/Users/{id}")).await?.scim_error(404, "")?.problem("NOT_FOUND")?;
        acme.api.delete(&format!("/scim/v2/Users/{id}")).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    Ok(())
}

async fn lists_have_pages_and_filters() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let mut names = Vec::new();
    for _ in 0..3 {
        let name = acme.name()?;
        acme.user(&name).await?;
        names.push(name);
    }
    let page = acme.get("/Users?startIndex=2&count=2&attributes=userName").await?.scim_of(200)?;
    ensure!(page["totalResults"] == 4 && page["itemsPerPage"] == 2 && page["startIndex"] == 2, "{page}");
    ensure!(page["Resources"][0]["userName"] == names[0].as_str() && page["Resources"][0].get("name").is_none(), "{page}");
    let none = acme.get("/Users?count=0").await?.scim_of(200)?;
    ensure!(none["totalResults"] == 4 && none["Resources"] == json!([]), "{none}");
    let filter = |text: &str| {
        let query: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("/Users?filter={query}")
    };
    for (text, count) in [
        (format!("userName eq \"{}\"", names[1].to_uppercase()), 1),
        (format!("userName eq \"{}\" or userName eq \"{}\"", names[0], names[1]), 2),
        ("name.familyName sw \"love\" and active eq true".to_owned(), 3),
        ("emails pr and not (name.givenName eq \"Ada\")".to_owned(), 1),
        ("userName eq \"nobody\"".to_owned(), 0),
    ] {
        let found = acme.get(&filter(&text)).await?.scim_of(200)?;
        ensure!(found["totalResults"] == count, "{text}: {found}");
    }
    let body =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "active eq true", "count": 2, "attributes": ["id"] });
    for (at, total) in [("/Users/.search", 4), ("/.search", 4)] {
        let found = acme.send("POST", at, &body).await?.scim_of(200)?;
        ensure!(found["totalResults"] == total && found["itemsPerPage"] == 2, "{at}: {found}");
    }
    Ok(())
}

async fn fifty_at_once_make_one() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let name = acme.name()?;
    let body = json!({ "schemas": [USER], "userName": name });
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let (acme, body) = (acme.clone(), body.clone());
            tokio::spawn(async move { acme.send("POST", "/Users", &body).await })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        let answer = racer.await??;
        match answer.status {
            201 => made += 1,
            // The lock is waited for so long and no longer.
            503 => {}
            _ => drop(answer.scim_error(409, "uniqueness")?),
        }
    }
    ensure!(made == 1, "{made} were made");
    let accounts = "SELECT count(*) FROM users u JOIN user_roles m ON m.user_id = u.id WHERE u.email = $1";
    ensure!(system.database.count(accounts, &[&name]).await? == 1);
    Ok(())
}

/// The token is checked in the round trip of the work. A PATCH of a user looks first at what it changes.
async fn every_call_is_one_round_trip() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let spent = |answer: Answer, most: u32| {
        let trips = answer.round_trips()?;
        ensure!(answer.status < 400 && trips == most, "{trips}: {answer}");
        answer.json()
    };
    let name = acme.name()?;
    let user = spent(acme.send("POST", "/Users", &json!({ "schemas": [USER], "userName": name })).await?, 1)?;
    spent(acme.get(&path(&user)).await?, 1)?;
    spent(acme.get("/Users?filter=active%20eq%20true").await?, 1)?;
    spent(acme.send("PUT", &path(&user), &json!({ "schemas": [USER], "userName": name })).await?, 1)?;
    spent(acme.patch(&path(&user), json!([{ "op": "add", "path": "title", "value": "Dr" }])).await?, 2)?;
    let group = spent(acme.send("POST", "/Groups", &json!({ "schemas": [zygo_tests::directory::GROUP], "displayName": "x" })).await?, 1)?;
    let at = format!("/Groups/{}", group["id"].as_str().context("id")?);
    spent(acme.patch(&at, json!([{ "op": "add", "path": "members", "value": [{ "value": user["id"] }] }])).await?, 1)?;
    spent(acme.get(&at).await?, 1)?;
    spent(acme.get("/Schemas").await?, 0)?;
    Ok(())
}
