//! Pages that mails lead to, apart from sign-up's.

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Browser, browser::somebody, tests, world};

tests![a_notice_ends_all_sessions];

/// The path of the newest link of a kind in somebody's mails.
async fn link(person: &zygo_tests::Person, start: &str, count: usize) -> Result<String> {
    let mails = person.await_mails(count).await?;
    let links = mails.iter().filter_map(|mail| mail["links"][0].as_str()?.strip_prefix("http://getzygo.localhost:8787"));
    Ok(links.into_iter().find(|link| link.starts_with(start)).context("no such link")?.to_owned())
}

async fn a_notice_ends_all_sessions() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let session = person.sign_in().await?;
    let stolen = person.sign_in().await?;
    stolen.refresh().await?.expect(200)?;
    person.from_elsewhere().api.agent("thief").post("/auth/refresh", &serde_json::json!({ "refresh_token": stolen.refresh })).await?.expect(401)?;
    let path = link(&person, "/end-sessions", 2).await?;
    let mut elsewhere = Browser::new(&person.api);
    let page = elsewhere.open(&path).await?.expect(200)?;
    session.api.get("/users/me").await?.expect(200)?;
    let form = page.form("/end-sessions")?;
    let done = elsewhere.submit(&form, &[]).await?.expect(200)?;
    ensure!(done.path == "/sign-in?notice=all-ended" && done.says("All sessions were ended."), "{}", done.html);
    session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    browser.set_cookie("__Host-zygo_access", None);
    ensure!(browser.open("/account").await?.path == "/sign-in", "still signed in");
    let again = elsewhere.submit(&form, &[]).await?.expect(410)?;
    ensure!(again.says("used already") && again.form("/end-sessions").is_err(), "{}", again.html);
    Ok(())
}
