//! `/auth/devices`, and what trusting one spares.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Answer, Person, factors::challenge_of, forge, shape, tests, world};

tests![
    a_trusted_device_is_not_asked_again,
    a_browser_keeps_it_in_a_cookie,
    it_spares_no_step_up,
    trust_ends_when_it_is_taken_back,
    trust_is_its_persons,
    trust_ends_after_thirty_days,
    whoever_ends_the_other_sessions_trusts_no_device,
];

/// Answers a challenge, and has the device trusted.
async fn trusting(person: &Person, code: &str) -> Result<Value> {
    let input = json!({ "challenge_token": person.challenge().await?, "code": code, "trust_device": true });
    person.api.post("/auth/mfa/challenge", &input).await?.json_of(200)
}

async fn sign_in_with(person: &Person, device_token: &str) -> Result<Answer> {
    person.api.post("/auth/login", &json!({ "email": person.email, "password": person.password, "device_token": device_token })).await
}

async fn a_trusted_device_is_not_asked_again() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let trusted = trusting(&person, &app.code(0)?).await?;
    let token = trusted["device_token"].as_str().context("device_token")?;
    let answer = sign_in_with(&person, token).await?;
    ensure!(answer.round_trips()? <= 2, "{answer}");
    let again = answer.json_of(200)?;
    let claims = forge::claims(again["access_token"].as_str().context("a session")?)?;
    ensure!(claims["amr"] == json!(["pwd"]) && claims["mfa_at"].is_null(), "{claims}");
    ensure!(again.get("device_token").is_none(), "{again}");
    // Not without it, nor with the wrong password.
    challenge_of(&person.try_sign_in().await?)?;
    sign_in_with(&person.with_password("Heron-Lantern-Quartz wrong"), token).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;

    let listed = session.api.get("/auth/devices").await?;
    ensure!(listed.round_trips()? == 1, "{listed}");
    let listed = listed.json_of(200)?;
    let devices = listed["data"].as_array().context("data")?;
    ensure!(devices.len() == 1 && listed["next_cursor"].is_null(), "{listed}");
    ensure!(shape::members(&devices[0])? == ["created_at", "current", "expires_at", "id", "last_used_at", "name"], "{listed}");
    ensure!(devices[0]["name"] == "zygo-tests/1" && devices[0]["current"] == false, "{listed}");
    let life = shape::instant(&devices[0]["expires_at"])?.duration_since(shape::instant(&devices[0]["created_at"])?);
    ensure!(life.as_secs() == 30 * 24 * 3600, "thirty days: {listed}");
    let user: uuid::Uuid = session.user_id.parse()?;
    let row = system.database.sql().await?.query_one("SELECT to_jsonb(d)::text FROM trusted_devices d WHERE user_id = $1", &[&user]).await?;
    ensure!(!row.get::<_, String>(0).contains(token.trim_start_matches("zt_")), "only a hash is kept");
    Ok(())
}

async fn a_browser_keeps_it_in_a_cookie() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let login = json!({ "email": person.email, "password": person.password, "cookie": true });
    let token = challenge_of(&person.api.post("/auth/login", &login).await?)?;
    let input = json!({ "challenge_token": token, "code": app.code(0)?, "trust_device": true });
    let answer = person.api.post("/auth/mfa/challenge", &input).await?.expect(200)?;
    ensure!(answer.json()?.get("device_token").is_none(), "{answer}");
    let cookies = answer.header_values("set-cookie");
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("__Host-zygo_device=zt_")).context("no cookie")?;
    for part in ["; Path=/", "; Max-Age=2592000", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        ensure!(cookie.contains(part), "{cookie}");
    }
    let pair = cookie.split(';').next().context("a pair")?;
    let again = person.api.call("POST", "/auth/login")?.json(&login).header("cookie", pair).send().await?.json_of(200)?;
    ensure!(again["access_token"].is_string(), "{again}");
    let listed = session.api.call("GET", "/auth/devices")?.header("cookie", pair).send().await?.json_of(200)?;
    ensure!(listed["data"][0]["current"] == true, "{listed}");
    Ok(())
}

async fn it_spares_no_step_up() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let trusted = trusting(&person, &app.code(0)?).await?;
    let again = sign_in_with(&person, trusted["device_token"].as_str().context("device_token")?).await?.json_of(200)?;
    let api = person.api.with(again["access_token"].as_str().context("a session")?);
    api.post("/auth/mfa/backup-codes", &json!({})).await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    Ok(())
}

async fn trust_ends_when_it_is_taken_back() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let trusted = trusting(&person, &app.code(0)?).await?;
    let token = trusted["device_token"].as_str().context("device_token")?;
    let id = session.api.get("/auth/devices").await?.json_of(200)?["data"][0]["id"].as_str().context("id")?.to_owned();
    let (_, other) = system.session().await?;
    other.api.delete(&format!("/auth/devices/{id}")).await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.delete(&format!("/auth/devices/{id}")).await?.expect(204)?;
    session.api.delete(&format!("/auth/devices/{id}")).await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.delete("/auth/devices/none").await?.expect(404)?.problem("NOT_FOUND")?;
    challenge_of(&sign_in_with(&person, token).await?)?;
    Ok(())
}

async fn trust_is_its_persons() -> Result<()> {
    let system = world::shared().await?;
    let (ada, _, app, _) = system.person_with_totp().await?;
    let (eve, ..) = system.person_with_totp().await?;
    let trusted = trusting(&ada, &app.code(0)?).await?;
    let token = trusted["device_token"].as_str().context("device_token")?;
    challenge_of(&sign_in_with(&eve, token).await?)?;
    for odd in ["", "x", "zt_", &token[..token.len() - 1], &token.replace("zt_", "zf_"), &format!("{token}A")] {
        challenge_of(&sign_in_with(&ada, odd).await?).with_context(|| odd.to_owned())?;
    }
    ensure!(sign_in_with(&ada, token).await?.json_of(200)?["access_token"].is_string(), "it is still trusted");
    Ok(())
}

async fn trust_ends_after_thirty_days() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let trusted = trusting(&person, &app.code(0)?).await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute("UPDATE trusted_devices SET expires_at = now() WHERE user_id = $1", &[&user]).await?;
    challenge_of(&sign_in_with(&person, trusted["device_token"].as_str().context("device_token")?).await?)?;
    ensure!(session.api.get("/auth/devices").await?.json_of(200)?["data"] == json!([]), "it is not listed");
    Ok(())
}

async fn whoever_ends_the_other_sessions_trusts_no_device() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    let trusted = trusting(&person, &app.code(0)?).await?;
    let half = person.challenge().await?;
    session.api.post("/auth/logout", &json!({ "scope": "others" })).await?.expect(204)?;
    challenge_of(&sign_in_with(&person, trusted["device_token"].as_str().context("device_token")?).await?)?;
    person.answer(&half, "totp", &app.code(1)?).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    Ok(())
}
