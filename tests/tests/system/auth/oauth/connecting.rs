//! Connecting and disconnecting accounts.

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;
use serde_json::json;
use zygo_tests::{Answer, Session, System, Tab, random, tab::target, tests, world};

use super::{account, by_false, by_google, come_back, newcomer, tokens};

tests![
    an_account_with_another_address_is_connected,
    somebody_elses_account_is_not,
    a_session_that_ended_connects_nothing,
    disconnecting_leaves_a_way_in,
    odd_requests_are_refused,
];

/// Begins to connect: the browser has the cookie then.
async fn begin(session: &Session, browser: &Tab, provider: &str, redirect_to: Option<&str>) -> Result<Url> {
    let answer = session.api.post("/auth/oauth/link", &json!({ "provider": provider, "redirect_to": redirect_to })).await?;
    browser.keep(&answer);
    let body = answer.json_of(200)?;
    Ok(Url::parse(body["authorization_url"].as_str().context("no URL")?)?)
}

async fn connect(system: &System, session: &Session, browser: &Tab, sub: &str) -> Result<Answer> {
    let authorization = begin(session, browser, "apple", None).await?;
    come_back(system, browser, "apple", &authorization, tokens(sub, "elsewhere@people.zygo-tests.example")).await
}

async fn an_account_with_another_address_is_connected() -> Result<()> {
    let system = world::federated().await?;
    let (person, session) = system.session().await?;
    let browser = Tab::new(person.api.clone());
    let google = account("elsewhere@people.zygo-tests.example", false)?;
    let authorization = begin(&session, &browser, "google", Some("/settings")).await?;
    let back = system.federation()?.peer.sign_in(&authorization, &google).await?;
    let answer = browser.get(&target(&back)).await?.expect(303)?;
    ensure!(answer.header("location") == Some("/settings"), "{answer}");
    ensure!(!browser.cookies().contains("__Host-zygo_refresh"), "connecting signs nobody in");
    let mails = person.await_mails(2).await?;
    ensure!(mails[0]["text"].as_str().is_some_and(|text| text.contains("Google")), "{}", mails[0]);
    // It leads in from then on, whatever its address.
    let signed_in = Session::read(by_google(&system, &browser, &google, "").await?, &person.api)?;
    ensure!(signed_in.user_id == session.user_id);
    // Once more is harmless; answered where no destination was named.
    let sub = random::word()?;
    for _ in 0..2 {
        let body = connect(&system, &session, &browser, &sub).await?.json_of(200)?;
        ensure!(body == json!({ "provider": "apple" }), "{body}");
    }
    let accounts = session.api.get("/auth/oauth/accounts").await?.json_of(200)?;
    ensure!(accounts["data"].as_array().is_some_and(|list| list.len() == 2) && accounts["next_cursor"].is_null(), "{accounts}");
    Ok(())
}

async fn somebody_elses_account_is_not() -> Result<()> {
    let system = world::federated().await?;
    let (owner, _) = newcomer(&system).await?;
    let browser = Tab::new(owner.api.clone());
    let sub = random::word()?;
    by_false(&system, &browser, "apple", tokens(&sub, &owner.email), "").await?.expect(200)?;
    let (person, session) = system.session().await?;
    let mine = Tab::new(person.api.clone());
    connect(&system, &session, &mine, &sub).await?.expect(409)?.problem("CONFLICT")?;
    // Nor a second one of the same provider.
    connect(&system, &session, &mine, &random::word()?).await?.expect(200)?;
    connect(&system, &session, &mine, &random::word()?).await?.expect(409)?.problem("CONFLICT")?;
    Ok(())
}

async fn a_session_that_ended_connects_nothing() -> Result<()> {
    let system = world::federated().await?;
    let (person, session) = system.session().await?;
    let browser = Tab::new(person.api.clone());
    let authorization = begin(&session, &browser, "apple", None).await?;
    session.api.post("/auth/logout", &json!({})).await?.expect(204)?;
    let answer = come_back(&system, &browser, "apple", &authorization, tokens(&random::word()?, &person.email)).await?;
    answer.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}

async fn disconnecting_leaves_a_way_in() -> Result<()> {
    let system = world::federated().await?;
    let (person, browser) = newcomer(&system).await?;
    let session = Session::read(by_google(&system, &browser, &account(&person.email, true)?, "").await?, &person.api)?;
    session.api.delete("/auth/oauth/google").await?.expect(409)?.problem("CONFLICT")?;
    session.api.delete("/auth/oauth/github").await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.delete("/auth/oauth/nobody").await?.expect(404)?.problem("NOT_FOUND")?;
    let sub = random::word()?;
    connect(&system, &session, &browser, &sub).await?.expect(200)?;
    session.api.delete("/auth/oauth/google").await?.expect(204)?;
    session.api.delete("/auth/oauth/google").await?.expect(404)?.problem("NOT_FOUND")?;
    session.api.delete("/auth/oauth/apple").await?.expect(409)?.problem("CONFLICT")?;
    let mails = person.await_mails(2).await?;
    ensure!(mails.iter().all(|mail| mail["subject"].is_string()), "{mails:?}");
    // What was disconnected leads nowhere new: the address finds the account, as both sides verified it.
    let again = Session::read(by_google(&system, &browser, &account(&person.email, true)?, "").await?, &person.api)?;
    ensure!(again.user_id == session.user_id);
    Ok(())
}

async fn odd_requests_are_refused() -> Result<()> {
    let system = world::federated().await?;
    let (_, session) = system.session().await?;
    for (input, field) in [
        (json!({ "provider": "facebook" }), "provider"),
        (json!({}), "provider"),
        (json!({ "provider": "google", "redirect_to": "https://evil.example/" }), "redirect_to"),
        (json!({ "provider": "google", "redirect_to": "//evil.example/" }), "redirect_to"),
        (json!({ "provider": "google", "user_id": session.user_id }), "user_id"),
    ] {
        let fields = session.api.post("/auth/oauth/link", &input).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == field), "{field}: {fields:?}");
    }
    Ok(())
}
