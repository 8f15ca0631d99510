//! Methods: HEAD as GET, OPTIONS everywhere, 405 with Allow.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{
    Answer, Api, System,
    routes::{ROUTES, Who, filled, host, methods},
    tests, world,
};

tests![other_methods_are_405_with_allow, options_tell_what_is_allowed, head_is_get_without_a_body, unknown_paths_are_404];

fn paths() -> BTreeSet<&'static str> {
    ROUTES.iter().map(|route| route.path).collect()
}

/// What a path allows, by the contract.
fn allowed(path: &str) -> BTreeSet<&'static str> {
    let mut allowed: BTreeSet<_> = methods(path).into_iter().collect();
    if allowed.contains("GET") {
        allowed.insert("HEAD");
    }
    allowed.insert("OPTIONS");
    allowed
}

fn allow_of(answer: &Answer) -> Result<BTreeSet<&str>> {
    Ok(answer.header("allow").with_context(|| format!("no Allow in {answer}"))?.split(',').map(str::trim).collect())
}

async fn other_methods_are_405_with_allow() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    for path in paths() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
            if allowed(path).contains(method) {
                continue;
            }
            let answer = api.at(host(path)).call(method, &filled(path))?.send().await?.expect(405).with_context(|| format!("{method} {path}"))?;
            answer.problem("METHOD_NOT_ALLOWED")?;
            ensure!(allow_of(&answer)? == allowed(path), "{method} {path}: {:?}", answer.header("allow"));
        }
    }
    Ok(())
}

async fn options_tell_what_is_allowed() -> Result<()> {
    let system = world::shared().await?;
    let api = system.api()?;
    for path in paths() {
        let answer = api.at(host(path)).call("OPTIONS", &filled(path))?.send().await?.expect(204).with_context(|| path.to_owned())?;
        ensure!(allow_of(&answer)? == allowed(path), "{path}: {:?}", answer.header("allow"));
    }
    api.call("OPTIONS", "/no/such/route")?.send().await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}

/// Somebody who may call every GET route.
async fn caller(system: &System, who: Who) -> Result<Api> {
    match who {
        Who::Public | Who::Anybody | Who::Directory | Who::Provider => system.api(),
        Who::Ops => Ok(system.api()?.with(&system.secrets.ops_token)),
        Who::Session | Who::Member => Ok(system.member().await?.session.api),
        Who::Admin => Ok(system.administrator("support").await?.api),
    }
}

/// Headers that may differ between two answers to the same question.
const VARYING: &[&str] = &["x-request-id", "server-timing", "date", "ratelimit", "content-length", "transfer-encoding", "content-encoding"];

async fn head_is_get_without_a_body() -> Result<()> {
    let system = world::shared().await?;
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let api = caller(&system, route.who).await?;
        let get = api.get(&filled(route.path)).await?;
        let head = api.call("HEAD", &filled(route.path))?.send().await?;
        ensure!(get.status == head.status, "{}: {} and {}", route.path, get.status, head.status);
        let plain = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            VARYING.iter().for_each(|name| drop(headers.remove(*name)));
            headers
        };
        ensure!(plain(&get) == plain(&head), "{}: {:?}\n{:?}", route.path, get.headers, head.headers);
        ensure!(!get.body.is_empty(), "{} answers nothing", route.path);
    }
    Ok(())
}

async fn unknown_paths_are_404() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let paths = [
        "/",
        "/nothing",
        "/auth",
        "/auth/",
        "/auth/login/",
        "/AUTH/login",
        "/users/me/x",
        "/v1/auth/login",
        "//auth/login",
        "/auth%2flogin",
        "/.env",
        "/.git/config",
        "/tenants//x",
        "/health/",
        "/users/me;x=1",
    ];
    for path in paths {
        for method in ["GET", "POST", "DELETE"] {
            session.api.call(method, path)?.send().await?.expect(404).with_context(|| format!("{method} {path}"))?.problem("NOT_FOUND")?;
        }
    }
    Ok(())
}
