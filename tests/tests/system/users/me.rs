//! `/users/me`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{shape, tests, world};

tests![says_who_is_calling, a_change_shows_and_the_rest_stays, bad_fields_change_nothing, in_a_tenant_it_tells_the_role];

async fn says_who_is_calling() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let me = session.api.get("/users/me").await?.json_of(200)?;
    let members = [
        "active_tenant",
        "avatar_url",
        "created_at",
        "email",
        "email_verified",
        "first_name",
        "id",
        "last_name",
        "locale",
        "memberships",
        "mfa",
        "permissions",
        "timezone",
    ];
    ensure!(shape::members(&me)? == members, "{me}");
    ensure!(me["id"] == session.user_id.as_str() && me["email"] == person.email.as_str() && me["email_verified"] == true, "{me}");
    ensure!(me["mfa"] == json!({ "enabled": false, "factors": [] }), "{me}");
    ensure!(me["memberships"] == json!([]) && me["active_tenant"].is_null() && me["permissions"] == json!([]), "{me}");
    shape::instant(&me["created_at"])?;
    Ok(())
}

async fn in_a_tenant_it_tells_the_role() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let me = member.session.api.at(&member.host).get("/users/me").await?.json_of(200)?;
    ensure!(shape::members(&me["active_tenant"])? == ["id", "name", "slug"], "{me}");
    let [membership] = me["memberships"].as_array().context("no memberships")?.as_slice() else { anyhow::bail!("{me}") };
    ensure!(membership["tenant"]["id"] == member.tenant_id.as_str() && membership["tenant"]["slug"] == member.slug.as_str(), "{me}");
    ensure!(shape::members(&membership["role"])? == ["id", "key", "level", "name"], "{me}");
    ensure!(membership["role"]["key"] == "owner" && membership["role"]["level"] == 100, "{me}");
    Ok(())
}

async fn a_change_shows_and_the_rest_stays() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let before = session.api.get("/users/me").await?.json_of(200)?;
    let change = json!({ "first_name": "  Zoë <b>\"'& ", "locale": "DE", "timezone": "Europe/Berlin" });
    let changed = session.api.patch("/users/me", &change).await?.json_of(200)?;
    let mut expected = before.clone();
    for (member, value) in [("first_name", "Zoë <b>\"'&"), ("locale", "de"), ("timezone", "Europe/Berlin")] {
        expected[member] = value.into();
    }
    ensure!(changed == expected, "{changed}\n{expected}");
    ensure!(session.api.get("/users/me").await?.json_of(200)? == expected, "the change did not last");

    // Absent stays, null clears, and nothing changes nothing.
    let cleared = session.api.patch("/users/me", &json!({ "first_name": null })).await?.json_of(200)?;
    ensure!(cleared["first_name"].is_null() && cleared["locale"] == "de", "{cleared}");
    ensure!(session.api.patch("/users/me", &json!({})).await?.json_of(200)? == cleared, "an empty change changed something");
    Ok(())
}

async fn bad_fields_change_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let before = session.api.get("/users/me").await?.json_of(200)?;
    let long = "x".repeat(101);
    let cases: Vec<(&str, Value)> = vec![
        ("first_name", json!("")),
        ("first_name", json!(long)),
        ("first_name", json!(7)),
        ("last_name", json!("a\u{0}")),
        ("last_name", json!(["a"])),
        ("locale", json!("en_US")),
        ("locale", json!(null)),
        ("timezone", json!("../../etc/passwd")),
        ("timezone", json!("Europe Berlin")),
        ("email", json!("other@example.com")),
        ("id", json!("019a0000-0000-7000-8000-000000000001")),
        ("email_verified", json!(true)),
        ("status", json!("active")),
    ];
    for (field, value) in cases {
        let answer = session.api.patch("/users/me", &json!({ "last_name": "Changed", field: value })).await?;
        // `null` for a text that always has a value may be refused or read as absent, but never kept.
        if value.is_null() && answer.status == 200 {
            ensure!(!answer.json()?[field].is_null(), "{field} became null");
            session.api.patch("/users/me", &json!({ "last_name": null })).await?.expect(200)?;
            continue;
        }
        let fields = answer.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == field), "{field} = {value}: {fields:?}");
    }
    ensure!(session.api.get("/users/me").await?.json_of(200)? == before, "a refused change changed something");
    Ok(())
}
