//! Headers of requests and answers: request ids, caching, security, timing.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use zygo_tests::{
    routes::{ROUTES, Who, filled},
    tests, world,
};

tests![sane_request_ids_are_kept, others_are_replaced, every_request_is_one_log_line, private_answers_are_not_cached, timing_adds_up];

async fn sane_request_ids_are_kept() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    for id in ["abcd1234", "01J9_x-y.z0", "019a0000-0000-7000-8000-000000000001", &"r".repeat(128)] {
        for path in ["/health", "/users/me", "/nothing"] {
            let answer = api.call("GET", path)?.header("x-request-id", id).send().await?;
            ensure!(answer.header("x-request-id") == Some(id), "{path}: {id} became {:?}", answer.header("x-request-id"));
        }
    }
    Ok(())
}

async fn others_are_replaced() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    let insane = [
        "",
        "x",
        "with space in it",
        "{\"a\":\"b\"}",
        "<script>alert(1)</script>",
        "a;b=c,d/e:f",
        "%0d%0aset-cookie",
        &"r".repeat(129),
        &"r".repeat(5000),
    ];
    for id in insane {
        let answer = api.call("GET", "/health")?.header("x-request-id", id).send().await?;
        let made: uuid::Uuid = answer.header("x-request-id").context("no id")?.parse().with_context(|| format!("{id:.40} was kept"))?;
        ensure!(made.get_version_num() == 7, "{made}");
    }
    let (one, two) = (api.get("/health").await?, api.get("/health").await?);
    ensure!(one.header("x-request-id") != two.header("x-request-id"), "two requests with one id");
    Ok(())
}

async fn every_request_is_one_log_line() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let wanted = format!("logged-{}", zygo_tests::random::word()?);
    let path = format!("/tenants/{}", member.tenant_id);
    member.session.api.call("GET", &path)?.header("x-request-id", &wanted).send().await?.expect(200)?;
    let line = zygo_tests::eventually(async || {
        let log = system.log().await?;
        let lines: Vec<Value> = log.lines().filter(|line| line.contains(&wanted)).filter_map(|line| serde_json::from_str(line).ok()).collect();
        ensure!(lines.len() == 1, "{} lines of JSON", lines.len());
        lines.into_iter().next().context("a line")
    })
    .await?;
    ensure!(line["route"] == "/tenants/{id}" && line["method"] == "GET" && line["status"] == 200, "{line}");
    ensure!(line["tenant_id"] == member.tenant_id.as_str() && line["user_id"] == member.session.user_id.as_str(), "{line}");
    ensure!(line["request_id"] == wanted.as_str() && line["rt"] == 1 && line["ms"].is_number(), "{line}");
    Ok(())
}

async fn private_answers_are_not_cached() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for route in ROUTES.iter().filter(|route| route.method == "GET" && matches!(route.who, Who::Session | Who::Member)) {
        let path = route.path.replace("/tenants/{id}", &format!("/tenants/{}", member.tenant_id));
        // Of what else has a name in its path, there is nothing in this system.
        if path.contains('{') {
            continue;
        }
        let answer = member.session.api.get(&path).await?.expect(200)?;
        let cache = answer.header("cache-control").context("no Cache-Control")?;
        // What has an entity tag may be kept by its owner, if they ask each time; the rest may not be kept at all.
        let fine = cache == "no-store" || (answer.header("etag").is_some() && cache == "private, no-cache");
        ensure!(fine, "{path}: {cache}");
    }
    Ok(())
}

async fn timing_adds_up() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for route in ROUTES.iter().filter(|route| route.method == "GET" && route.who != Who::Ops) {
        let timing = member.session.api.get(&filled(route.path)).await?.timing()?;
        ensure!(timing.total >= 0.0 && timing.auth >= 0.0 && timing.db >= 0.0, "{}: {timing:?}", route.path);
        ensure!(timing.db <= timing.total + 1.0 && timing.auth <= timing.total + 1.0, "{}: {timing:?}", route.path);
    }
    Ok(())
}
