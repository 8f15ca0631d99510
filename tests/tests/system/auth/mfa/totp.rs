//! `/auth/mfa/totp` and `/auth/mfa/backup-codes`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{factors::Authenticator, shape, tests, wait::eventually, world};

tests![
    an_app_is_set_up_and_shows,
    only_the_secret_set_up_last_counts,
    an_app_is_set_up_once,
    nothing_to_confirm_is_not_found,
    odd_inputs_are_refused,
    secrets_are_kept_sealed_and_codes_hashed,
    another_factor_needs_the_first,
    a_new_set_of_backup_codes_voids_the_old,
    taking_it_off_takes_all_of_it,
];

async fn an_app_is_set_up_and_shows() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let setup = session.api.post("/auth/mfa/totp/setup", &json!({})).await?.json_of(200)?;
    ensure!(shape::members(&setup)? == ["otpauth_url", "qr_svg", "secret"], "{setup}");
    let (secret, url) = (setup["secret"].as_str().context("secret")?, setup["otpauth_url"].as_str().context("url")?);
    ensure!(secret.len() == 32, "160 bits are 32 letters");
    ensure!(
        url == format!("otpauth://totp/Zygo:{}?secret={secret}&issuer=Zygo&algorithm=SHA1&digits=6&period=30", person.email.replace('@', "%40")),
        "{url}"
    );
    ensure!(setup["qr_svg"].as_str().is_some_and(|image| image.starts_with("<svg ") && image.ends_with("</svg>")), "{setup}");
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["mfa"] == json!({ "enabled": false, "factors": [] }), "not before it is confirmed: {me}");
    person.sign_in().await?;

    let app = Authenticator::new(secret)?;
    session.api.post("/auth/mfa/totp/verify", &json!({ "code": app.wrong_code()? })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    let verified = session.api.post("/auth/mfa/totp/verify", &json!({ "code": app.code(0)? })).await?.json_of(200)?;
    let codes = verified["backup_codes"].as_array().context("codes")?;
    let distinct: std::collections::BTreeSet<&str> = codes.iter().filter_map(Value::as_str).collect();
    ensure!(distinct.len() == 10 && distinct.iter().all(|code| code.len() == 11), "{verified}");
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["mfa"] == json!({ "enabled": true, "factors": ["totp", "backup_code"] }), "{me}");
    Ok(())
}

async fn only_the_secret_set_up_last_counts() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let secret = async || -> Result<Authenticator> {
        let setup = session.api.post("/auth/mfa/totp/setup", &json!({})).await?.json_of(200)?;
        Authenticator::new(setup["secret"].as_str().context("secret")?)
    };
    let (first, second) = (secret().await?, secret().await?);
    session.api.post("/auth/mfa/totp/verify", &json!({ "code": first.code(0)? })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    session.api.post("/auth/mfa/totp/verify", &json!({ "code": second.code(0)? })).await?.expect(200)?;
    Ok(())
}

async fn an_app_is_set_up_once() -> Result<()> {
    let system = world::shared().await?;
    let (_, session, app, _) = system.person_with_totp().await?;
    session.api.post("/auth/mfa/totp/setup", &json!({})).await?.expect(409)?.problem("CONFLICT")?;
    session.api.post("/auth/mfa/totp/verify", &json!({ "code": app.code(1)? })).await?.expect(409)?.problem("CONFLICT")?;
    Ok(())
}

async fn nothing_to_confirm_is_not_found() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    session.api.post("/auth/mfa/totp/verify", &json!({ "code": "123456" })).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

async fn odd_inputs_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    session.api.post("/auth/mfa/totp/setup", &json!({})).await?.expect(200)?;
    for (field, body) in
        [("code", json!({})), ("code", json!({ "code": "" })), ("code", json!({ "code": 123456 })), ("code", json!({ "code": "1".repeat(65) }))]
    {
        let fields = session.api.post("/auth/mfa/totp/verify", &body).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == field), "{body}: {fields:?}");
    }
    // What is a code of no factor is a wrong one.
    for code in ["12345", "1234567", "abcdef", "１２３４５６"] {
        session.api.post("/auth/mfa/totp/verify", &json!({ "code": code })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    }
    Ok(())
}

async fn secrets_are_kept_sealed_and_codes_hashed() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let setup = session.api.post("/auth/mfa/totp/setup", &json!({})).await?.json_of(200)?;
    let secret = setup["secret"].as_str().context("secret")?.to_owned();
    let app = Authenticator::new(&secret)?;
    let verified = session.api.post("/auth/mfa/totp/verify", &json!({ "code": app.code(0)? })).await?.json_of(200)?;
    let user: uuid::Uuid = session.user_id.parse()?;
    let sql = system.database.sql().await?;
    let row = sql
        .query_one("SELECT convert_from(secret_sealed, 'UTF8'), encode(secret_sealed, 'hex') FROM mfa_tokens WHERE user_id = $1", &[&user])
        .await?;
    ensure!(row.get::<_, String>(0).starts_with("zs1."), "it is sealed");
    let code = verified["backup_codes"][0].as_str().context("code")?.replace('-', "");
    let kept = "SELECT count(*) FROM mfa_backup_codes WHERE user_id = $1 AND (code_hash = sha256($2) OR position($2 in code_hash) > 0)";
    ensure!(sql.query_one(kept, &[&user, &code.as_bytes()]).await?.get::<_, i64>(0) == 0, "a hash under no key can be guessed");
    // The seal is bound to the person: moved to another's row it opens nothing.
    let (other, other_session, _, _) = system.person_with_totp().await?;
    let other_user: uuid::Uuid = other_session.user_id.parse()?;
    let swap = "UPDATE mfa_tokens t SET secret_sealed = (SELECT secret_sealed FROM mfa_tokens WHERE user_id = $1) WHERE t.user_id = $2";
    system.database.execute(swap, &[&user, &other_user]).await?;
    let token = other.challenge().await?;
    let refused =
        other.api.call("POST", "/auth/mfa/challenge")?.json(&json!({ "challenge_token": token, "code": app.code(1)? })).send_unchecked().await?;
    ensure!(refused.status == 500, "{refused}");
    Ok(())
}

async fn another_factor_needs_the_first() -> Result<()> {
    let system = world::shared().await?;
    let (_, session, _, _) = system.person_with_totp().await?;
    // It was given just now, with its set-up; ten minutes later it is not fresh any more.
    let user: uuid::Uuid = session.user_id.parse()?;
    system.database.execute("UPDATE mfa_tokens SET kind = 'sms' WHERE user_id = $1", &[&user]).await?;
    session.api.post("/auth/mfa/totp/setup", &json!({})).await?.expect(200)?;
    let other = system.session().await?;
    let other_user: uuid::Uuid = other.1.user_id.parse()?;
    let passkey = "INSERT INTO passkeys (id, user_id, credential_id, rp_id, algorithm, backup_eligible, public_key, name) \
        VALUES (gen_random_uuid(), $1, uuid_send(gen_random_uuid()), 'localhost', -7, false, 'k', 'a key')";
    system.database.execute(passkey, &[&other_user]).await?;
    other.1.api.post("/auth/mfa/totp/setup", &json!({})).await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    Ok(())
}

async fn a_new_set_of_backup_codes_voids_the_old() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, old) = system.person_with_totp().await?;
    session.api.post("/auth/mfa/backup-codes", &json!({})).await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    let stepped = session.api.post("/auth/mfa/step-up", &json!({ "code": app.code(0)? })).await?.json_of(200)?;
    let api = session.api.with(stepped["access_token"].as_str().context("access_token")?);
    let renewed = api.post("/auth/mfa/backup-codes", &json!({})).await?.json_of(200)?;
    let token = person.challenge().await?;
    person.answer(&token, "backup_code", &old[0]).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    person.answer(&token, "backup_code", renewed["backup_codes"][9].as_str().context("code")?).await?.expect(200)?;
    Ok(())
}

async fn taking_it_off_takes_all_of_it() -> Result<()> {
    let system = world::shared().await?;
    let (person, session, app, _) = system.person_with_totp().await?;
    session.api.delete("/auth/mfa/totp").await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    let stepped = session.api.post("/auth/mfa/step-up", &json!({ "code": app.code(0)? })).await?.json_of(200)?;
    let api = session.api.with(stepped["access_token"].as_str().context("access_token")?);
    api.delete("/auth/mfa/totp").await?.expect(204)?;
    api.delete("/auth/mfa/totp").await?.expect(404)?.problem("NOT_FOUND")?;
    let me = api.get("/users/me").await?.json_of(200)?;
    ensure!(me["mfa"] == json!({ "enabled": false, "factors": [] }), "{me}");
    api.post("/auth/mfa/backup-codes", &json!({})).await?.expect(409)?.problem("CONFLICT")?;
    person.sign_in().await?;
    let user: uuid::Uuid = session.user_id.parse()?;
    eventually(async || {
        let events = "SELECT count(*) FROM events WHERE user_id = $1 AND type IN ('user.factor_added', 'user.factor_removed')";
        let count = system.database.count(events, &[&user]).await?;
        ensure!(count == 2, "{count} events");
        Ok(())
    })
    .await
}
