//! Signing on by OpenID Connect, at a provider that others wrote.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{
    Answer, Session, System, Tab,
    enterprise::Enterprise,
    forge, random,
    tab::{location, parameter, target},
    tests, world,
};

tests![
    somebody_new_becomes_a_member,
    an_address_that_nobody_verified,
    a_sign_on_runs_at_the_organisations_host,
    a_callback_of_another_flow,
    a_provider_that_is_away,
];

const SECRET: &str = "Client-Secret-Mark-enterprise";

/// An organisation whose provider is the peer.
async fn enterprise(system: &System, more: &Value) -> Result<Enterprise> {
    let peer = &system.federation()?.peer;
    let client = format!("enterprise-{}", random::word()?);
    let mut oidc = json!({ "issuer": peer.issuer, "client_id": client, "client_secret": SECRET });
    if let (Some(oidc), Some(more)) = (oidc.as_object_mut(), more.as_object()) {
        oidc.extend(more.clone());
    }
    let acme = system.enterprise(&json!({ "oidc": oidc })).await?;
    let back = format!("http://localhost:8787/auth/sso/oidc/{}/callback", acme.connection);
    peer.change_client(&client, &json!({ "client_id": client, "client_secret": SECRET, "redirect_uris": [back] })).await?;
    Ok(acme)
}

fn account(email: &str, verified: bool) -> Result<Value> {
    Ok(json!({ "sub": random::word()?, "email": email, "email_verified": verified, "given_name": "Ada", "family_name": "Lovelace" }))
}

fn start(acme: &Enterprise) -> String {
    format!("/auth/sso/oidc/{}", acme.connection)
}

async fn sign_on(system: &System, acme: &Enterprise, browser: &Tab, account: &Value) -> Result<Answer> {
    let authorization = location(&browser.get(&start(acme)).await?.expect(303)?)?;
    let back = system.federation()?.peer.sign_in(&authorization, account).await?;
    browser.get(&target(&back)).await
}

async fn somebody_new_becomes_a_member() -> Result<()> {
    let system = world::federated().await?;
    let acme = enterprise(&system, &json!({})).await?;
    let (browser, email) = (acme.browser(), acme.address()?);
    let account = account(&email, true)?;
    let session = Session::read(sign_on(&system, &acme, &browser, &account).await?, &browser.api)?;
    let user = &session.body["user"];
    ensure!(user["email"] == email && user["first_name"] == "Ada" && session.body["tenant"]["id"] == acme.owner.tenant_id, "{}", session.body);
    ensure!(forge::claims(&session.access)?["amr"] == json!(["sso"]), "amr");
    let elsewhere = acme.browser();
    let second = Session::read(sign_on(&system, &acme, &elsewhere, &account).await?, &elsewhere.api)?;
    ensure!(second.user_id == session.user_id, "another account was made");
    Ok(())
}

async fn an_address_that_nobody_verified() -> Result<()> {
    let system = world::federated().await?;
    let strict = enterprise(&system, &json!({})).await?;
    let answer = sign_on(&system, &strict, &strict.browser(), &account(&strict.address()?, false)?).await?;
    answer.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;
    let trusting = enterprise(&system, &json!({ "require_verified_email": false })).await?;
    sign_on(&system, &trusting, &trusting.browser(), &account(&trusting.address()?, false)?).await?.expect(200)?;
    // Nor does it speak for others' addresses.
    let foreign = sign_on(&system, &trusting, &trusting.browser(), &account(&strict.address()?, true)?).await?;
    foreign.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn a_sign_on_runs_at_the_organisations_host() -> Result<()> {
    let system = world::federated().await?;
    let acme = enterprise(&system, &json!({})).await?;
    let at_the_api = Tab::new(system.api()?);
    let there = location(&at_the_api.get(&start(&acme)).await?.expect(303)?)?;
    ensure!(there.host_str() == Some(acme.owner.host.as_str()), "{there}");
    let browser = acme.browser();
    let authorization = location(&browser.get(&start(&acme)).await?.expect(303)?)?;
    ensure!(parameter(&authorization, "redirect_uri")?.starts_with("http://localhost:8787/"), "{authorization}");
    let back = system.federation()?.peer.sign_in(&authorization, &account(&acme.address()?, true)?).await?;
    let handed_on = location(&at_the_api.get(&target(&back)).await?.expect(303)?)?;
    ensure!(handed_on.host_str() == Some(acme.owner.host.as_str()) && handed_on.path() == back.path(), "{handed_on}");
    Session::read(browser.get(&target(&handed_on)).await?, &browser.api)?;
    Ok(())
}

async fn a_callback_of_another_flow() -> Result<()> {
    let system = world::federated().await?;
    let acme = enterprise(&system, &json!({})).await?;
    let browser = acme.browser();
    let authorization = location(&browser.get(&start(&acme)).await?.expect(303)?)?;
    let back = system.federation()?.peer.sign_in(&authorization, &account(&acme.address()?, true)?).await?;
    acme.browser().get(&target(&back)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    browser.get(&format!("{}/callback?code=x", start(&acme))).await?.expect(401)?.problem("TOKEN_INVALID")?;
    browser.get(&target(&back)).await?.expect(200)?;
    browser.get(&target(&back)).await?.expect(401)?.problem("TOKEN_INVALID")?;
    // A person who says no there is nobody here.
    let authorization = location(&browser.get(&start(&acme)).await?.expect(303)?)?;
    let back = system.federation()?.peer.deny(&authorization).await?;
    browser.get(&target(&back)).await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    Ok(())
}

async fn a_provider_that_is_away() -> Result<()> {
    let system = world::federated().await?;
    let acme = system.enterprise(&json!({ "oidc": { "issuer": "http://127.0.0.1:9/", "client_id": "c" } })).await?;
    acme.browser().get(&start(&acme)).await?.expect(503)?.problem("DEPENDENCY_UNAVAILABLE")?;
    Ok(())
}
