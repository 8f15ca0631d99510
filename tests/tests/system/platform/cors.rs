//! Pages of other origins.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, eventually_every, routes::ROUTES, routes::Who, routes::filled, tests, world};

tests![own_hosts_may_read_with_credentials, others_may_not, preflights_say_what_may_be_done, what_an_organisation_lays_down_holds_at_its_host_alone];

fn refused(answer: &Answer) -> Result<()> {
    let names = answer.headers.keys().map(|name| name.as_str());
    let granted: Vec<&str> = names.filter(|name| name.starts_with("access-control-")).collect();
    ensure!(granted.is_empty(), "{granted:?} in {answer}");
    ensure!(varies(answer), "no Vary: Origin in {:?}", answer.headers);
    Ok(())
}

fn varies(answer: &Answer) -> bool {
    answer.header_values("vary").iter().any(|value| value.to_lowercase().split(',').any(|name| name.trim() == "origin"))
}

async fn own_hosts_may_read_with_credentials() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    for origin in [format!("http://{}:8787", member.host), format!("https://{}", member.host)] {
        for api in [member.session.api.at(&member.host), system.api()?.at(&format!("{}:8787", member.host))] {
            let answer = api.call("GET", "/users/me")?.header("origin", &origin).send().await?;
            ensure!(answer.header("access-control-allow-origin") == Some(&origin), "{:?}", answer.headers);
            ensure!(answer.header("access-control-allow-credentials") == Some("true") && varies(&answer), "{:?}", answer.headers);
            let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
            for name in ["x-request-id", "etag", "retry-after", "ratelimit", "server-timing"] {
                ensure!(exposed.contains(name), "{name} is not exposed: {exposed}");
            }
        }
    }
    Ok(())
}

async fn others_may_not() -> Result<()> {
    let system = world::shared().await?;
    let (acme, globex) = tokio::try_join!(system.member(), system.member())?;
    let origins = [
        "null".to_owned(),
        "https://evil.example".into(),
        format!("http://{}:8787", globex.host),
        format!("http://{}.evil.example", acme.host),
        format!("http://evil-{}", acme.host),
        format!("http://{}@evil.example", acme.host),
        "http://localhost:3000".into(),
        "*".into(),
    ];
    for origin in &origins {
        let api = acme.session.api.at(&acme.host);
        let answer = api.call("GET", "/users/me")?.header("origin", origin).send().await?.expect(200)?;
        refused(&answer)?;
        let preflight = api.call("OPTIONS", "/users/me")?.header("origin", origin).header("access-control-request-method", "PATCH");
        refused(&preflight.send().await?.expect(204)?)?;
    }
    // Without an origin there is nothing to grant.
    let plain = acme.session.api.at(&acme.host).get("/users/me").await?.expect(200)?;
    ensure!(plain.header("access-control-allow-origin").is_none(), "{:?}", plain.headers);
    Ok(())
}

async fn preflights_say_what_may_be_done() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let (api, origin) = (system.api()?.at(&member.host), format!("http://{}:8787", member.host));
    for route in ROUTES.iter().filter(|route| route.who != Who::Admin) {
        let call = api.call("OPTIONS", &filled(route.path))?.header("origin", &origin);
        let call = call.header("access-control-request-method", route.method).header("access-control-request-headers", "authorization, content-type");
        let answer = call.send().await?.expect(204)?;
        ensure!(answer.header("access-control-allow-origin") == Some(&origin), "{}: {:?}", route.path, answer.headers);
        let methods = answer.header("access-control-allow-methods").unwrap_or_default();
        ensure!(methods.split(", ").any(|method| method == route.method), "{} {}: {methods}", route.method, route.path);
        let headers = answer.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
        for name in ["authorization", "content-type", "idempotency-key", "if-match", "x-csrf-token"] {
            ensure!(headers.contains(name), "{name} is not allowed: {headers}");
        }
    }
    Ok(())
}

async fn what_an_organisation_lays_down_holds_at_its_host_alone() -> Result<()> {
    let system = world::shared().await?;
    let (acme, globex) = tokio::try_join!(system.member(), system.member())?;
    let (origin, path) = ("https://crm.acme.example", acme.path("/settings"));
    for odd in ["*", "null", "https://crm.acme.example/", "http://crm.acme.example", "https://*.acme.example"] {
        let refused = acme.session.api.patch(&path, &json!({ "cors_origins": [odd] })).await?.expect(422)?;
        ensure!(refused.fields()? == [("cors_origins[0]".to_owned(), "origin".to_owned())], "{refused}");
    }
    let laid_down = acme.session.api.patch(&path, &json!({ "cors_origins": ["https://CRM.acme.example"] })).await?.json_of(200)?;
    ensure!(laid_down["cors_origins"] == json!([origin]), "{laid_down}");
    let ask = async |member: &zygo_tests::Member| member.session.api.at(&member.host).call("GET", "/users/me")?.header("origin", origin).send().await;
    let granted = |answer: &Answer| answer.header("access-control-allow-origin") == Some(origin);
    // Every copy of the directory's has run out by then.
    eventually_every(Duration::from_secs(2), Duration::from_secs(100), async || {
        ensure!(granted(&ask(&acme).await?.expect(200)?), "not yet");
        Ok(())
    })
    .await?;
    let call = acme.session.api.at(&acme.host).call("OPTIONS", "/users/me")?.header("origin", origin);
    let preflight = call.header("access-control-request-method", "PATCH").send().await?.expect(204)?;
    ensure!(granted(&preflight) && preflight.header("access-control-allow-credentials") == Some("true"), "{:?}", preflight.headers);
    refused(&ask(&globex).await?.expect(200)?)?;
    refused(&acme.session.api.call("GET", "/users/me")?.header("origin", origin).send().await?)?;
    acme.session.api.patch(&path, &json!({ "cors_origins": [] })).await?.expect(200)?;
    eventually_every(Duration::from_secs(2), Duration::from_secs(100), async || refused(&ask(&acme).await?)).await
}
