//! `/health`, `/metrics`, `/openapi.json`, `/docs`, `/dev/mailbox`

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{
    random,
    routes::{ROUTES, Who},
    shape, tests, world,
};

tests![
    is_alive_at_every_host,
    tells_each_dependency,
    metrics_are_the_operators,
    the_description_names_every_route,
    the_page_runs_its_own_scripts_only,
    the_mailbox_is_a_list_and_a_page,
    the_mailbox_is_developments_alone,
    every_mail_can_be_looked_at,
];

async fn is_alive_at_every_host() -> Result<()> {
    let system = world::shared().await?;
    for host in ["localhost", "api.localhost:8787", "admin.localhost", "getzygo.localhost", "10.0.0.1", "nobody.app.localhost"] {
        let health = system.api()?.at(host).get("/health").await?.json_of(200)?;
        ensure!(health == json!({ "status": "ok" }), "{host}: {health}");
    }
    Ok(())
}

async fn tells_each_dependency() -> Result<()> {
    let system = world::shared().await?;
    let ready = system.api()?.get("/health/ready").await?.json_of(200)?;
    ensure!(ready["status"] == "ok", "{ready}");
    for dependency in ["postgres", "d1", "kv", "r2", "objects"] {
        ensure!(ready["dependencies"][dependency] == "ok", "{dependency}: {ready}");
    }
    Ok(())
}

async fn metrics_are_the_operators() -> Result<()> {
    let system = world::shared().await?;
    let (api, (_, session)) = (system.api()?, system.session().await?);
    api.get("/metrics").await?.expect(401)?.problem("UNAUTHENTICATED")?;
    let mut cut = system.secrets.ops_token.clone();
    cut.pop();
    for token in ["x", &session.access, &cut] {
        api.with(token).get("/metrics").await?.expect(401)?.problem("TOKEN_INVALID")?;
    }
    let answer = api.with(&system.secrets.ops_token).get("/metrics").await?.expect(200)?;
    ensure!(answer.header("content-type").is_some_and(|value| value.starts_with("text/plain; version=0.0.4")), "{:?}", answer.headers);
    let text = String::from_utf8(answer.body)?;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
        let plain = name.split('{').next().unwrap_or_default();
        ensure!(plain.starts_with("zygo_") && value.parse::<f64>().is_ok(), "no Prometheus line: {line}");
        // Routes by their pattern: a path may hold an id or a token.
        ensure!(!name.contains("019"), "{line}");
    }
    ensure!(text.contains("zygo_request_duration_seconds_count{method=\"POST\",route=\"/auth/login\",status=\"200\"}"), "{text}");
    Ok(())
}

async fn the_description_names_every_route() -> Result<()> {
    let system = world::shared().await?;
    let answer = system.api()?.get("/openapi.json").await?.expect(200)?;
    let document = answer.json()?;
    ensure!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{}", document["openapi"]);
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().context("no paths")? {
        for (method, operation) in operations.as_object().context("no operations")? {
            described.insert((method.to_uppercase(), path.clone()));
            ensure!(operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()), "{method} {path}: no responses");
            let named = path.matches('{').count();
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            ensure!(parameters.iter().filter(|parameter| parameter["in"] == "path").count() == named, "{method} {path}: {parameters:?}");
        }
    }
    // What the page at /docs is made of is the one thing beyond the contract.
    described.remove(&("GET".to_owned(), "/docs/{file}".to_owned()));
    let owed: BTreeSet<_> = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    ensure!(described == owed, "described: {described:?}\nowed: {owed:?}");
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let guarded = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        ensure!(guarded == (route.who != Who::Public), "{} {}: {}", route.method, route.path, operation["security"]);
        ensure!(!route.body || operation["requestBody"].is_object(), "{} {} reads no body", route.method, route.path);
    }
    Ok(())
}

async fn the_page_runs_its_own_scripts_only() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let page = api.get("/docs").await?.expect(200)?;
    ensure!(page.header("content-type") == Some("text/html; charset=utf-8"), "{:?}", page.headers);
    let policy = page.header("content-security-policy").context("no policy")?;
    ensure!(policy.contains("script-src 'self'") && !policy.contains("unsafe") && policy.contains("default-src 'none'"), "{policy}");
    let text = String::from_utf8(page.body)?;
    ensure!(!text.contains("http://") && !text.contains("//cdn"), "the page loads from elsewhere");
    for file in text.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
        let path = if file.starts_with('/') { file.to_owned() } else { format!("/{}", file.trim_start_matches("./")) };
        ensure!(api.get(&path).await?.expect(200)?.body.len() > 100, "{path} is empty");
    }
    for odd in ["/docs/nothing.js", "/docs/..%2findex.html", "/docs/index.html%00"] {
        api.get(odd).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    Ok(())
}

async fn the_mailbox_is_a_list_and_a_page() -> Result<()> {
    let system = world::shared().await?;
    let person = system.person().await?;
    person.sign_up().await?.expect(201)?;
    let mails = person.await_mails(2).await?;
    for mail in &mails {
        ensure!(shape::members(mail)? == ["html", "id", "links", "sent_at", "subject", "text", "to", "tokens"], "{mail}");
        ensure!(mail["to"] == person.email.as_str(), "{mail}");
    }
    ensure!(shape::instant(&mails[0]["sent_at"])? >= shape::instant(&mails[1]["sent_at"])?, "not newest first");
    let nobody = format!("/dev/mailbox?to={}@nobody.example", random::word()?);
    ensure!(person.api.get(&nobody).await?.json_of(200)? == json!({ "data": [] }), "somebody else's mail");

    let page = person.api.call("GET", &format!("/dev/mailbox?to={}", person.email))?.header("accept", "text/html").send().await?.expect(200)?;
    ensure!(page.header("content-type") == Some("text/html; charset=utf-8"), "{:?}", page.headers);
    let text = String::from_utf8(page.body)?;
    ensure!(text.contains(mails[0]["subject"].as_str().context("subject")?), "the page lacks the mail");
    Ok(())
}

async fn the_mailbox_is_developments_alone() -> Result<()> {
    let system = world::strict().await?;
    let api = system.api()?;
    for path in ["/dev/mailbox", "/dev/mails", "/dev/mails/0/en"] {
        let answer = api.get(path).await?.expect(404)?;
        ensure!(answer.alike()? == api.get("/no/such/route").await?.expect(404)?.alike()?, "{path} shows");
        api.call("POST", path)?.send().await?.expect(404)?.problem("NOT_FOUND")?;
        api.call("OPTIONS", path)?.send().await?.expect(404)?.problem("NOT_FOUND")?;
    }
    Ok(())
}

async fn every_mail_can_be_looked_at() -> Result<()> {
    let api = world::shared().await?.api()?;
    let page = String::from_utf8(api.get("/dev/mails").await?.expect(200)?.body)?;
    for words in ["verify_email", "invitation", "security_notice", "Ihr Zygo-Code", "your Zygo code"] {
        ensure!(page.contains(words), "no {words}");
    }
    let links: Vec<&str> =
        page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).filter(|link| link.starts_with("/dev/mails/")).collect();
    ensure!(links.len() > 20, "{links:?}");
    for link in links {
        let mail = api.get(link).await?.expect(200)?;
        ensure!(mail.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'; style-src")), "{mail}");
        let html = String::from_utf8(mail.body)?;
        ensure!(html.starts_with("<!doctype html>") && html.contains("acme.example") == link.ends_with("?brand"), "{link}");
    }
    for odd in ["/dev/mails/0/fr", "/dev/mails/999/en", "/dev/mails/x/en", "/dev/mails/-1/en"] {
        api.get(odd).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    Ok(())
}
