//! Signing in on pages by way of somebody else.

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;
use serde_json::json;
use zygo_tests::{
    Browser, Person, System,
    browser::somebody,
    enterprise::{KEYS, saml},
    random,
    tab::{parameter, target},
    tests, world,
};

tests![
    a_provider_leads_to_the_wanted_page,
    a_second_factor_is_asked_for_on_the_way,
    who_says_no_is_told_so,
    an_address_leads_to_its_organisations_provider
];

/// Follows the link of a provider on the sign-in page: where the provider is.
async fn to_google(browser: &mut Browser, path: &str) -> Result<Url> {
    let page = browser.open(path).await?.expect(200)?;
    ensure!(page.says("Sign in with Google"), "{}", page.html);
    let href = page.html.split("href=\"/auth/oauth/google").nth(1).and_then(|rest| rest.split('"').next()).context("no link")?;
    let sent = browser.get(&format!("/auth/oauth/google{}", href.replace("&amp;", "&").replace("&#38;", "&"))).await?.expect(303)?;
    Ok(Url::parse(sent.header("location").context("no Location")?)?)
}

/// From the provider over the API's host back to where the flow began: where that leads.
async fn and_back(system: &System, browser: &mut Browser, back: &Url) -> Result<String> {
    let handed_on = system.api()?.get(&target(back)).await?.expect(303)?;
    let handed_on = Url::parse(handed_on.header("location").context("no Location")?)?;
    ensure!(handed_on.host_str() == Some("getzygo.localhost"), "{handed_on}");
    let done = browser.get(&target(&handed_on)).await?.expect(303)?;
    Ok(done.header("location").context("no Location")?.to_owned())
}

async fn a_provider_leads_to_the_wanted_page() -> Result<()> {
    let system = world::federated().await?;
    let person = Person::stranger(&system.api()?)?;
    for (path, wanted) in [("/sign-in", "/account"), ("/sign-in?redirect_to=%2Faccount%2Fsessions", "/account/sessions")] {
        let mut browser = Browser::new(&person.api);
        let authorization = to_google(&mut browser, path).await?;
        let account = json!({ "sub": person.email, "email": person.email, "email_verified": true });
        let back = system.federation()?.peer.sign_in(&authorization, &account).await?;
        let arrived = and_back(&system, &mut browser, &back).await?;
        ensure!(arrived.starts_with("/sign-in/arrived"), "{arrived}");
        let page = browser.open(&arrived).await?.expect(200)?;
        ensure!(page.path == wanted, "{}", page.path);
        ensure!(browser.open("/account").await?.says(&person.email), "somebody else");
    }
    Ok(())
}

async fn a_second_factor_is_asked_for_on_the_way() -> Result<()> {
    let system = world::federated().await?;
    let (person, session) = system.session().await?;
    let (app, _) = session.set_up_totp().await?;
    let mut browser = Browser::new(&person.api);
    let authorization = to_google(&mut browser, "/sign-in?redirect_to=%2Faccount%2Fsessions").await?;
    let account = json!({ "sub": random::word()?, "email": person.email, "email_verified": true });
    let back = system.federation()?.peer.sign_in(&authorization, &account).await?;
    let asked = and_back(&system, &mut browser, &back).await?;
    ensure!(asked.starts_with("/sign-in/second-factor?") && !asked.contains("token"), "{asked}");
    let page = browser.open(&asked).await?.expect(200)?;
    let page = browser.submit(&page.form("/sign-in/second-factor")?, &[("code", &app.code(0)?)]).await?.expect(200)?;
    ensure!(page.path == "/account/sessions", "{}", page.path);
    Ok(())
}

async fn who_says_no_is_told_so() -> Result<()> {
    let system = world::federated().await?;
    let person = Person::stranger(&system.api()?)?;
    let mut browser = Browser::new(&person.api);
    let authorization = to_google(&mut browser, "/sign-in").await?;
    let back = system.federation()?.peer.deny(&authorization).await?;
    let arrived = and_back(&system, &mut browser, &back).await?;
    let page = browser.open(&arrived).await?;
    ensure!(page.says("Nobody was signed in that way.") && page.form("/sign-in").is_ok(), "{}", page.html);
    // Whatever somebody writes into the address, the page says only what it knows.
    let page = browser.open("/sign-in/arrived?error=%3Cb%3E").await?;
    ensure!(page.says("Nobody was signed in that way.") && !page.html.contains("<b>"), "{}", page.html);
    ensure!(browser.open("/sign-in/arrived?then=%2F%2Fevil.example").await?.path.starts_with("/sign-in"), "led away");
    Ok(())
}

async fn an_address_leads_to_its_organisations_provider() -> Result<()> {
    let system = world::federated().await?;
    let [idp, ..] = &*KEYS;
    let acme = system.enterprise(&saml(&[idp])).await?;
    let (_, mut browser) = somebody(&system).await?;
    let page = browser.open("/sign-in").await?;
    ensure!(page.says("/sign-in/organisation"), "{}", page.html);
    let form = browser.open("/sign-in/organisation?redirect_to=%2Faccount%2Fsecurity").await?.expect(200)?.form("/sign-in/organisation")?;
    let none = browser.submit(&form, &[("email", "ada@nowhere.example")]).await?.expect(422)?;
    ensure!(none.says("No organisation signs its people on"), "{}", none.html);
    browser.submit(&form, &[("email", "ada")]).await?.expect(422)?;
    let sent = browser.send(&form, &[("email", &acme.address()?)]).await?.expect(303)?;
    let there = sent.header("location").context("no Location")?;
    ensure!(there.starts_with(&format!("/auth/sso/saml/{}?", acme.connection)), "{there}");
    // At the organisation's own host it goes on, and still knows where to.
    let sent = browser.get(there).await?.expect(303)?;
    let there = Url::parse(sent.header("location").context("no Location")?)?;
    ensure!(there.host_str() == Some(acme.owner.host.as_str()), "{there}");
    ensure!(parameter(&there, "redirect_to")?.contains("%2Faccount%2Fsecurity"), "{there}");
    Ok(())
}
