//! Every route, and who may call it.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{
    Answer, Api, forge,
    routes::{ROUTES, Route, Who, filled, host, plain_status},
    tests, world,
};

tests![without_a_token, with_a_bad_token, with_an_expired_token, public_routes_need_none, outside_of_an_organisation, at_the_administrations_host];

/// Calls a route where it is served: at the client's own host, unless that is the administration's to serve.
async fn call(api: &Api, route: &Route) -> Result<Answer> {
    let api = if route.who == Who::Admin { api.at(host(route.path)) } else { api.clone() };
    let call = api.call(route.method, &filled(route.path))?;
    if route.body { call.json(&json!({})).send().await } else { call.send().await }
}

fn guarded() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| !matches!(route.who, Who::Public | Who::Provider))
}

async fn without_a_token() -> Result<()> {
    let system = world::shared().await?;
    let (api, member) = (system.api()?, system.member().await?);
    for route in guarded().filter(|route| route.who != Who::Anybody) {
        for host in ["localhost", &member.host] {
            let answer = call(&api.at(host), route).await?.expect(401).with_context(|| format!("{route:?}"))?;
            answer.problem("UNAUTHENTICATED")?;
            let challenge = answer.header("www-authenticate").context("no challenge")?;
            ensure!(challenge.starts_with("Bearer"), "{challenge}");
        }
    }
    Ok(())
}

async fn with_a_bad_token() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let claims = forge::claims(&session.access)?;
    let unsigned = forge::unsigned(&json!({ "alg": "none", "kid": system.secrets.kid }), &claims);
    let confused = system.secrets.sign_hs256(&claims)?;
    for route in guarded() {
        for token in [&unsigned, &confused] {
            call(&system.api()?.with(token), route).await?.expect(401).with_context(|| format!("{route:?}"))?.problem("TOKEN_INVALID")?;
        }
    }
    Ok(())
}

async fn with_an_expired_token() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    let mut claims = forge::claims(&session.access)?;
    let issued = claims["iat"].as_i64().context("iat")?;
    claims["iat"] = (issued - 1000).into();
    claims["exp"] = (issued - 100).into();
    let expired = system.secrets.sign(&claims);
    for route in guarded().filter(|route| !matches!(route.who, Who::Ops | Who::Directory)) {
        call(&system.api()?.with(&expired), route).await?.expect(401).with_context(|| format!("{route:?}"))?.problem("TOKEN_EXPIRED")?;
    }
    Ok(())
}

async fn public_routes_need_none() -> Result<()> {
    let system = world::shared().await?;
    for route in ROUTES.iter().filter(|route| route.who == Who::Public) {
        let expected = plain_status(route);
        call(&system.api()?, route).await?.expect(expected).with_context(|| format!("{route:?}"))?;
        // Nor does a bad one hurt: nobody asked for it.
        call(&system.api()?.with("x.y.z"), route).await?.expect(expected).with_context(|| format!("{route:?}"))?;
    }
    Ok(())
}

async fn outside_of_an_organisation() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for route in ROUTES.iter().filter(|route| route.who == Who::Member) {
        let answer = call(&session.api, route).await?.expect(403).with_context(|| format!("{route:?}"))?;
        ensure!(answer.problem("PERMISSION_DENIED")?["details"].get("permission").is_some(), "{answer}");
    }
    Ok(())
}

async fn at_the_administrations_host() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for host in ["admin.localhost", "getzygo.localhost"] {
        let api = session.api.at(host);
        // Where a browser is sent through, the public host's pages lead to.
        let through = |path: &str| host == "getzygo.localhost" && (path.starts_with("/auth/oauth/{provider}") || path.starts_with("/auth/sso"));
        let of_people = |path: &str| ["/auth", "/users", "/tenants"].iter().any(|start| path.starts_with(start));
        for route in ROUTES.iter().filter(|route| of_people(route.path) && !through(route.path)) {
            call(&api, route).await?.expect(404).with_context(|| format!("{route:?}"))?.problem("NOT_FOUND")?;
        }
    }
    session.api.get("/users/me").await?.expect(200)?;
    Ok(())
}
