//! Passkeys on pages, by an authenticator in software that does what the script does.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_test_authenticator::{Authenticator, Kind};
use zygo_tests::{
    Browser, Person,
    browser::{Page, somebody},
    passkeys::device,
    tests, world,
};

const NEW: &str = "/account/security/passkeys/new";
const REMOVE: &str = "/account/security/passkeys/remove";
const SIGN_IN: &str = "/sign-in/passkey";
const ANSWER: &str = "/sign-in/second-factor/passkey";
const STEP_UP: &str = "/account/confirm/passkey";
const ORIGIN: &str = "http://getzygo.localhost";

tests![
    added_used_and_removed,
    as_second_factor,
    what_is_no_answer_is_refused,
    a_passkey_that_nobody_has,
    without_a_script_nothing_is_offered_in_vain
];

/// What the script does with a form: asks the authenticator, and sends.
async fn send(browser: &mut Browser, page: &Page, action: &str, device: &mut Authenticator, name: &str) -> Result<Page> {
    let options = page.options(action)?;
    let credential = if options["rp"].is_object() { device.create(&options, ORIGIN) } else { device.get(&options, ORIGIN) };
    browser.submit(&page.form(action)?, &[("credential", &json!(credential).to_string()), ("name", name)]).await
}

async fn with_passkey() -> Result<(Person, Browser, Authenticator)> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    let mut device = device(Kind::Ed25519)?;
    let page = browser.open(NEW).await?.expect(200)?;
    let added = send(&mut browser, &page, NEW, &mut device, "Laptop").await?.expect(200)?;
    ensure!(added.path == "/account/security?notice=passkey-added" && added.says("Laptop"), "{}", added.html);
    Ok((person, browser, device))
}

async fn added_used_and_removed() -> Result<()> {
    let (person, browser, mut device) = with_passkey().await?;
    let mut fresh = Browser::new(&person.api);
    let page = fresh.open("/sign-in?redirect_to=/account/sessions").await?;
    let done = send(&mut fresh, &page, SIGN_IN, &mut device, "").await?.expect(200)?;
    ensure!(done.path == "/account/sessions", "{}", done.path);
    // Each question is answered once.
    let again = send(&mut Browser::clone(&browser), &page, SIGN_IN, &mut device, "").await?;
    ensure!(again.answer.status == 403, "{}", again.answer);
    let security = fresh.open("/account/security").await?;
    let id = security.html.split("name=\"id\" value=\"").nth(1).and_then(|part| part.split('"').next()).context("no id")?.to_owned();
    let removed = fresh.submit(&security.form(REMOVE)?, &[("id", &id)]).await?.expect(200)?;
    ensure!(removed.path == "/account/security?notice=passkey-removed" && !removed.says("Laptop"), "{}", removed.html);
    fresh.submit(&security.form(REMOVE)?, &[("id", &id)]).await?.expect(404)?;
    Ok(())
}

async fn as_second_factor() -> Result<()> {
    let (person, _, mut device) = with_passkey().await?;
    let mut browser = Browser::new(&person.api);
    let page = browser.open("/sign-in").await?;
    let asked = browser.submit(&page.form("/sign-in")?, &[("email", &person.email), ("password", &person.password)]).await?.expect(200)?;
    ensure!(asked.path.starts_with("/sign-in/second-factor"), "{}", asked.path);
    let done = send(&mut browser, &asked, ANSWER, &mut device, "").await?.expect(200)?;
    ensure!(done.path == "/account", "{}", done.answer);
    // A session that is not fresh any more is asked before another passkey is added, and comes back there.
    let system = world::shared().await?;
    let session = browser.cookie("__Host-zygo_access").context("no token")?.to_owned();
    let mut claims = zygo_tests::forge::claims(&session)?;
    claims["mfa_at"] = serde_json::Value::Null;
    let plain = system.secrets.sign(&claims);
    browser.set_cookie("__Host-zygo_access", Some(&plain));
    let page = browser.open("/account/confirm?redirect_to=/account/security").await?.expect(200)?;
    let back = send(&mut browser, &page, STEP_UP, &mut device, "").await?.expect(200)?;
    ensure!(back.path == "/account/security", "{}", back.path);
    ensure!(browser.cookie("__Host-zygo_access").is_some_and(|token| token != plain), "no fresh token");
    Ok(())
}

async fn what_is_no_answer_is_refused() -> Result<()> {
    let (person, mut browser, mut device) = with_passkey().await?;
    let page = browser.open(NEW).await?.expect(200)?;
    for odd in ["", "x", "null", "{}", "[]", "{\"id\":1}", &"[".repeat(40)] {
        let refused = browser.submit(&page.form(NEW)?, &[("credential", odd)]).await?.expect(422).with_context(|| odd.to_owned())?;
        refused.options(NEW).context("no other try")?;
    }
    let mut stranger = Browser::new(&person.api);
    let page = stranger.open("/sign-in").await?;
    stranger.submit(&page.form(SIGN_IN)?, &[("credential", "{}")]).await?.expect(422)?;
    // An answer for another site.
    let credential = device.get(&page.options(SIGN_IN)?, "http://evil.localhost");
    let refused = stranger.submit(&page.form(SIGN_IN)?, &[("credential", &json!(credential).to_string())]).await?.expect(401)?;
    ensure!(refused.says("This passkey opens no account here."), "{}", refused.html);
    let stale = stranger.submit(&page.form(SIGN_IN)?, &[("ceremony", "x"), ("credential", &json!(credential).to_string())]).await?.expect(403)?;
    ensure!(stale.says("too old"), "{}", stale.html);
    Ok(())
}

async fn a_passkey_that_nobody_has() -> Result<()> {
    let (person, mut browser, mut device) = with_passkey().await?;
    let security = browser.open("/account/security").await?;
    let id = security.html.split("name=\"id\" value=\"").nth(1).and_then(|part| part.split('"').next()).context("no id")?.to_owned();
    browser.submit(&security.form(REMOVE)?, &[("id", &id)]).await?.expect(200)?;
    let mut fresh = Browser::new(&person.api);
    let page = fresh.open("/sign-in").await?;
    send(&mut fresh, &page, SIGN_IN, &mut device, "").await?.expect(401)?;
    Ok(())
}

async fn without_a_script_nothing_is_offered_in_vain() -> Result<()> {
    let system = world::shared().await?;
    let page = Browser::new(&system.api()?).open("/sign-in").await?.expect(200)?;
    let form = page.html.split("<form").find(|form| form.contains(SIGN_IN)).context("no form")?;
    ensure!(form.split('>').next().is_some_and(|tag| tag.ends_with(" hidden")), "{form}");
    let policy = page.answer.header("content-security-policy").context("no policy")?;
    ensure!(policy.contains("script-src 'self'") && !policy.contains("connect-src"), "{policy}");
    // Pages without passkeys run nothing at all.
    let plain = Browser::new(&system.api()?).open("/sign-up").await?.expect(200)?;
    ensure!(!plain.answer.header("content-security-policy").is_some_and(|policy| policy.contains("script-src")), "a script for nothing");
    Ok(())
}
