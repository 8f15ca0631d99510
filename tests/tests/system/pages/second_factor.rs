//! `/sign-in/second-factor`, `/account/security` and `/account/confirm`

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{
    Browser, Person,
    browser::{Form, Page, somebody},
    factors::Authenticator,
    tests, world,
};

const CHALLENGE: &str = "/sign-in/second-factor";

tests![
    from_the_set_up_to_the_challenge,
    backup_codes_work_once_each,
    a_wrong_code_shows_the_same_secret_again,
    another_secret_cannot_be_slipped_in,
    without_a_challenge_one_begins_anew,
    a_challenge_takes_five_answers,
    a_trusted_device_is_not_asked,
    what_is_grave_asks_again,
    one_comes_back_where_one_wanted_to_go,
    an_organisation_that_wants_a_factor_says_where_to_set_one_up,
];

/// Sets an app up by the pages.
async fn set_up(browser: &mut Browser) -> Result<(Authenticator, Vec<String>)> {
    let page = browser.open("/account/security").await?.expect(200)?;
    let shown = browser.submit(&page.form("/account/security/app")?, &[]).await?.expect(200)?;
    let (app, form) = secret(&shown)?;
    let done = browser.submit(&form, &[("code", &app.code(-1)?)]).await?.expect(200)?;
    ensure!(done.says("The authenticator app is set up."), "{}", done.html);
    let codes: Vec<String> = done.html.split("<li><code>").skip(1).filter_map(|part| Some(part.split('<').next()?.to_owned())).collect();
    ensure!(codes.len() == 10, "{codes:?}");
    Ok((app, codes))
}

/// The app that scanned the page, and the form that confirms it.
fn secret(shown: &Page) -> Result<(Authenticator, Form)> {
    ensure!(shown.says("src=\"data:image/svg+xml;base64,"), "no QR code: {}", shown.html);
    let secret = shown.html.split("<code>").nth(1).and_then(|part| part.split('<').next()).context("no secret")?.replace(' ', "");
    Ok((Authenticator::new(&secret)?, shown.form("/account/security/app/confirm")?))
}

/// Somebody with an app, as far as the challenge, at a browser that never saw them.
async fn challenged() -> Result<(Person, Browser, Page, Authenticator, Vec<String>)> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let (app, codes) = set_up(&mut browser).await?;
    let mut browser = Browser::new(&person.api);
    let page = password(&mut browser, &person).await?;
    Ok((person, browser, page, app, codes))
}

async fn password(browser: &mut Browser, person: &Person) -> Result<Page> {
    let page = browser.open("/sign-in").await?;
    browser.submit(&page.form("/sign-in")?, &[("email", &person.email), ("password", &person.password)]).await
}

async fn from_the_set_up_to_the_challenge() -> Result<()> {
    let (_, mut browser, page, app, _) = challenged().await?;
    ensure!(page.path.starts_with(CHALLENGE) && page.says("Second factor"), "{}", page.answer);
    ensure!(browser.cookie("__Host-zygo_refresh").is_none(), "a session before the second factor");
    let form = page.form(CHALLENGE)?;
    let wrong = browser.submit(&form, &[("code", &app.wrong_code()?)]).await?.expect(401)?;
    ensure!(wrong.says("The code is wrong, too old or used already."), "{}", wrong.html);
    let done = browser.submit(&wrong.form(CHALLENGE)?, &[("code", &app.code(0)?)]).await?.expect(200)?;
    ensure!(done.path == "/account" && done.says("Authenticator app"), "{}", done.html);
    ensure!(browser.cookie("__Host-zygo_challenge").is_none(), "the challenge is kept");
    let security = browser.open("/account/security").await?;
    ensure!(security.form("/account/security/app").is_err() && security.form("/account/security/app/remove").is_ok(), "{}", security.html);
    Ok(())
}

async fn backup_codes_work_once_each() -> Result<()> {
    let (person, mut browser, page, _, codes) = challenged().await?;
    let link = page.html.split("href=\"").find(|part| part.starts_with("/sign-in/second-factor?factor=backup_code")).context("no link")?;
    let link = link.split('"').next().unwrap_or_default().replace("&#38;", "&");
    let page = browser.open(&link).await?.expect(200)?;
    browser.submit(&page.form(CHALLENGE)?, &[("code", &codes[0])]).await?.expect(200)?;
    let mut again = Browser::new(&person.api);
    password(&mut again, &person).await?;
    let page = again.open(&link).await?.expect(200)?;
    again.submit(&page.form(CHALLENGE)?, &[("code", &codes[0])]).await?.expect(401)?;
    again.submit(&page.form(CHALLENGE)?, &[("code", &codes[1].to_lowercase())]).await?.expect(200)?;
    Ok(())
}

async fn a_wrong_code_shows_the_same_secret_again() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let page = browser.open("/account/security").await?;
    let shown = browser.submit(&page.form("/account/security/app")?, &[]).await?;
    let (app, form) = secret(&shown)?;
    let wrong = browser.submit(&form, &[("code", &app.wrong_code()?)]).await?.expect(401)?;
    let (same, form) = secret(&wrong)?;
    ensure!(same.code(0)? == app.code(0)?, "another secret");
    browser.submit(&form, &[]).await?.expect(422)?;
    browser.submit(&form, &[("code", &app.code(0)?)]).await?.expect(200)?;
    // What was set up is not shown again.
    browser.submit(&form, &[("code", &app.code(1)?)]).await?.expect(409)?;
    Ok(())
}

async fn another_secret_cannot_be_slipped_in() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let page = browser.open("/account/security").await?;
    let shown = browser.submit(&page.form("/account/security/app")?, &[]).await?;
    let (_, form) = secret(&shown)?;
    let mine = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?;
    let url = "otpauth://totp/Zygo:me?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    browser.submit(&form, &[("url", url), ("code", &mine.code(0)?)]).await?.expect(401)?;
    for odd in ["", "javascript:alert(1)", "https://evil.example", &format!("otpauth://totp/{}", "x".repeat(3000))] {
        browser.send(&form, &[("url", odd), ("code", "000000")]).await?.expect(401)?;
    }
    Ok(())
}

async fn without_a_challenge_one_begins_anew() -> Result<()> {
    let (_, mut browser, page, app, _) = challenged().await?;
    let form = page.form(CHALLENGE)?;
    let code = app.code(0)?;
    for token in [None, Some("x"), Some("zc_AAAA")] {
        let mut browser = browser.clone();
        browser.set_cookie("__Host-zygo_challenge", token);
        let page = browser.submit(&form, &[("code", &code)]).await?.expect(401)?;
        ensure!(page.says("Please sign in again.") && page.form(CHALLENGE).is_err() && page.says("href=\"/sign-in\""), "{token:?}: {}", page.html);
    }
    let stranger = Browser::new(&world::shared().await?.api()?).open(CHALLENGE).await?.expect(200)?;
    ensure!(stranger.form(CHALLENGE).is_err(), "{}", stranger.html);
    let mut twice = browser.clone();
    browser.submit(&form, &[("code", &code)]).await?.expect(200)?;
    // A challenge that was answered is over, for whoever still has its cookie.
    twice.submit(&form, &[("code", &app.code(1)?)]).await?.expect(401)?;
    Ok(())
}

async fn a_challenge_takes_five_answers() -> Result<()> {
    let (_, mut browser, page, app, _) = challenged().await?;
    let form = page.form(CHALLENGE)?;
    for _ in 0..5 {
        browser.submit(&form, &[("code", &app.wrong_code()?)]).await?.expect(401)?;
    }
    let over = browser.submit(&form, &[("code", &app.code(0)?)]).await?.expect(429)?;
    ensure!(over.says("Too many attempts") && over.form(CHALLENGE).is_err(), "{}", over.html);
    Ok(())
}

async fn a_trusted_device_is_not_asked() -> Result<()> {
    let (person, mut browser, page, app, _) = challenged().await?;
    let done = browser.submit(&page.form(CHALLENGE)?, &[("code", &app.code(0)?), ("trust_device", "yes")]).await?.expect(200)?;
    browser.submit(&done.form("/sign-out")?, &[]).await?.expect(200)?;
    ensure!(browser.cookie("__Host-zygo_device").is_some(), "signing out forgot the device");
    browser.sign_in(&person).await?;
    let elsewhere = password(&mut Browser::new(&person.api), &person).await?;
    ensure!(elsewhere.path.starts_with(CHALLENGE), "{}", elsewhere.path);
    // Until its owner trusts it no more.
    let page = browser.open("/account/sessions").await?.expect(200)?;
    ensure!(page.says("Trusted devices"), "{}", page.html);
    let device = page.html.split("name=\"device\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).context("no device")?.to_owned();
    let mut form = page.form("/account/sessions")?;
    form.fields.retain(|name, _| name == "csrf");
    let done = browser.submit(&form, &[("device", &device)]).await?.expect(200)?;
    ensure!(done.says("asked for a second factor again") && !done.says("Trusted devices"), "{}", done.html);
    browser.submit(&form, &[("device", &device)]).await?.expect(404)?;
    let out = browser.open("/account").await?.form("/sign-out")?;
    browser.submit(&out, &[]).await?.expect(200)?;
    ensure!(password(&mut browser, &person).await?.path.starts_with(CHALLENGE), "still trusted");
    Ok(())
}

async fn what_is_grave_asks_again() -> Result<()> {
    let (person, mut browser, page, app, codes) = challenged().await?;
    browser.submit(&page.form(CHALLENGE)?, &[("code", &app.code(0)?)]).await?.expect(200)?;
    let system = world::shared().await?;
    let security = browser.open("/account/security").await?;
    // A second factor was given just now: no need to ask.
    let renewed = browser.submit(&security.form("/account/security/codes")?, &[]).await?.expect(200)?;
    ensure!(!renewed.says(&codes[2]), "the same codes");
    let mut old = Browser::new(&person.api);
    let trusting = password(&mut old, &person).await?;
    system
        .database
        .execute("UPDATE mfa_tokens m SET last_step = NULL FROM users u WHERE u.id = m.user_id AND u.email = $1", &[&person.email])
        .await?;
    old.submit(&trusting.form(CHALLENGE)?, &[("code", &app.code(0)?), ("trust_device", "yes")]).await?.expect(200)?;
    let security = old.open("/account/security").await?;
    old.submit(&security.form("/sign-out")?, &[]).await?;
    // A trusted device gets a session without a factor, which is not enough for this.
    old.sign_in(&person).await?;
    let security = old.open("/account/security").await?;
    let asked = old.submit(&security.form("/account/security/app/remove")?, &[]).await?.expect(200)?;
    ensure!(asked.path.starts_with("/account/confirm"), "{}", asked.path);
    system
        .database
        .execute("UPDATE mfa_tokens m SET last_step = NULL FROM users u WHERE u.id = m.user_id AND u.email = $1", &[&person.email])
        .await?;
    let form = asked.form("/account/confirm")?;
    old.submit(&form, &[("code", &app.wrong_code()?)]).await?.expect(401)?;
    let back = old.submit(&form, &[("code", &app.code(0)?)]).await?.expect(200)?;
    ensure!(back.path == "/account/security", "{}", back.path);
    let done = old.submit(&back.form("/account/security/app/remove")?, &[]).await?.expect(200)?;
    ensure!(done.says("was removed") && done.form("/account/security/app").is_ok(), "{}", done.html);
    Ok(())
}

async fn one_comes_back_where_one_wanted_to_go() -> Result<()> {
    let (person, _, _, app, _) = challenged().await?;
    let mut browser = Browser::new(&person.api);
    let page = browser.open("/account/sessions").await?;
    let page = browser.submit(&page.form("/sign-in")?, &[("email", &person.email), ("password", &person.password)]).await?;
    let wrong = browser.submit(&page.form(CHALLENGE)?, &[("code", &app.wrong_code()?)]).await?;
    let done = browser.submit(&wrong.form(CHALLENGE)?, &[("code", &app.code(0)?)]).await?.expect(200)?;
    ensure!(done.path == "/account/sessions", "{}", done.path);
    let mut browser = Browser::new(&person.api);
    let page = password(&mut browser, &person).await?;
    let hostile = browser.send(&page.form(CHALLENGE)?, &[("code", &app.code(1)?), ("redirect_to", "//evil.example")]).await?.expect(303)?;
    ensure!(hostile.header("location") == Some("/account"), "{:?}", hostile.header("location"));
    Ok(())
}

async fn an_organisation_that_wants_a_factor_says_where_to_set_one_up() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let policy = "UPDATE tenant_settings SET mfa_policy = 'required', mfa_grace_days = 0 WHERE tenant_id = $1";
    system.database.execute(policy, &[&tenant]).await?;
    let mut browser = Browser::new(&system.api()?).at(&member.host);
    let page = password(&mut browser, &member.person).await?.expect(403)?;
    ensure!(page.says("http://getzygo.localhost:8787/account/security"), "{}", page.html);
    Ok(())
}
