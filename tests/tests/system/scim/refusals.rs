//! What a directory is refused, each in SCIM's words and with the house's code.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    directory::{GROUP, PATCH, USER},
    random, tests, world,
};

tests![
    without_a_good_token,
    at_another_organisations_host,
    a_suspended_organisation,
    what_is_no_user,
    what_is_no_filter,
    what_is_no_patch,
    addresses_of_others_domains,
    a_full_plan,
    oversized_and_mistyped_bodies,
    paths_and_methods_that_are_none,
    documents_are_everybodys,
];

async fn without_a_good_token() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let jwt = acme.owner.session.access.clone();
    let turned = format!("{}{}", &acme.token[..acme.token.len() - 2], if acme.token.ends_with("AA") { "QQ" } else { "AA" });
    for (method, path) in
        [("GET", "/Users"), ("POST", "/Users"), ("PUT", "/Users/x"), ("PATCH", "/Groups/x"), ("DELETE", "/Users/x"), ("POST", "/.search")]
    {
        for host in ["localhost", acme.owner.host.as_str()] {
            let call = |token: Option<&str>| {
                let api = token.map_or_else(|| acme.api.without_token(), |token| acme.api.with(token)).at(host);
                let call = api.call(method, &format!("/scim/v2{path}"))?;
                anyhow::Ok(if method == "GET" || method == "DELETE" {
                    call
                } else {
                    call.json(&json!({ "schemas": [USER], "userName": "x@y.example" }))
                })
            };
            call(None)?.send().await?.scim_error(401, "")?.problem("UNAUTHENTICATED")?;
            for token in ["x", "zs_", jwt.as_str()] {
                let answer = call(Some(token))?.send().await?.scim_error(401, "")?;
                answer.problem("TOKEN_INVALID").with_context(|| format!("{method} {path}"))?;
                ensure!(answer.header("www-authenticate") == Some("Bearer"), "{answer}");
            }
        }
    }
    // Well made, and none.
    acme.api.with(&turned).get("/scim/v2/Users").await?.scim_error(401, "")?.problem("TOKEN_INVALID")?;
    // A directory's token is good for nothing else.
    acme.api.get("/users/me").await?.expect(401)?.problem("TOKEN_INVALID")?;
    Ok(())
}

async fn at_another_organisations_host() -> Result<()> {
    let system = world::federated().await?;
    let (acme, theirs) = (system.directory().await?, system.directory().await?);
    acme.api.at(&acme.owner.host).get("/scim/v2/Users").await?.scim_of(200)?;
    let there = acme.api.at(&theirs.owner.host);
    there.get("/scim/v2/Users").await?.scim_error(403, "")?.problem("TENANT_MISMATCH")?;
    let tenant: uuid::Uuid = theirs.owner.tenant_id.parse()?;
    let events = "SELECT count(*) FROM security_events WHERE tenant_id = $1 AND kind = 'token.tenant_mismatch'";
    zygo_tests::eventually(async || {
        ensure!(system.database.count(events, &[&tenant]).await? == 1);
        Ok(())
    })
    .await?;
    // One that is no good anywhere is not worth an event.
    let tampered = format!("{}AA", &acme.token[..acme.token.len() - 2]);
    if tampered != acme.token {
        there.with(&tampered).get("/scim/v2/Users").await?.scim_error(401, "")?.problem("TOKEN_INVALID")?;
    }
    acme.api.at("admin.localhost").get("/scim/v2/Users").await?.scim_error(404, "")?.problem("NOT_FOUND")?;
    Ok(())
}

async fn a_suspended_organisation() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let tenant: uuid::Uuid = acme.owner.tenant_id.parse()?;
    for (status, answered, code) in [("suspended", 403, "TENANT_SUSPENDED"), ("deleted", 410, "TENANT_DELETED")] {
        system.database.execute("UPDATE tenants SET status = $2 WHERE id = $1", &[&tenant, &status]).await?;
        acme.get("/Users").await?.scim_error(answered, "")?.problem(code)?;
        acme.send("POST", "/Users", &json!({ "schemas": [USER], "userName": acme.name()? })).await?.expect(answered)?.problem(code)?;
    }
    Ok(())
}

async fn what_is_no_user() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let name = acme.name()?;
    let user = |mut more: Value| {
        if let Some(body) = more.as_object_mut() {
            body.entry("schemas").or_insert(json!([USER]));
            body.entry("userName").or_insert(name.as_str().into());
        }
        more
    };
    for (body, scim_type) in [
        (json!([]), "invalidSyntax"),
        (json!({ "userName": name }), "invalidSyntax"),
        (json!({ "schemas": [GROUP], "userName": name }), "invalidSyntax"),
        (user(json!({ "shoeSize": 9 })), "invalidSyntax"),
        (user(json!({ "name": { "shoe": 9 } })), "invalidSyntax"),
        (json!({ "schemas": [USER] }), "invalidValue"),
        (user(json!({ "userName": "no address" })), "invalidValue"),
        (user(json!({ "active": "perhaps" })), "invalidValue"),
        (user(json!({ "emails": [{ "value": "nobody" }] })), "invalidValue"),
        (user(json!({ "title": "x".repeat(3000) })), "invalidValue"),
        (user(json!({ "title": "a\u{0}b" })), "invalidValue"),
    ] {
        acme.send("POST", "/Users", &body).await?.scim_error(400, scim_type).with_context(|| format!("{body:.80}"))?;
    }
    let made = acme.user(&name).await?;
    acme.send("POST", "/Users", &user(json!({}))).await?.scim_error(409, "uniqueness")?.problem("CONFLICT")?;
    let other = acme.user(&acme.name()?).await?;
    let path = format!("/Users/{}", other["id"].as_str().context("id")?);
    acme.send("PUT", &path, &user(json!({}))).await?.scim_error(409, "uniqueness")?;
    acme.patch(&path, json!([{ "op": "replace", "path": "userName", "value": made["userName"] }])).await?.scim_error(409, "uniqueness")?;
    ensure!(acme.get(&path).await?.scim_of(200)? == other, "nothing of it was done");
    Ok(())
}

async fn what_is_no_filter() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let long = format!("userName eq \"{}\"", "x".repeat(5000));
    let deep = format!("{}title pr{}", "(".repeat(40), ")".repeat(40));
    for filter in [
        "userName",
        "shoeSize eq 9",
        "userName eq",
        "active gt true",
        "name eq \"x\"",
        "userName eq \"x\" and",
        "emails[type",
        "x'; DROP TABLE users; --",
        &long,
        &deep,
    ] {
        let answer = acme.get(&format!("/Users?filter={}", escaped(filter))).await?;
        answer.scim_error(400, "invalidFilter").with_context(|| format!("{filter:.60}"))?.problem("BAD_REQUEST")?;
        acme.send("POST", "/Users/.search", &json!({ "filter": filter })).await?.scim_error(400, "invalidFilter")?;
    }
    acme.get("/Groups?filter=userName%20pr").await?.scim_error(400, "invalidFilter")?;
    acme.get("/Users?startIndex=x").await?.scim_error(400, "invalidValue")?;
    acme.send("POST", "/.search", &json!({ "count": "x" })).await?.scim_error(400, "invalidValue")?;
    acme.send("POST", "/.search", &json!({ "filter": "shoe pr" })).await?.scim_error(400, "invalidFilter")?;
    Ok(())
}

async fn what_is_no_patch() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let user = acme.user(&acme.name()?).await?;
    let path = format!("/Users/{}", user["id"].as_str().context("id")?);
    for (operation, scim_type) in [
        (json!({ "op": "move", "path": "title", "value": "x" }), "invalidSyntax"),
        (json!({ "op": "add", "value": "x" }), "invalidSyntax"),
        (json!({ "op": "remove" }), "noTarget"),
        (json!({ "op": "replace", "path": "emails[type eq \"fax\"].value", "value": "x" }), "noTarget"),
        (json!({ "op": "add", "path": "shoeSize", "value": "9" }), "invalidPath"),
        (json!({ "op": "add", "path": "emails[", "value": "9" }), "invalidPath"),
        (json!({ "op": "add", "path": "emails[shoe pr].value", "value": "9" }), "invalidFilter"),
        (json!({ "op": "replace", "path": "id", "value": "9" }), "mutability"),
        (json!({ "op": "remove", "path": "userName" }), "invalidValue"),
        (json!({ "op": "replace", "path": "active", "value": 7 }), "invalidValue"),
    ] {
        acme.patch(&path, json!([operation])).await?.scim_error(400, scim_type).with_context(|| operation.to_string())?;
    }
    // One that cannot be done undoes all.
    let both = json!([{ "op": "add", "path": "title", "value": "x" }, { "op": "remove", "path": "userName" }]);
    acme.patch(&path, both).await?.expect(400)?;
    ensure!(acme.get(&path).await?.scim_of(200)? == user);
    acme.send("PATCH", &path, &json!({ "schemas": [PATCH] })).await?.scim_error(400, "invalidSyntax")?;
    acme.patch(&path, Value::Array(vec![json!({ "op": "add", "path": "title", "value": "x" }); 1001])).await?.scim_error(400, "tooMany")?;
    Ok(())
}

async fn addresses_of_others_domains() -> Result<()> {
    let system = world::federated().await?;
    let (acme, theirs) = (system.directory().await?, system.directory().await?);
    let (victim, _) = system.session().await?;
    for address in [theirs.name()?, victim.email.clone(), format!("{}@sub.{}", random::word()?, acme.domain)] {
        let body = json!({ "schemas": [USER], "userName": acme.name()?, "emails": [{ "value": address, "primary": true }] });
        acme.send("POST", "/Users", &body).await?.scim_error(400, "invalidValue")?.problem("BAD_REQUEST")?;
    }
    // An address that somebody has is not told apart from one that nobody has.
    victim.sign_in().await?;
    Ok(())
}

async fn a_full_plan() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let tenant: uuid::Uuid = acme.owner.tenant_id.parse()?;
    let full = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (gen_random_uuid(), $1, 'members', '2')";
    system.database.execute(full, &[&tenant]).await?;
    acme.user(&acme.name()?).await?;
    acme.send("POST", "/Users", &json!({ "schemas": [USER], "userName": acme.name()? })).await?.scim_error(403, "")?.problem("PLAN_LIMIT")?;
    Ok(())
}

async fn oversized_and_mistyped_bodies() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    let post = |path: &str| acme.api.call("POST", &format!("/scim/v2{path}"));
    for (path, limit) in [("/Users", 256 * 1024), ("/Groups", 1024 * 1024)] {
        let long = format!("{{\"schemas\":[],\"x\":\"{}\"}}", "x".repeat(limit));
        let call = post(path)?.header("content-type", "application/scim+json").body(long);
        call.send().await?.scim_error(413, "")?.problem("BODY_TOO_LARGE")?;
        for kind in ["text/plain", "application/xml", ""] {
            post(path)?.header("content-type", kind).body("{}").send().await?.scim_error(415, "")?.problem("UNSUPPORTED_MEDIA_TYPE")?;
        }
        for kind in ["application/json", "application/scim+json; charset=utf-8"] {
            post(path)?.header("content-type", kind).body("{}").send().await?.scim_error(400, "invalidSyntax")?;
        }
        for body in ["{", "", "{\"a\":1,\"a\":2}", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"] {
            post(path)?
                .header("content-type", "application/json")
                .body(body)
                .send()
                .await?
                .scim_error(400, "invalidSyntax")?
                .problem("MALFORMED_JSON")?;
        }
    }
    Ok(())
}

async fn paths_and_methods_that_are_none() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.directory().await?;
    for path in ["/", "/Me", "/Bulk", "/users", "/Users/", "/Users/x/y", "/Schemas/urn:x", "/ResourceTypes/user"] {
        acme.get(path).await?.scim_error(404, "")?.problem("NOT_FOUND")?;
    }
    for (method, path) in [("DELETE", "/Users"), ("PUT", "/Groups"), ("POST", "/Schemas"), ("PATCH", "/ServiceProviderConfig")] {
        let answer = acme.api.call(method, &format!("/scim/v2{path}"))?.send().await?.scim_error(405, "")?;
        answer.problem("METHOD_NOT_ALLOWED")?;
        ensure!(answer.header("allow").is_some(), "{answer}");
    }
    Ok(())
}

async fn documents_are_everybodys() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for host in ["localhost", owner.host.as_str()] {
        let api = system.api()?.at(host);
        let config = api.get("/scim/v2/ServiceProviderConfig").await?.scim_of(200)?;
        ensure!(config["patch"]["supported"] == true && config["bulk"]["supported"] == false, "{config}");
        ensure!(config["meta"]["location"] == format!("http://{host}/scim/v2/ServiceProviderConfig"), "{config}");
        for schema in api.get("/scim/v2/Schemas").await?.scim_of(200)?["Resources"].as_array().context("no list")? {
            let id = schema["id"].as_str().context("id")?;
            ensure!(api.get(&format!("/scim/v2/Schemas/{id}")).await?.scim_of(200)? == *schema);
        }
        ensure!(api.get("/scim/v2/ResourceTypes/Group").await?.scim_of(200)?["endpoint"] == "/Groups");
    }
    Ok(())
}
