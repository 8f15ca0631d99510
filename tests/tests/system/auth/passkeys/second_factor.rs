//! A passkey as second factor, and to step up.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_test_authenticator::Kind;
use zygo_tests::{
    Person, Session, forge,
    passkeys::{answer, device, finish, start},
    tests, world,
};

tests![
    it_answers_a_challenge,
    anothers_does_not,
    wrong_answers_count,
    somebody_without_one_here_is_told,
    it_steps_up,
    a_stolen_session_brings_no_passkey_of_its_own,
];

async fn challenge(person: &Person) -> Result<String> {
    let asked = person.try_sign_in().await?.json_of(200)?;
    ensure!(asked["mfa_required"] == true && asked["factors"] == json!(["passkey"]), "{asked}");
    asked["challenge_token"].as_str().map(str::to_owned).context("no token")
}

async fn it_answers_a_challenge() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let token = challenge(&person).await?;
    let started = start(&person.api, "login", &json!({ "challenge_token": token })).await?;
    let allowed = started["options"]["allowCredentials"].as_array().context("allowCredentials")?;
    ensure!(allowed.len() == 1, "{started}");
    let mut body = answer(&person.api, &mut device, &started);
    // The ceremony of a second factor signs nobody in by itself.
    finish(&person.api, "login", &body).await?.expect(401)?.problem("TOKEN_INVALID")?;
    body["challenge_token"] = json!(token);
    let answered = finish(&person.api, "login", &body).await?;
    ensure!(answered.round_trips()? <= 2, "{answered}");
    let signed_in = Session::read(answered, &person.api)?;
    ensure!(forge::claims(&signed_in.access)?["amr"] == json!(["pwd", "hwk", "user", "mfa"]), "{}", signed_in.body);
    finish(&person.api, "login", &body).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    Ok(())
}

async fn anothers_does_not() -> Result<()> {
    let system = world::shared().await?;
    let ((one, ones), (_, twos)) = (system.session().await?, system.session().await?);
    let (mut own, mut foreign) = (device(Kind::P256)?, device(Kind::P256)?);
    ones.add_passkey(&mut own).await?;
    twos.add_passkey(&mut foreign).await?;
    let token = challenge(&one).await?;
    let started = start(&one.api, "login", &json!({ "challenge_token": token })).await?;
    let mut body = answer(&one.api, &mut foreign, &started);
    body["challenge_token"] = json!(token);
    finish(&one.api, "login", &body).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn wrong_answers_count() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let mut device = device(Kind::P256)?;
    session.add_passkey(&mut device).await?;
    let token = challenge(&person).await?;
    let mut body = Value::Null;
    for _ in 0..5 {
        let started = start(&person.api, "login", &json!({ "challenge_token": token })).await?;
        let mut bent = device.clone();
        bent.rp_id = Some("evil.example".into());
        body = answer(&person.api, &mut bent, &started);
        body["challenge_token"] = json!(token);
        finish(&person.api.from_elsewhere(), "login", &body).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    }
    finish(&person.api.from_elsewhere(), "login", &body).await?.expect(429)?.problem("ACCOUNT_LOCKED")?;
    let begun = person.api.post("/auth/passkeys/login/start", &json!({ "challenge_token": token })).await?;
    begun.expect(429)?.problem("ACCOUNT_LOCKED")?;
    Ok(())
}

async fn somebody_without_one_here_is_told() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    // Made at the API's host, it is none for the organisation's.
    member.session.add_passkey(&mut device(Kind::P256)?).await?;
    let there = member.person.at(&member.host);
    let token = challenge(&there).await?;
    let begun = there.api.post("/auth/passkeys/login/start", &json!({ "challenge_token": token })).await?;
    begun.expect(404)?.problem("NOT_FOUND")?;
    let odd = there.api.post("/auth/passkeys/login/start", &json!({ "challenge_token": "zc_odd" })).await?;
    odd.expect(401)?.problem("TOKEN_INVALID")?;
    Ok(())
}

async fn it_steps_up() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let none = session.api.post("/auth/passkeys/step-up/start", &json!({})).await?;
    none.expect(404)?.problem("NOT_FOUND")?;
    let mut device = device(Kind::Ed25519)?;
    session.add_passkey(&mut device).await?;
    let started = start(&session.api, "step-up", &json!({})).await?;
    let body = answer(&session.api, &mut device, &started);
    let answered = finish(&session.api, "step-up", &body).await?;
    ensure!(answered.round_trips()? <= 2, "{answered}");
    let fresh = answered.json_of(200)?;
    let claims = forge::claims(fresh["access_token"].as_str().context("no token")?)?;
    ensure!(claims["mfa_at"].is_i64() && claims["sid"] == session.id.as_str(), "{claims}");
    finish(&session.api, "step-up", &body).await?.expect(410)?.problem("TOKEN_CONSUMED")?;
    let started = start(&session.api, "step-up", &json!({})).await?;
    let mut bent = device.clone();
    bent.flags = 1;
    finish(&session.api, "step-up", &answer(&session.api, &mut bent, &started)).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn a_stolen_session_brings_no_passkey_of_its_own() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let stolen = person.sign_in().await?;
    // Until there is a second factor, a session is all there is to show.
    let id = session.add_passkey(&mut device(Kind::P256)?).await?;
    let begun = stolen.api.post("/auth/passkeys/register/start", &json!({})).await?;
    begun.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    stolen.api.delete(&format!("/auth/passkeys/{id}")).await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    ensure!(stolen.passkeys().await?.len() == 1, "it is gone");
    // The session that brought it was verified with it, for a while.
    session.add_passkey(&mut device(Kind::P256)?).await?;
    Ok(())
}
