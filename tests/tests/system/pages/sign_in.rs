//! `/sign-in` and `/sign-out`

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Browser, Person, browser::somebody, tests, world};

tests![
    signing_out_ends_the_session,
    wrong_passwords_and_strangers_look_alike,
    an_unconfirmed_address_is_led_on,
    one_comes_back_where_one_wanted_to_go,
    nobody_is_led_elsewhere,
    too_many_attempts_are_told,
    whoever_is_signed_in_goes_on,
];

async fn signing_out_ends_the_session() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let account = browser.sign_in(&person).await?;
    let (access, before) = (browser.cookie("__Host-zygo_access").map(str::to_owned), browser.clone());
    let out = browser.submit(&account.form("/sign-out")?, &[]).await?.expect(200)?;
    ensure!(out.path == "/sign-in?notice=signed-out" && out.says("You are signed out."), "{}", out.answer);
    ensure!(browser.cookie("__Host-zygo_access").is_none() && browser.cookie("__Host-zygo_refresh").is_none(), "cookies stay");
    ensure!(browser.open("/account").await?.path.starts_with("/sign-in"), "still signed in");
    let mut thief = before;
    ensure!(thief.open("/account").await?.path.starts_with("/sign-in"), "its cookies still work");
    let token = access.unwrap_or_default();
    // The API's isolates learn of it with their next lease.
    zygo_tests::eventually_within(std::time::Duration::from_secs(15), async || {
        person.api.with(&token).get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED").map(drop)
    })
    .await
}

async fn wrong_passwords_and_strangers_look_alike() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let stranger = Person::stranger(&person.api)?;
    let page = browser.open("/sign-in").await?;
    let form = page.form("/sign-in")?;
    let wrong = browser.submit(&form, &[("email", &person.email), ("password", "wrong")]).await?.expect(401)?;
    let unknown = browser.submit(&form, &[("email", &stranger.email), ("password", "wrong")]).await?.expect(401)?;
    ensure!(wrong.says("Address or password is wrong."), "{}", wrong.html);
    // What is random each time: the proof of the form, and what a passkey would be asked with.
    let shown = |page: &zygo_tests::browser::Page, email: &str| -> Result<String> {
        let (csrf, ceremony) = (&page.form("/sign-in")?.fields["csrf"], &page.form("/sign-in/passkey")?.fields["ceremony"]);
        let html = page.html.replace(email, "").replace(csrf.as_str(), "").replace(ceremony.as_str(), "");
        let (before, after) = html.split_once("challenge&#34;:&#34;").context("no challenge")?;
        let (_, after) = after.split_once("&#34;").context("an endless challenge")?;
        Ok(format!("{before}{after}"))
    };
    let (one, other) = (shown(&wrong, &person.email)?, shown(&unknown, &stranger.email)?);
    ensure!(one == other, "{one}\n{other}");
    Ok(())
}

async fn an_unconfirmed_address_is_led_on() -> Result<()> {
    let person = Person::stranger(&world::shared().await?.api()?)?;
    person.sign_up().await?.expect(201)?;
    let mut browser = Browser::new(&person.api);
    let page = browser.open("/sign-in").await?;
    let form = page.form("/sign-in")?;
    let wrong = browser.submit(&form, &[("email", &person.email), ("password", "wrong")]).await?.expect(401)?;
    ensure!(!wrong.says("/verify-email/resend"), "only the right password may learn that the account waits");
    let page = browser.submit(&form, &[("email", &person.email), ("password", &person.password)]).await?.expect(403)?;
    ensure!(page.says("confirm your mail address") && page.says("/verify-email/resend"), "{}", page.html);
    Ok(())
}

async fn one_comes_back_where_one_wanted_to_go() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let page = browser.open("/account/sessions").await?.expect(200)?;
    ensure!(page.path == "/sign-in?redirect_to=%2Faccount%2Fsessions", "{}", page.path);
    let form = page.form("/sign-in")?;
    let wrong = browser.submit(&form, &[("email", &person.email), ("password", "wrong")]).await?.expect(401)?;
    let page = browser.submit(&wrong.form("/sign-in")?, &[("email", &person.email), ("password", &person.password)]).await?.expect(200)?;
    ensure!(page.path == "/account/sessions", "{}", page.path);
    Ok(())
}

async fn nobody_is_led_elsewhere() -> Result<()> {
    let system = world::shared().await?;
    let hostile = [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/account\r\nset-cookie: x=y",
        "%2F%2Fevil.example",
        "/account/../..//evil.example",
        "/users/me",
        "evil.example",
        "",
    ];
    for target in hostile {
        let (person, mut browser) = somebody(&system).await?;
        let page = browser.open("/sign-in").await?;
        let filled = [("email", person.email.as_str()), ("password", person.password.as_str()), ("redirect_to", target)];
        let answer = browser.send(&page.form("/sign-in")?, &filled).await?.expect(303)?;
        ensure!(answer.header("location") == Some("/account"), "{target:?}: {:?}", answer.header("location"));
        // And from a link, for somebody who is signed in.
        let query: String = target.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = browser.get(&format!("/sign-in?redirect_to={query}")).await?.expect(303)?;
        ensure!(answer.header("location") == Some("/account"), "{target:?}: {:?}", answer.header("location"));
    }
    Ok(())
}

async fn too_many_attempts_are_told() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let page = browser.open("/sign-in").await?;
    let form = page.form("/sign-in")?;
    for _ in 0..10 {
        browser.submit(&form, &[("email", &person.email), ("password", "wrong")]).await?.expect(401)?;
    }
    // The page and the API count together.
    let page = browser.submit(&form, &[("email", &person.email), ("password", &person.password)]).await?.expect(429)?;
    ensure!(page.says("Too many attempts") && page.answer.header("retry-after").is_some(), "{}", page.answer);
    Ok(())
}

async fn whoever_is_signed_in_goes_on() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    for path in ["/", "/sign-in"] {
        ensure!(browser.open(path).await?.path == "/account", "{path}");
    }
    Ok(())
}
