//! `GET,POST /webhooks`, `GET,PATCH,DELETE /webhooks/{id}`, `GET …/secret`, `POST …/rotate-secret`

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{organisations::ROLES, shape, tests, webhooks::of, world};

tests![
    from_the_first_to_the_last,
    what_is_no_endpoint_is_refused,
    the_plan_says_how_many,
    of_twenty_the_plan_lets_three_in,
    roles_may_what_they_may,
    another_organisations_is_not_there,
    whoever_looks_at_a_secret_is_on_record,
    a_new_secret_leaves_the_old_one_a_day,
];

const URL: &str = "http://127.0.0.1:9/hook";

async fn from_the_first_to_the_last() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let api = &member.session.api;
    let description = json!({ "url": URL, "event_types": ["user.*", "tenant.updated", "user.*"], "description": " Ours ", "rate_per_second": 5,
        "headers": { "Authorization": "Bearer hunter2", "X-Team": "a" }, "ordered": true });
    let answer = api.post("/webhooks", &description).await?.expect(201)?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let made = answer.json()?;
    ensure!(answer.header("location") == Some(&of(&made, "")?), "{:?}", answer.headers);
    let wanted = [
        "created_at",
        "description",
        "disabled_reason",
        "enabled",
        "event_types",
        "failing_since",
        "header_names",
        "id",
        "ordered",
        "public_key",
        "rate_per_second",
        "updated_at",
        "url",
    ];
    ensure!(shape::members(&made)? == wanted, "{made}");
    ensure!(made["event_types"] == json!(["tenant.updated", "user.*"]) && made["description"] == "Ours" && made["enabled"] == true, "{made}");
    ensure!(made["header_names"] == json!(["authorization", "x-team"]) && made["public_key"].is_null(), "{made}");
    ensure!(!answer.to_string().contains("hunter2"), "a header's value was shown");
    let kept = system.database.column("SELECT row_to_json(w)::text FROM webhooks w WHERE url = $1", &[&URL]).await?;
    ensure!(kept.iter().all(|row| !row.contains("hunter2") && !row.contains("whsec_")), "{kept:?}");

    let read = api.get(&of(&made, "")?).await?.expect(200)?;
    ensure!(read.round_trips()? == 1 && read.json()? == made, "{read}");
    let list = api.get("/webhooks").await?.json_of(200)?;
    ensure!(list["data"] == json!([made]) && list["next_cursor"].is_null(), "{list}");

    let tag = read.header("etag").unwrap_or_default().to_owned();
    let patch = |body: Value, tag: String| {
        let path = of(&made, "");
        async move { api.call("PATCH", &path?)?.header("if-match", &tag).json(&body).send().await }
    };
    let changed =
        patch(json!({ "description": null, "rate_per_second": null, "headers": {}, "event_types": ["*"], "ordered": false }), tag.clone()).await?;
    ensure!(changed.round_trips()? == 1, "{changed}");
    let changed = changed.json_of(200)?;
    ensure!(changed["description"].is_null() && changed["rate_per_second"].is_null() && changed["header_names"] == json!([]), "{changed}");
    patch(json!({ "enabled": false }), tag.clone()).await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    let off = api.patch(&of(&made, "")?, &json!({ "enabled": false })).await?.json_of(200)?;
    ensure!(off["enabled"] == false && off["disabled_reason"].is_null(), "{off}");

    api.call("DELETE", &of(&made, "")?)?.header("if-match", &tag).send().await?.expect(412)?.problem("PRECONDITION_FAILED")?;
    ensure!(api.delete(&of(&made, "")?).await?.expect(204)?.round_trips()? == 1, "more than a round trip");
    for rest in ["", "/secret", "/deliveries"] {
        api.get(&of(&made, rest)?).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    api.delete(&of(&made, "")?).await?.expect(404)?.problem("NOT_FOUND")?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let events = system.database.column("SELECT type FROM events WHERE tenant_id = $1 AND type LIKE 'webhook.%' ORDER BY id", &[&tenant]).await?;
    ensure!(events == ["webhook.created", "webhook.updated", "webhook.updated", "webhook.deleted"], "{events:?}");
    Ok(())
}

async fn what_is_no_endpoint_is_refused() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let long = format!("http://127.0.0.1/{}", "a".repeat(2040));
    for (body, path) in [
        (json!({}), "url"),
        (json!({ "url": "" }), "url"),
        (json!({ "url": 1 }), "url"),
        (json!({ "url": "http://10.0.0.1/" }), "url"),
        (json!({ "url": long }), "url"),
        (json!({ "url": URL, "event_types": [] }), "event_types"),
        (json!({ "url": URL, "event_types": ["user.vanished"] }), "event_types[0]"),
        (json!({ "url": URL, "event_types": ["*.invited"] }), "event_types[0]"),
        (json!({ "url": URL, "rate_per_second": 0 }), "rate_per_second"),
        (json!({ "url": URL, "rate_per_second": 1001 }), "rate_per_second"),
        (json!({ "url": URL, "headers": { "Host": "x" } }), "headers"),
        (json!({ "url": URL, "headers": { "a": "b\r\nc: d" } }), "headers"),
        (json!({ "url": URL, "headers": { "webhook-id": "x" } }), "headers"),
        (json!({ "url": URL, "description": "x".repeat(501) }), "description"),
        (json!({ "url": URL, "secret": "whsec_AAAA" }), "secret"),
    ] {
        let fields = member.session.api.post("/webhooks", &body).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(field, _)| field == path), "{body}: {fields:?}");
    }
    ensure!(member.session.api.get("/webhooks").await?.json_of(200)?["data"] == json!([]), "something was made");
    let made = member.endpoint(&json!({ "url": URL })).await?;
    for body in [json!({ "url": "x" }), json!({ "event_types": [] }), json!({ "rate_per_second": -1 }), json!({ "asymmetric": true })] {
        member.session.api.patch(&of(&made, "")?, &body).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    }
    for path in ["/webhooks?cursor=x", "/webhooks?limit=0"] {
        member.session.api.get(path).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    }
    member.session.api.get(&of(&made, "/deliveries?status=lost")?).await?.expect(422)?.problem("VALIDATION_FAILED")?;
    Ok(())
}

async fn the_plan_says_how_many() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for _ in 0..3 {
        member.endpoint(&json!({ "url": URL })).await?;
    }
    let problem = member.session.api.post("/webhooks", &json!({ "url": URL })).await?.expect(403)?.problem("PLAN_LIMIT")?;
    ensure!(problem["details"]["feature"] == "webhooks", "{problem}");
    let first = member.session.api.get("/webhooks?limit=2").await?.json_of(200)?;
    let cursor = first["next_cursor"].as_str().unwrap_or_default();
    let second = member.session.api.get(&format!("/webhooks?limit=2&cursor={cursor}")).await?.json_of(200)?;
    ensure!(first["data"].as_array().map(Vec::len) == Some(2) && second["data"].as_array().map(Vec::len) == Some(1), "{first} {second}");
    ensure!(second["next_cursor"].is_null(), "{second}");
    Ok(())
}

async fn of_twenty_the_plan_lets_three_in() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let racers: Vec<_> = (0..20)
        .map(|_| {
            let member = member.clone();
            tokio::spawn(async move { member.session.api.post("/webhooks", &json!({ "url": URL })).await })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        match racer.await?? {
            answer if answer.status == 201 => made += 1,
            answer => drop(answer.expect(403)?.problem("PLAN_LIMIT")?),
        }
    }
    ensure!(made == 3, "{made} endpoints");
    Ok(())
}

async fn roles_may_what_they_may() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.business().await?;
    for role in ROLES {
        let api = system.colleague(&owner, role).await?.session.api;
        let (creates, updates, deletes) = match role {
            "owner" | "admin" | "developer" => (true, true, true),
            "manager" => (true, true, false),
            _ => (false, false, false),
        };
        let made = owner.endpoint(&json!({ "url": URL, "enabled": false })).await?;
        let expected = |may: bool, status: u16| if may { status } else { 403 };
        api.get("/webhooks").await?.expect(200)?;
        api.get(&of(&made, "")?).await?.expect(200)?;
        api.get(&of(&made, "/deliveries")?).await?.expect(200)?;
        api.get("/event-types").await?.expect(200)?;
        api.post("/webhooks", &json!({ "url": URL, "enabled": false })).await?.expect(expected(creates, 201))?;
        api.patch(&of(&made, "")?, &json!({ "description": role })).await?.expect(expected(updates, 200))?;
        api.get(&of(&made, "/secret")?).await?.expect(expected(updates, 200))?;
        api.post(&of(&made, "/rotate-secret")?, &json!({})).await?.expect(expected(updates, 200))?;
        api.post(&of(&made, "/test")?, &json!({})).await?.expect(expected(updates, 200))?;
        api.post(&of(&made, "/replay")?, &json!({ "since": "2026-01-01T00:00:00Z" })).await?.expect(expected(updates, 409))?;
        api.delete(&of(&made, "")?).await?.expect(expected(deletes, 204))?;
    }
    Ok(())
}

async fn another_organisations_is_not_there() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = tokio::try_join!(system.member(), system.member())?;
    let made = theirs.endpoint(&json!({ "url": URL, "event_types": ["role.*"] })).await?;
    let api = &mine.session.api;
    for rest in ["", "/secret", "/deliveries", "/deliveries/01890000-0000-7000-8000-000000000000"] {
        api.get(&of(&made, rest)?).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    api.patch(&of(&made, "")?, &json!({ "enabled": false })).await?.expect(404)?.problem("NOT_FOUND")?;
    api.delete(&of(&made, "")?).await?.expect(404)?.problem("NOT_FOUND")?;
    for (rest, body) in [("/rotate-secret", json!({})), ("/test", json!({})), ("/replay", json!({ "since": "2026-01-01T00:00:00Z" }))] {
        api.post(&of(&made, rest)?, &body).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    ensure!(theirs.session.api.get(&of(&made, "")?).await?.json_of(200)? == made, "it was changed");
    Ok(())
}

async fn whoever_looks_at_a_secret_is_on_record() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let made = member.endpoint(&json!({ "url": URL, "asymmetric": true, "event_types": ["role.*"] })).await?;
    ensure!(made["public_key"].as_str().is_some_and(|key| key.starts_with("whpk_")), "{made}");
    let tag = member.session.api.get(&of(&made, "")?).await?.header("etag").map(str::to_owned);
    let seen = member.session.api.get(&of(&made, "/secret")?).await?.expect(200)?;
    ensure!(seen.round_trips()? == 1 && seen.header("cache-control") == Some("no-store"), "{seen}");
    let secret = seen.json()?;
    ensure!(shape::members(&secret)? == ["previous_public_key", "previous_secret", "previous_until", "public_key", "secret"], "{secret}");
    ensure!(secret["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_") && secret.len() == 50), "{secret}");
    ensure!(secret["public_key"] == made["public_key"] && secret["previous_secret"].is_null(), "{secret}");
    let id: uuid::Uuid = made["id"].as_str().unwrap_or_default().parse()?;
    let rows = "SELECT actor FROM audit_logs WHERE resource_type = 'webhooks' AND resource_id = $1 AND action = 'webhooks.update' \
                AND after ? 'secret_shown_at'";
    let looked = system.database.column(rows, &[&id]).await?;
    ensure!(looked == [format!("user:{}", member.session.user_id)], "{looked:?}");
    let again = member.session.api.get(&of(&made, "")?).await?.header("etag").map(str::to_owned);
    ensure!(tag == again, "to look is no change");
    Ok(())
}

async fn a_new_secret_leaves_the_old_one_a_day() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let made = member.endpoint(&json!({ "url": URL })).await?;
    let first = member.secret(&made).await?;
    let rotated = member.session.api.post(&of(&made, "/rotate-secret")?, &json!({ "asymmetric": true })).await?.json_of(200)?;
    ensure!(rotated["public_key"].is_string(), "{rotated}");
    let second = member.secret(&made).await?;
    ensure!(second["previous_secret"] == first["secret"] && second["secret"] != first["secret"], "it is not both");
    ensure!(second["previous_public_key"].is_null() && second["public_key"] == rotated["public_key"], "{rotated}");
    let id: uuid::Uuid = made["id"].as_str().unwrap_or_default().parse()?;
    let left =
        "SELECT count(*) FROM webhooks WHERE id = $1 AND previous_secret_until BETWEEN now() + interval '23 hours' AND now() + interval '24 hours'";
    ensure!(system.database.count(left, &[&id]).await? == 1, "not a day");
    system.database.execute("UPDATE webhooks SET previous_secret_until = now() - interval '1 second' WHERE id = $1", &[&id]).await?;
    let third = member.secret(&made).await?;
    ensure!(third["previous_secret"].is_null() && third["previous_until"].is_null() && third["secret"] == second["secret"], "it is still there");
    Ok(())
}
