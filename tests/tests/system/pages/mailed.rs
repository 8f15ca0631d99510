//! Pages that mails lead to, apart from sign-up's, and those that ask for them.

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{
    Browser, Person,
    browser::{Page, somebody},
    tests, world,
};

tests![
    a_notice_ends_all_sessions,
    a_new_password_by_mail,
    a_weak_one_leaves_the_link_good,
    a_link_signs_in,
    strangers_are_told_the_same,
    a_new_address_and_back,
    a_password_is_changed,
    an_account_is_kept,
    links_of_other_pages_do_not_work,
];

/// The path of the newest link of a kind in somebody's mails.
async fn link(person: &Person, start: &str) -> Result<String> {
    zygo_tests::eventually_within(std::time::Duration::from_secs(15), async || {
        let mails = person.mails().await?;
        let links = mails.iter().filter_map(|mail| mail["links"][0].as_str()?.strip_prefix("http://getzygo.localhost:8787"));
        Ok(links.into_iter().find(|link| link.starts_with(start)).with_context(|| format!("no link to {start}"))?.to_owned())
    })
    .await
}

/// Asks for a mail by a page.
async fn ask(browser: &mut Browser, path: &str, email: &str) -> Result<Page> {
    let page = browser.open(path).await?.expect(200)?;
    browser.submit(&page.form(path)?, &[("email", email)]).await?.expect(200)
}

async fn a_notice_ends_all_sessions() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let session = person.sign_in().await?;
    let stolen = person.sign_in().await?;
    stolen.refresh().await?.expect(200)?;
    let thief = person.from_elsewhere().api.agent("thief");
    thief.post("/auth/refresh", &serde_json::json!({ "refresh_token": stolen.refresh })).await?.expect(401)?;
    let path = link(&person, "/end-sessions").await?;
    let mut elsewhere = Browser::new(&person.api);
    let page = elsewhere.open(&path).await?.expect(200)?;
    session.api.get("/users/me").await?.expect(200)?;
    let form = page.form("/end-sessions")?;
    let done = elsewhere.submit(&form, &[]).await?.expect(200)?;
    ensure!(done.path == "/sign-in?notice=all-ended" && done.says("All sessions were ended."), "{}", done.html);
    session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    browser.set_cookie("__Host-zygo_access", None);
    ensure!(browser.open("/account").await?.path == "/sign-in", "still signed in");
    let form = elsewhere.open(&path).await?.expect(200)?.form("/end-sessions")?;
    let again = elsewhere.submit(&form, &[]).await?.expect(410)?;
    ensure!(again.says("used already") && again.form("/end-sessions").is_err(), "{}", again.html);
    Ok(())
}

async fn a_new_password_by_mail() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let old = person.sign_in().await?;
    let sent = ask(&mut browser, "/forgot-password", &person.email).await?;
    ensure!(sent.path == "/forgot-password/sent", "{}", sent.path);
    let path = link(&person, "/reset").await?;
    let form = browser.open(&path).await?.expect(200)?.form("/reset")?;
    let new = person.with_password(&format!("{} again", person.password));
    let done = browser.submit(&form, &[("password", &new.password)]).await?.expect(200)?;
    ensure!(done.path == "/sign-in?notice=password-set", "{}", done.path);
    old.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    person.try_sign_in().await?.expect(401)?;
    browser.sign_in(&new).await?;
    let form = browser.open(&path).await?.expect(200)?.form("/reset")?;
    let again = browser.submit(&form, &[("password", &person.password)]).await?.expect(410)?;
    ensure!(again.says("used already") && again.form("/reset").is_err() && again.says("/forgot-password"), "{}", again.html);
    Ok(())
}

async fn a_weak_one_leaves_the_link_good() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    ask(&mut browser, "/forgot-password", &person.email).await?;
    let page = browser.open(&link(&person, "/reset").await?).await?;
    let weak = browser.submit(&page.form("/reset")?, &[("password", "password1234")]).await?.expect(422)?;
    ensure!(weak.says("id=\"password-wrong\""), "{}", weak.html);
    browser.submit(&weak.form("/reset")?, &[("password", &format!("{} anew", person.password))]).await?.expect(200)?;
    Ok(())
}

async fn a_link_signs_in() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let sent = ask(&mut browser, "/sign-in/link", &person.email).await?;
    ensure!(sent.path == "/sign-in/link/sent", "{}", sent.path);
    let page = browser.open(&link(&person, "/magic").await?).await?.expect(200)?;
    let form = page.form("/magic")?;
    let done = browser.submit(&form, &[]).await?.expect(200)?;
    ensure!(done.path == "/account" && done.says(&person.email), "{}", done.answer);
    let again = Browser::new(&person.api).open("/magic?token=zm_x").await?;
    let again = Browser::new(&person.api).submit(&again.form("/magic")?, &[]).await?;
    ensure!(again.answer.status == 403, "a form of another browser: {}", again.answer);
    browser.submit(&form, &[]).await?.expect(403).context("the token of a session is another than a stranger's")?;
    Ok(())
}

async fn strangers_are_told_the_same() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let nobody = Person::stranger(&person.api)?;
    for path in ["/forgot-password", "/sign-in/link", "/verify-email/resend"] {
        let (one, other) = (ask(&mut browser, path, &person.email).await?, ask(&mut browser, path, &nobody.email).await?);
        ensure!(one.path == other.path && one.html == other.html, "{path}");
    }
    Ok(())
}

async fn a_new_address_and_back() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let new = Person { email: format!("new-{}", person.email), ..person.clone() };
    let form = browser.open("/account/security/email").await?.form("/account/security/email")?;
    let missing = browser.submit(&form, &[("email", &new.email)]).await?.expect(422)?;
    ensure!(missing.says("id=\"password-wrong\""), "{}", missing.html);
    browser.submit(&form, &[("email", &new.email), ("password", "wrong")]).await?.expect(401)?;
    let same = browser.submit(&form, &[("email", &person.email), ("password", &person.password)]).await?.expect(422)?;
    ensure!(same.says("This is your address already."), "{}", same.html);
    let asked = browser.submit(&form, &[("email", &new.email), ("password", &person.password)]).await?.expect(200)?;
    ensure!(asked.path == "/account/security?notice=address-asked", "{}", asked.path);
    let page = browser.open(&link(&new, "/confirm-email").await?).await?.expect(200)?;
    let done = browser.submit(&page.form("/confirm-email")?, &[]).await?.expect(200)?;
    ensure!(done.path == "/account?notice=address-changed" && done.says(&new.email), "{}", done.html);
    // The old address may take it back.
    let page = browser.open(&link(&person, "/revert-email").await?).await?.expect(200)?;
    let back = browser.submit(&page.form("/revert-email")?, &[]).await?.expect(200)?;
    ensure!(back.path == "/sign-in?notice=address-reverted" && browser.cookie("__Host-zygo_refresh").is_none(), "{}", back.path);
    link(&person, "/reset").await?;
    Ok(())
}

async fn a_password_is_changed() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let other = person.sign_in().await?;
    let form = browser.open("/account/security/password").await?.form("/account/security/password")?;
    let new = format!("{} once more", person.password);
    browser.submit(&form, &[("current_password", "wrong"), ("new_password", &new)]).await?.expect(401)?;
    let weak = browser.submit(&form, &[("current_password", &person.password), ("new_password", "short")]).await?.expect(422)?;
    ensure!(weak.says("id=\"new_password-wrong\""), "{}", weak.html);
    let done = browser.submit(&form, &[("current_password", &person.password), ("new_password", &new)]).await?.expect(200)?;
    ensure!(done.path == "/account/security?notice=password-changed", "{}", done.path);
    other.refresh().await?.expect(401)?;
    browser.open("/account").await?.expect(200)?;
    Ok(())
}

async fn an_account_is_kept() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let session = person.sign_in().await?;
    session.api.call("DELETE", "/users/me")?.json(&serde_json::json!({ "password": person.password })).send().await?.expect(202)?;
    let page = browser.open(&link(&person, "/cancel-deletion").await?).await?.expect(200)?;
    let done = browser.submit(&page.form("/cancel-deletion")?, &[]).await?.expect(200)?;
    ensure!(done.path == "/sign-in?notice=account-kept", "{}", done.path);
    browser.sign_in(&person).await?;
    Ok(())
}

async fn links_of_other_pages_do_not_work() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    ask(&mut browser, "/forgot-password", &person.email).await?;
    let path = link(&person, "/reset").await?;
    let token = path.split("token=").nth(1).context("no token")?.to_owned();
    for other in ["/magic", "/confirm-email", "/revert-email", "/cancel-deletion", "/end-sessions", "/verify-email"] {
        let page = browser.open(&format!("{other}?token={token}")).await?;
        let refused = browser.submit(&page.form(other)?, &[]).await?.expect(401).with_context(|| other.to_owned())?;
        ensure!(refused.says("not valid"), "{other}");
    }
    let page = browser.open(&path).await?;
    browser.submit(&page.form("/reset")?, &[("password", &format!("{} anew", person.password))]).await?.expect(200)?;
    Ok(())
}
