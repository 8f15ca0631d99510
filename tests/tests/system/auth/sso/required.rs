//! Where sign-on is required.

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{
    Person, Session,
    enterprise::{KEYS, saml},
    factors::challenge_of,
    tests, world,
};

tests![a_password_is_not_enough, an_owner_breaks_the_glass];

async fn a_password_is_not_enough() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    // Somebody with a password whose address is the organisation's.
    let person = Person { email: acme.address()?, ..Person::stranger(&system.api()?)? };
    person.sign_up().await?.expect(201)?;
    let token = person.verification_token().await?;
    person.verify(&token).await?.expect(200)?;
    person.sign_in().await?;
    let path = format!("{}/domains/{}", acme.path(), acme.domain_id);
    let require = async |required: bool| {
        let body = json!({ "sign_on_required": required });
        acme.owner.session.api.call("PATCH", &path)?.json(&body).send().await?.expect(200)
    };
    require(true).await?;
    let answer = person.try_sign_in().await?.expect(403)?;
    ensure!(answer.problem("PERMISSION_DENIED")?["details"]["sign_on"] == true, "{answer}");
    // Without the right password nobody learns as much.
    person.with_password("Another password, not theirs 7").try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    let found = system.api()?.get(&format!("/auth/sso/discover?email={}", person.email)).await?.json_of(200)?;
    ensure!(found["connection"]["required"] == true, "{found}");
    let browser = acme.browser();
    Session::read(acme.sign_on(&browser, &person.email).await?, &browser.api)?;
    require(false).await?;
    person.sign_in().await?;
    Ok(())
}

async fn an_owner_breaks_the_glass() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    // The owner's own address is of the domain.
    let owner = Person { email: acme.address()?, ..acme.owner.person.clone() };
    let user: uuid::Uuid = acme.owner.session.user_id.parse()?;
    system.database.execute("UPDATE users SET email = $2 WHERE id = $1", &[&user, &owner.email]).await?;
    let path = format!("{}/domains/{}", acme.path(), acme.domain_id);
    acme.owner.session.api.call("PATCH", &path)?.json(&json!({ "sign_on_required": true })).send().await?.expect(200)?;
    owner.try_sign_in().await?.expect(403)?.problem("PERMISSION_DENIED")?;
    let (app, _) = acme.owner.session.set_up_totp().await?;
    let challenge = challenge_of(&owner.try_sign_in().await?)?;
    let answer = owner.answer(&challenge, "totp", &app.code(0)?).await?;
    Session::read(answer, &owner.api)?;
    Ok(())
}
