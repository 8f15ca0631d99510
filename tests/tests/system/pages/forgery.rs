//! Forms that no page of ours sent do nothing.

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{
    Browser,
    browser::somebody,
    random,
    routes::{PAGES, Who},
    tests, world,
};

const CSRF: &str = "__Host-zygo_csrf";

tests![no_form_without_its_token, no_form_from_elsewhere, a_forged_form_changes_nothing, the_token_never_looks_the_same, other_bodies_are_refused];

/// A browser that may look at every page, for some person.
async fn browser(who: Who) -> Result<Browser> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    if who != Who::Public {
        browser.sign_in(&person).await?;
    }
    Ok(browser)
}

/// A path that shows the page with its form.
fn shown(path: &str) -> String {
    // What needs more than a path to have a form; a parameter that nobody reads does no harm.
    format!("{path}?token=zv_x")
}

async fn no_form_without_its_token() -> Result<()> {
    for page in PAGES.iter().filter(|page| page.form) {
        let mut browser = browser(page.who).await?;
        // Nobody is invited by such a token.
        let expected = if page.path == "/invitation" { 401 } else { 200 };
        let shown = browser.open(&shown(page.path)).await?.expect(expected)?;
        let mut form = match shown.form(page.path) {
            Ok(form) => form,
            // One session alone has no form to end it, nor has a stranger one to give a second factor, or to accept.
            Err(_) => browser.open("/verify-email/resend").await?.form("/verify-email/resend")?,
        };
        form.action = page.path.to_owned();
        let good = form.fields["csrf"].clone();
        let cookie = browser.cookie(CSRF).context("no cookie")?.to_owned();
        let flipped = format!("{}{}", &good[..63], if good.ends_with('0') { '1' } else { '0' });
        let other = Browser::new(&world::shared().await?.api()?).open("/sign-in").await?.form("/sign-in")?.fields["csrf"].clone();
        for wrong in ["", "x", &cookie, &flipped, &other, &good[..62], &good.repeat(2)] {
            let answer = browser.send(&form, &[("csrf", wrong)]).await?.expect(403).with_context(|| format!("{} {wrong}", page.path))?;
            ensure!(String::from_utf8_lossy(&answer.body).contains("nothing was done"), "{answer}");
        }
        let mut bare = browser.clone();
        bare.set_cookie(CSRF, None);
        bare.send(&form, &[]).await?.expect(403)?;
        bare.set_cookie(CSRF, Some("x"));
        bare.send(&form, &[("csrf", "x")]).await?.expect(403)?;
    }
    Ok(())
}

async fn no_form_from_elsewhere() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let form = browser.open("/sign-in").await?.form("/sign-in")?;
    let filled = [("email", person.email.as_str()), ("password", person.password.as_str())];
    let foreign = [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("http://getzygo.localhost:1"),
        Some("http://evil.getzygo.localhost"),
        Some("http://getzygo.localhost.evil.example"),
        Some("http://localhost"),
        Some("http://acme.app.localhost"),
        Some(""),
    ];
    for origin in foreign {
        browser.clone().send_from(origin, &form, &filled).await?.expect(403).with_context(|| format!("{origin:?}"))?;
    }
    browser.send(&form, &filled).await?.expect(303)?;
    Ok(())
}

async fn a_forged_form_changes_nothing() -> Result<()> {
    let system = world::shared().await?;
    let (person, mut browser) = somebody(&system).await?;
    let account = browser.sign_in(&person).await?;
    let slug = format!("o-{}", random::word()?);
    let form = browser.open("/organisations/new").await?.form("/organisations/new")?;
    browser.send_from(Some("https://evil.example"), &form, &[("name", "Forged"), ("slug", &slug)]).await?.expect(403)?;
    ensure!(system.database.count("SELECT count(*) FROM tenants WHERE slug = $1", &[&slug]).await? == 0, "it was made");
    browser.send_from(Some("https://evil.example"), &account.form("/sign-out")?, &[]).await?.expect(403)?;
    ensure!(browser.open("/account").await?.path == "/account", "signed out from elsewhere");
    Ok(())
}

async fn the_token_never_looks_the_same() -> Result<()> {
    let mut browser = browser(Who::Public).await?;
    let one = browser.open("/sign-in").await?.form("/sign-in")?.fields["csrf"].clone();
    let other = browser.open("/sign-in").await?.form("/sign-in")?.fields["csrf"].clone();
    let cookie = browser.cookie(CSRF).context("no cookie")?;
    ensure!(one != other && !one.contains(cookie), "{one} {other}");
    Ok(())
}

async fn other_bodies_are_refused() -> Result<()> {
    let api = world::shared().await?.api()?.at("getzygo.localhost");
    for page in PAGES.iter().filter(|page| page.form && page.who == Who::Public) {
        for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
            let answer = api.call("POST", page.path)?.header("content-type", kind).body("{}").send().await?;
            answer.expect(415).with_context(|| format!("{} {kind}", page.path))?;
        }
    }
    Ok(())
}
