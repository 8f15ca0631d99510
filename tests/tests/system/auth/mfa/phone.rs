//! `POST /auth/phone/verify`

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{
    factors::{number, other_than},
    tests, world,
};

tests![a_number_is_verified_by_its_code, a_wrong_code_verifies_nothing, something_must_be_given, nobody_confirms_anothers];

async fn a_number_is_verified_by_its_code() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let number = number();
    let sent = session.api.post("/auth/phone/verify", &json!({ "phone": number })).await?;
    ensure!(sent.round_trips()? == 1 && sent.clone().json_of(200)? == json!({ "sent": true, "expires_in": 600 }), "{sent}");
    let code = person.await_codes(&number, 1).await?.swap_remove(0);
    let confirmed = session.api.post("/auth/phone/verify", &json!({ "code": code })).await?;
    ensure!(confirmed.round_trips()? == 1, "{confirmed}");
    ensure!(confirmed.json_of(200)? == json!({ "phone": number, "verified": true }), "the number");
    let user: uuid::Uuid = session.user_id.parse()?;
    let kept = "SELECT count(*) FROM users WHERE id = $1 AND phone = $2 AND phone_verified_at IS NOT NULL";
    ensure!(system.database.count(kept, &[&user, &number]).await? == 1, "it is the profile's");
    session.api.post("/auth/phone/verify", &json!({ "code": code })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    // It is no second factor.
    person.sign_in().await?;
    Ok(())
}

async fn a_wrong_code_verifies_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    session.api.post("/auth/phone/verify", &json!({ "code": "123456" })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    let number = number();
    session.api.post("/auth/phone/verify", &json!({ "phone": number })).await?.expect(200)?;
    let code = person.await_codes(&number, 1).await?.swap_remove(0);
    for _ in 0..5 {
        session.api.post("/auth/phone/verify", &json!({ "code": other_than(&code) })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    }
    session.api.post("/auth/phone/verify", &json!({ "code": code })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    Ok(())
}

async fn something_must_be_given() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let fields = session.api.post("/auth/phone/verify", &json!({})).await?.expect(422)?.fields()?;
    ensure!(fields == [("phone".to_owned(), "required".to_owned())], "{fields:?}");
    Ok(())
}

async fn nobody_confirms_anothers() -> Result<()> {
    let system = world::shared().await?;
    let (ada, adas) = system.session().await?;
    let (_, eves) = system.session().await?;
    let number = number();
    adas.api.post("/auth/phone/verify", &json!({ "phone": number })).await?.expect(200)?;
    let code = ada.await_codes(&number, 1).await?.swap_remove(0);
    eves.api.post("/auth/phone/verify", &json!({ "code": code, "phone": number })).await?.expect(401)?.problem("MFA_CODE_INVALID")?;
    adas.api.post("/auth/phone/verify", &json!({ "code": code, "phone": number })).await?.expect(200)?;
    Ok(())
}
