//! Where the pages are, and what they look like where something is wrong.

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{
    Browser, Person,
    browser::somebody,
    proxy::Line,
    routes::{PAGES, Who},
    tests, world,
};

tests![
    every_page_at_its_hosts,
    guarded_pages_lead_to_sign_in,
    elsewhere_there_are_no_pages,
    errors_are_pages_where_people_look,
    an_organisations_own_sign_in,
    a_member_of_another_organisation_stays_outside,
    files_are_kept_by_their_mark,
    without_postgres_the_page_says_so,
];

async fn every_page_at_its_hosts() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for host in ["getzygo.localhost", member.host.as_str()] {
        let mut stranger = Browser::new(&system.api()?).at(host);
        let mut signed_in = stranger.clone();
        signed_in.sign_in(&member.person).await?;
        for page in PAGES {
            let browser = if page.who == Who::Public { &mut stranger } else { &mut signed_in };
            let wanted = if page.everywhere || host == "getzygo.localhost" { 200 } else { 404 };
            browser.get(page.path).await?.expect(wanted).with_context(|| format!("{host}{}", page.path))?;
        }
    }
    Ok(())
}

async fn guarded_pages_lead_to_sign_in() -> Result<()> {
    let system = world::shared().await?;
    for page in PAGES.iter().filter(|page| page.who != Who::Public) {
        let mut browser = Browser::new(&system.api()?);
        let shown = browser.open(page.path).await?.expect(200)?;
        ensure!(shown.path.starts_with("/sign-in"), "{}: {}", page.path, shown.path);
        let form = shown.form("/sign-in")?;
        let form = zygo_tests::browser::Form { action: page.path.to_owned(), ..form };
        if page.form {
            browser.send(&form, &[]).await?.expect(303)?;
        }
    }
    Ok(())
}

async fn elsewhere_there_are_no_pages() -> Result<()> {
    let system = world::shared().await?;
    for host in ["localhost", "api.localhost", "admin.localhost"] {
        let api = system.api()?.at(host);
        for path in PAGES.iter().map(|page| page.path).chain(["/"]) {
            for method in ["GET", "POST", "OPTIONS"] {
                let answer = api.call(method, path)?.header("accept", "text/html").send().await?.expect(404)?;
                answer.problem("NOT_FOUND").with_context(|| format!("{method} {host}{path}"))?;
            }
        }
    }
    Ok(())
}

async fn errors_are_pages_where_people_look() -> Result<()> {
    let system = world::shared().await?;
    let mut browser = Browser::new(&system.api()?);
    let lost = browser.open("/no/such/page").await?.expect(404)?;
    ensure!(lost.says("There is nothing at this address.") && lost.says("lang=\"en\""), "{}", lost.html);
    let id = lost.answer.header("x-request-id").context("no id")?;
    ensure!(lost.says(id), "the reference is missing");
    let german = Browser::new(&system.api()?).reading("de").open("/no/such/page").await?.expect(404)?;
    ensure!(german.says("Unter dieser Adresse gibt es nichts."), "{}", german.html);
    // A program gets what programs read.
    system.api()?.at("getzygo.localhost").get("/no/such/page").await?.expect(404)?.problem("NOT_FOUND")?;
    let api = system.api()?.at("getzygo.localhost");
    let other = api.call("DELETE", "/sign-in")?.send().await?.expect(405)?;
    ensure!(other.header("allow") == Some("GET, HEAD, POST, OPTIONS"), "{:?}", other.header("allow"));
    let nobody = Browser::new(&system.api()?).at("nobody-here.app.localhost").open("/sign-in").await?.expect(404)?;
    ensure!(nobody.says("There is no organisation at this address."), "{}", nobody.html);
    Ok(())
}

async fn an_organisations_own_sign_in() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let mut browser = Browser::new(&system.api()?).at(&member.host);
    let page = browser.open("/").await?;
    ensure!(page.path == "/sign-in" && page.says(&member.slug) && !page.says("/sign-up"), "{}", page.html);
    let account = browser.sign_in(&member.person).await?;
    ensure!(account.says("this one") && !account.says("/organisations/new"), "{}", account.html);
    // Its session is the organisation's: the API takes its token there.
    let token = browser.cookie("__Host-zygo_access").context("no token")?;
    let me = system.api()?.at(&member.host).with(token).get("/users/me").await?.json_of(200)?;
    ensure!(me["active_tenant"]["slug"] == member.slug.as_str(), "{me}");
    Ok(())
}

async fn a_member_of_another_organisation_stays_outside() -> Result<()> {
    let system = world::shared().await?;
    let (here, elsewhere) = (system.member().await?, system.member().await?);
    let mut browser = Browser::new(&system.api()?).at(&here.host);
    let form = browser.open("/sign-in").await?.form("/sign-in")?;
    let Person { email, password, .. } = &elsewhere.person;
    browser.submit(&form, &[("email", email), ("password", password)]).await?.expect(401)?;
    // Nor do the cookies of one host work at another, should they ever get there.
    let mut home = Browser::new(&system.api()?).at(&elsewhere.host);
    home.sign_in(&elsewhere.person).await?;
    for name in ["__Host-zygo_access", "__Host-zygo_refresh", "__Host-zygo_csrf"] {
        browser.set_cookie(name, home.cookie(name));
    }
    browser.open("/account").await?.expect(403)?;
    Ok(())
}

async fn files_are_kept_by_their_mark() -> Result<()> {
    let system = world::shared().await?;
    let mut browser = Browser::new(&system.api()?);
    let page = browser.open("/sign-in").await?;
    let files: Vec<&str> = page.html.split('"').filter(|part| part.starts_with("/assets/")).collect();
    ensure!(files.len() >= 2, "{files:?}");
    for file in files {
        let answer = browser.get(file).await?.expect(200)?;
        ensure!(answer.header("cache-control") == Some("public, max-age=31536000"), "{file}: {:?}", answer.headers);
        let plain = browser.get(file.split('?').next().unwrap_or_default()).await?.expect(200)?;
        ensure!(plain.header("cache-control") == Some("public, max-age=300") && plain.body == answer.body, "{file}");
    }
    browser.get("/assets/index.html").await?.expect(404)?;
    Ok(())
}

async fn without_postgres_the_page_says_so() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let (person, mut browser) = somebody(&system).await?;
    browser.sign_in(&person).await?;
    system.proxy.set(Line::Cut);
    let page = browser.open("/account").await;
    system.proxy.set(Line::Open);
    let page = page?.expect(503)?;
    ensure!(page.says("does not work at the moment") && page.answer.header("retry-after").is_some(), "{}", page.answer);
    browser.open("/account").await?.expect(200)?;
    Ok(())
}
