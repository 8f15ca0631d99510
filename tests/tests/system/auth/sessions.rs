//! `GET /auth/sessions` and `DELETE /auth/sessions/{id}`

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Session, eventually_within, shape, tests, world};

tests![lists_the_callers_live_sessions, ends_one_of_them, nobody_elses_is_there];

fn ids(list: &Value) -> Result<Vec<&str>> {
    list["data"].as_array().context("no data")?.iter().map(|session| session["id"].as_str().context("no id")).collect()
}

async fn lists_the_callers_live_sessions() -> Result<()> {
    let system = world::shared().await?;
    let (person, first) = system.session().await?;
    let elsewhere = person.from_elsewhere();
    let input = json!({ "email": person.email, "password": person.password, "device_name": "Phone" });
    let second = Session::read(elsewhere.api.post("/auth/login", &input).await?, &elsewhere.api)?;
    let member = system.member_of_new(person, &first).await?;

    let list = first.api.get("/auth/sessions").await?.json_of(200)?;
    ensure!(shape::members(&list)? == ["data", "next_cursor"] && list["next_cursor"].is_null(), "{list}");
    let found = ids(&list)?;
    ensure!(found.len() == 3, "{list}");
    for session in [&first, &second, &member.session] {
        ensure!(found.contains(&session.id.as_str()), "{} is missing", session.id);
    }
    let of = |id: &str| list["data"].as_array().and_then(|data| data.iter().find(|session| session["id"] == id)).context("there").cloned();
    let phone = of(&second.id)?;
    ensure!(phone["device"] == "Phone" && phone["ip"] == elsewhere.api.address() && phone["current"] == false, "{phone}");
    ensure!(of(&first.id)?["current"] == true && of(&first.id)?["tenant_id"].is_null(), "{list}");
    ensure!(of(&member.session.id)?["tenant_id"] == member.tenant_id.as_str(), "{list}");
    for session in list["data"].as_array().context("no data")? {
        for member in ["created_at", "last_seen_at", "expires_at"] {
            shape::instant(&session[member])?;
        }
        ensure!(session.get("country").is_some(), "no country in {session}");
        let text = session.to_string();
        ensure!(!text.contains("zr_") && !text.contains("hash"), "{text}");
    }
    Ok(())
}

async fn ends_one_of_them() -> Result<()> {
    let system = world::shared().await?;
    let (person, first) = system.session().await?;
    let second = person.from_elsewhere().sign_in().await?;
    let path = format!("/auth/sessions/{}", second.id);
    first.api.delete(&path).await?.expect(204)?;
    second.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    let over = async || second.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED");
    eventually_within(Duration::from_secs(10), over).await?;
    first.api.delete(&path).await?.expect(404)?.problem("NOT_FOUND")?;
    let list = first.api.get("/auth/sessions").await?.json_of(200)?;
    ensure!(ids(&list)? == [first.id.as_str()], "{list}");

    // Also one in an organisation, from outside of it; and one's own.
    let member = system.member_of_new(person, &first).await?;
    first.api.delete(&format!("/auth/sessions/{}", member.session.id)).await?.expect(204)?;
    member.session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    first.api.delete(&format!("/auth/sessions/{}", first.id)).await?.expect(204)?;
    first.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}

async fn nobody_elses_is_there() -> Result<()> {
    let system = world::shared().await?;
    let ((_, mine), (_, theirs)) = tokio::try_join!(system.session(), system.session())?;
    let foreign = mine.api.delete(&format!("/auth/sessions/{}", theirs.id)).await?.expect(404)?;
    foreign.problem("NOT_FOUND")?;
    let unknown = mine.api.delete("/auth/sessions/019a0000-0000-7000-8000-000000000001").await?.expect(404)?;
    ensure!(foreign.alike()? == unknown.alike()?, "somebody else's session is told apart from none");
    for odd in ["x", "..", "%00", "00000000-0000-0000-0000-000000000000", &"1".repeat(500)] {
        mine.api.delete(&format!("/auth/sessions/{odd}")).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    theirs.api.get("/users/me").await?.expect(200)?;
    theirs.refresh().await?.expect(200)?;
    Ok(())
}
