//! How a page knows who looks at it.

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Browser, browser::somebody, tests, world};

const ACCESS: &str = "__Host-zygo_access";
const REFRESH: &str = "__Host-zygo_refresh";

tests![
    the_tokens_are_in_guarded_cookies,
    an_access_token_that_is_over_is_renewed,
    two_tabs_renew_at_once,
    a_form_of_before_the_renewal_still_works,
    a_stolen_refresh_token_ends_the_session,
    what_is_no_token_leads_to_sign_in,
    an_account_that_is_gone_leads_to_sign_in,
    the_api_takes_no_cookie,
];

async fn signed_in() -> Result<Browser> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    Ok(browser)
}

async fn the_tokens_are_in_guarded_cookies() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let page = browser.open("/sign-in").await?;
    let before = browser.cookie("__Host-zygo_csrf").context("no token")?.to_owned();
    let answer = browser.send(&page.form("/sign-in")?, &[("email", &person.email), ("password", &person.password)]).await?.expect(303)?;
    let cookies = answer.header_values("set-cookie");
    for name in [ACCESS, REFRESH] {
        let cookie = cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).with_context(|| name.to_owned())?;
        ensure!(cookie.contains("; HttpOnly") && cookie.contains("; Path=/;") && !cookie.to_lowercase().contains("domain"), "{name}");
    }
    let access = cookies.iter().find(|cookie| cookie.starts_with(ACCESS)).context("access")?;
    ensure!(access.contains("Max-Age=900"), "the access token's cookie outlives it");
    ensure!(answer.body.is_empty(), "tokens in the body");
    ensure!(browser.cookie("__Host-zygo_csrf").is_some_and(|token| token != before), "the stranger's token is the session's");
    Ok(())
}

async fn an_access_token_that_is_over_is_renewed() -> Result<()> {
    let mut browser = signed_in().await?;
    let refresh = browser.cookie(REFRESH).context("refresh")?.to_owned();
    let answer = browser.get("/account").await?.expect(200)?;
    ensure!(answer.header_values("set-cookie").is_empty() && answer.round_trips()? == 1, "renewed without need: {answer}");
    browser.set_cookie(ACCESS, None);
    let answer = browser.get("/account").await?.expect(200)?;
    ensure!(answer.round_trips()? == 2, "{answer}");
    ensure!(browser.cookie(REFRESH).is_some_and(|token| token != refresh) && browser.cookie(ACCESS).is_some(), "not renewed");
    browser.set_cookie(ACCESS, Some("x.y.z"));
    browser.get("/account").await?.expect(200)?;
    Ok(())
}

async fn two_tabs_renew_at_once() -> Result<()> {
    let mut browser = signed_in().await?;
    browser.set_cookie(ACCESS, None);
    let tabs: Vec<_> =
        (0..5).map(|_| browser.clone()).map(|mut tab| tokio::spawn(async move { tab.get("/account").await.map(|answer| (tab, answer)) })).collect();
    let mut last = None;
    for tab in tabs {
        let (tab, answer) = tab.await??;
        answer.expect(200)?;
        last = Some(tab);
    }
    let mut tab = last.context("a tab")?;
    tab.set_cookie(ACCESS, None);
    tab.get("/account").await?.expect(200)?;
    Ok(())
}

async fn a_form_of_before_the_renewal_still_works() -> Result<()> {
    let mut browser = signed_in().await?;
    let form = browser.open("/organisations/new").await?.form("/organisations/new")?;
    browser.set_cookie(ACCESS, None);
    browser.get("/account").await?.expect(200)?;
    let slug = format!("o-{}", zygo_tests::random::word()?);
    browser.set_cookie(ACCESS, None);
    browser.send(&form, &[("name", "Ours"), ("slug", &slug)]).await?.expect(303)?;
    Ok(())
}

async fn a_stolen_refresh_token_ends_the_session() -> Result<()> {
    let mut browser = signed_in().await?;
    let mut thief = browser.clone();
    browser.set_cookie(ACCESS, None);
    browser.get("/account").await?.expect(200)?;
    browser.set_cookie(ACCESS, None);
    browser.get("/account").await?.expect(200)?;
    thief.set_cookie(ACCESS, None);
    let led = thief.open("/account").await?;
    ensure!(led.path == "/sign-in" && thief.cookie(REFRESH).is_none(), "{}", led.path);
    browser.set_cookie(ACCESS, None);
    ensure!(browser.open("/account").await?.path == "/sign-in", "the family goes on");
    Ok(())
}

async fn what_is_no_token_leads_to_sign_in() -> Result<()> {
    let browser = signed_in().await?;
    for token in ["", "x", "zr_", "zr_AAAA", "\"", "zv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let mut browser = browser.clone();
        browser.set_cookie(ACCESS, None);
        browser.set_cookie(REFRESH, Some(token));
        ensure!(browser.open("/account").await?.path == "/sign-in", "{token}");
        ensure!(browser.cookie(REFRESH).is_none(), "{token} stays");
    }
    Ok(())
}

async fn an_account_that_is_gone_leads_to_sign_in() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    system.database.execute("UPDATE users SET status = 'suspended' WHERE email = $1", &[&person.email]).await?;
    browser.set_cookie(ACCESS, None);
    let page = browser.open("/account").await?.expect(403)?;
    ensure!(page.says("This account is suspended."), "{}", page.html);
    Ok(())
}

async fn the_api_takes_no_cookie() -> Result<()> {
    let system = world::shared().await?;
    let browser = signed_in().await?;
    let cookies = format!("{ACCESS}={}; {REFRESH}={}", browser.cookie(ACCESS).unwrap_or_default(), browser.cookie(REFRESH).unwrap_or_default());
    system.api()?.call("GET", "/users/me")?.header("cookie", &cookies).send().await?.expect(401)?.problem("UNAUTHENTICATED")?;
    // Nor does a page take a header: what a script holds is not what a page goes by.
    let answer = system.api()?.at("getzygo.localhost").with(browser.cookie(ACCESS).unwrap_or_default()).get("/account").await?;
    answer.expect(303)?;
    Ok(())
}
