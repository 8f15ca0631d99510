//! `/invitation`: joining on a page.

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Browser, Member, Person, browser::PUBLIC, tests, world};

tests![a_newcomer_joins, whoever_is_signed_in_joins_by_a_button, links_that_do_not_work_say_so, in_german];

async fn invite(by: &Member, person: &Person) -> Result<String> {
    by.session.api.post(&by.below("invitations"), &json!({ "email": person.email, "role": "developer" })).await?.expect(201)?;
    Ok(format!("/invitation?token={}", person.token_for("/invitation").await?))
}

async fn a_newcomer_joins() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let person = Person::stranger(&system.api()?)?;
    let path = invite(&owner, &person).await?;
    let mut browser = Browser::new(&person.api.at(PUBLIC));
    let page = browser.open(&path).await?.expect(200)?;
    ensure!(page.says("Tests") && page.says("Developer") && page.says(&person.email), "what one is invited to");
    let form = page.form("/invitation")?;
    let weak = browser.submit(&form, &[("password", "password1234")]).await?.expect(422)?;
    ensure!(weak.says("common") || weak.says("easy to guess"));
    let done = browser.submit(&weak.form("/invitation")?, &[("password", &person.password), ("first_name", "Ada")]).await?.expect(200)?;
    ensure!(done.path == "/sign-in?notice=joined-newly", "{}", done.path);
    browser.sign_in(&person).await?;
    let account = browser.open("/account").await?.expect(200)?;
    ensure!(account.says("Tests"), "the organisation stands in the account");
    Ok(())
}

async fn whoever_is_signed_in_joins_by_a_button() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let person = system.person().await?;
    let path = invite(&owner, &person).await?;
    let mut browser = Browser::new(&person.api.at(PUBLIC));
    let page = browser.open(&path).await?.expect(200)?;
    ensure!(page.says("Sign in to accept"));
    browser.sign_in(&person).await?;
    let page = browser.open(&path).await?.expect(200)?;
    let done = browser.submit(&page.form("/invitation")?, &[]).await?.expect(200)?;
    ensure!(done.path == "/account?notice=joined" && done.says("You are a member now"), "{}", done.path);
    let again = browser.open(&path).await?.expect(410)?;
    ensure!(again.says("used already"));
    Ok(())
}

async fn links_that_do_not_work_say_so() -> Result<()> {
    let system = world::shared().await?;
    let mut browser = Browser::new(&system.api()?.at(PUBLIC));
    ensure!(browser.open("/invitation").await?.expect(200)?.says("incomplete"));
    for odd in ["x", "zi_AAAA", "zv_AAAA"] {
        let page = browser.open(&format!("/invitation?token={odd}")).await?.expect(401)?;
        ensure!(page.says("not valid") && page.form("/invitation").is_err(), "{odd}");
    }
    Ok(())
}

async fn in_german() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let person = Person::stranger(&system.api()?)?;
    let path = invite(&owner, &person).await?;
    let mut browser = Browser::new(&person.api.at(PUBLIC)).reading("de");
    let page = browser.open(&path).await?.expect(200)?;
    ensure!(page.says("Einer Organisation beitreten") && page.says("Konto anlegen und beitreten"));
    Ok(())
}
