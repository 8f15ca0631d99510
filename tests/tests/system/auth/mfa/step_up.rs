//! `POST /auth/mfa/step-up`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Session, forge, shape, tests, world};

tests![
    gives_a_fresh_token_and_the_session_keeps_it,
    a_factor_given_at_sign_in_is_fresh,
    an_old_factor_is_not_fresh,
    wrong_codes_are_refused,
    who_has_no_factor_is_told,
    an_ended_session_steps_up_no_more,
];

async fn gives_a_fresh_token_and_the_session_keeps_it() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (app, _) = member.session.set_up_totp().await?;
    let answer = member.session.api.post("/auth/mfa/step-up", &json!({ "factor": "totp", "code": app.code(0)? })).await?.json_of(200)?;
    ensure!(shape::members(&answer)? == ["access_token", "expires_at", "expires_in", "mfa_at", "token_type"], "{answer}");
    let (before, after) = (forge::claims(&member.session.access)?, forge::claims(answer["access_token"].as_str().context("token")?)?);
    ensure!(before["mfa_at"].is_null() && after["mfa_at"] == after["iat"], "{after}");
    ensure!(after["amr"] == json!(["pwd", "otp", "mfa"]), "{after}");
    for same in ["sub", "sid", "tid", "role", "perms"] {
        ensure!(before[same] == after[same], "{same}: {after}");
    }
    let refreshed = forge::claims(&Session::read(member.session.refresh().await?, &member.person.api)?.access)?;
    ensure!(refreshed["mfa_at"] == after["mfa_at"] && refreshed["amr"] == after["amr"], "{refreshed}");
    Ok(())
}

async fn a_factor_given_at_sign_in_is_fresh() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let session = Session::read(person.answer(&person.challenge().await?, "totp", &app.code(0)?).await?, &person.api)?;
    session.api.post("/auth/mfa/backup-codes", &json!({})).await?.expect(200)?;
    Ok(())
}

async fn an_old_factor_is_not_fresh() -> Result<()> {
    let system = world::shared().await?;
    let (person, _, app, _) = system.person_with_totp().await?;
    let session = Session::read(person.answer(&person.challenge().await?, "totp", &app.code(0)?).await?, &person.api)?;
    for (age, status) in [(595, 200), (601, 403)] {
        let mut claims = forge::claims(&session.access)?;
        claims["mfa_at"] = (claims["iat"].as_i64().context("iat")? - age).into();
        let aged = session.api.with(&system.secrets.sign(&claims));
        let answer = aged.post("/auth/mfa/backup-codes", &json!({})).await?.expect(status)?;
        if status == 403 {
            ensure!(answer.problem("MFA_STEP_UP_REQUIRED")?["hint"].is_string(), "{answer}");
        }
    }
    Ok(())
}

async fn wrong_codes_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session, app, codes) = system.person_with_totp().await?;
    let try_code = async |factor: &str, code: &str| session.api.post("/auth/mfa/step-up", &json!({ "factor": factor, "code": code })).await;
    try_code("totp", &app.wrong_code()?).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    try_code("totp", &app.code(-1)?).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    try_code("sms", "123456").await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    try_code("backup_code", "aaaaa-aaaaa").await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    try_code("backup_code", &codes[0]).await?.expect(200)?;
    try_code("backup_code", &codes[0]).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn who_has_no_factor_is_told() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    session.api.post("/auth/mfa/step-up", &json!({ "code": "123456" })).await?.expect(403)?.problem("MFA_REQUIRED")?;
    session.api.delete("/auth/mfa/totp").await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    Ok(())
}

async fn an_ended_session_steps_up_no_more() -> Result<()> {
    let system = world::shared().await?;
    let (_, session, app, _) = system.person_with_totp().await?;
    session.api.post("/auth/logout", &json!({})).await?.expect(204)?;
    session.api.post("/auth/mfa/step-up", &json!({ "code": app.code(0)? })).await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}
