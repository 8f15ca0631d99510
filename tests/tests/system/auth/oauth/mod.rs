//! `/auth/oauth`

mod connecting;
mod false_providers;
mod joining;
mod openid;
mod refusals;

use anyhow::{Context as _, Result};
use reqwest::Url;
use serde_json::{Value, json};
use zygo_tests::{
    Answer, Person, System, Tab,
    providers::{Reply, Signature},
    random,
    tab::{parameter, target},
};

/// All tests of this folder.
pub fn tests() -> Vec<libtest_mimic::Trial> {
    [openid::tests(), false_providers::tests(), joining::tests(), connecting::tests(), refusals::tests()].into_iter().flatten().collect()
}

/// Somebody at the peer, with this address.
fn account(email: &str, verified: bool) -> Result<Value> {
    Ok(json!({ "sub": random::word()?, "email": email, "email_verified": verified, "given_name": "Ada", "family_name": "Lovelace" }))
}

/// Signs in at the peer that plays Google, from start to callback.
async fn by_google(system: &System, browser: &Tab, account: &Value, query: &str) -> Result<Answer> {
    let authorization = browser.start("google", query).await?;
    let back = system.federation()?.peer.sign_in(&authorization, account).await?;
    browser.get(&target(&back)).await
}

/// Takes the browser back from a false provider that gave its code such a reply.
async fn by_false(system: &System, browser: &Tab, provider: &str, reply: Reply, query: &str) -> Result<Answer> {
    let authorization = browser.start(provider, query).await?;
    come_back(system, browser, provider, &authorization, reply).await
}

async fn come_back(system: &System, browser: &Tab, provider: &str, authorization: &Url, reply: Reply) -> Result<Answer> {
    let code = system.federation()?.providers.issue(authorization, reply)?;
    let state = parameter(authorization, "state")?;
    browser.get(&format!("/auth/oauth/{provider}/callback?state={state}&code={code}")).await
}

/// Tokens about somebody of a false OpenID provider, whose word on the address counts.
fn tokens(sub: &str, email: &str) -> Reply {
    Reply::Tokens(json!({ "sub": sub, "email": email, "email_verified": true, "tid": zygo_tests::providers::CONSUMERS }), Signature::Good)
}

/// A browser of somebody who has no account yet.
async fn newcomer(system: &System) -> Result<(Person, Tab)> {
    let person = Person::stranger(&system.api()?)?;
    let browser = Tab::new(person.api.clone());
    Ok((person, browser))
}

/// How many accounts have this address.
async fn accounts(system: &System, email: &str) -> Result<i64> {
    system.database.count("SELECT count(*) FROM users WHERE email = $1", &[&email]).await.context("counting accounts")
}
