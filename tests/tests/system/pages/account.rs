//! `/account` and what hangs on it

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{browser::somebody, random, tests, world};

tests![
    an_organisation_of_ones_own,
    a_taken_short_name_stands_at_its_field,
    sessions_are_ended_one_by_one_and_all,
    nobody_ends_anothers_session,
    names_are_only_text
];

async fn an_organisation_of_ones_own() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let account = browser.sign_in(&person).await?;
    ensure!(account.says("do not belong to an organisation"), "{}", account.html);
    let slug = format!("o-{}", random::word()?);
    let page = browser.open("/organisations/new").await?;
    let done = browser.submit(&page.form("/organisations/new")?, &[("name", "Ours"), ("slug", &slug)]).await?.expect(200)?;
    ensure!(done.path == "/account?notice=organisation-created", "{}", done.path);
    ensure!(done.says(&format!("href=\"http://{slug}.app.localhost:8787/\"")) && done.says("Owner"), "{}", done.html);
    let mut there = browser.at(&format!("{slug}.app.localhost"));
    there.sign_in(&person).await?;
    Ok(())
}

async fn a_taken_short_name_stands_at_its_field() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let form = browser.open("/organisations/new").await?.form("/organisations/new")?;
    let taken = browser.submit(&form, &[("name", "Ours"), ("slug", &member.slug)]).await?.expect(409)?;
    ensure!(taken.says("id=\"slug-wrong\"") && taken.form("/organisations/new")?.fields["name"] == "Ours", "{}", taken.html);
    let odd = browser.submit(&form, &[("name", "Ours"), ("slug", "No Slug")]).await?.expect(422)?;
    ensure!(odd.says("id=\"slug-wrong\""), "{}", odd.html);
    Ok(())
}

async fn sessions_are_ended_one_by_one_and_all() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let others = [person.sign_in().await?, person.sign_in().await?, person.sign_in().await?];
    let page = browser.open("/account/sessions").await?.expect(200)?;
    ensure!(page.html.matches("name=\"id\"").count() == 3 && page.says("this one"), "{}", page.html);
    let form = page.form("/account/sessions")?;
    let done = browser.submit(&form, &[("id", &others[0].id)]).await?.expect(200)?;
    ensure!(done.says("The session was ended.") && !done.says(&others[0].id), "{}", done.html);
    others[0].refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    others[1].api.get("/users/me").await?.expect(200)?;
    browser.submit(&form, &[("id", &others[0].id)]).await?.expect(404)?;
    browser.submit(&form, &[("id", "x")]).await?.expect(404)?;
    let done = browser.submit(&form, &[("others", "yes")]).await?.expect(200)?;
    ensure!(!done.says("name=\"id\""), "{}", done.html);
    for other in &others[1..] {
        other.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    }
    browser.open("/account").await?.expect(200)?;
    Ok(())
}

async fn nobody_ends_anothers_session() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let mut form = browser.open("/sign-out").await?.form("/sign-out")?;
    form.action = "/account/sessions".into();
    browser.submit(&form, &[("id", &session.id)]).await?.expect(404)?;
    session.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn names_are_only_text() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let hostile = "<img src=x onerror=alert(1)>";
    session.api.patch("/users/me", &json!({ "first_name": hostile })).await?.expect(200)?;
    let mut browser = zygo_tests::Browser::new(&person.api);
    let page = browser.sign_in(&person).await?;
    let shown = page.html.split("<dd>").find(|part| part.contains("img src=x")).context("the name is not shown")?;
    ensure!(!shown.contains("<img"), "{shown}");
    Ok(())
}
