//! Postgres away, and back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;
use zygo_tests::{Answer, Member, Person, System, eventually, eventually_within, proxy::Line, random, tests, world};

tests![cut_off, out_of_earshot, cut_in_the_middle_of_a_request, back_after_a_restart_of_its_own];

/// How long a caller may wait to hear that Postgres is away.
const LIMIT: Duration = Duration::from_secs(3);

/// Whatever a test ends with, the line is open for the next.
async fn with_line<T>(system: &System, line: Line, test: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    system.proxy.set(line);
    let done = test().await;
    system.proxy.set(Line::Open);
    done
}

/// Routes that need Postgres, each with a request that would otherwise be answered.
fn needing(member: &Member, stranger: &Person) -> Result<Vec<(&'static str, String, Option<Value>)>> {
    let slug = format!("away-{}", random::word()?);
    Ok(vec![
        ("POST", "/auth/signup".into(), Some(json!({ "email": stranger.email, "password": stranger.password }))),
        ("POST", "/auth/login".into(), Some(json!({ "email": member.person.email, "password": member.person.password }))),
        ("POST", "/auth/verify-email/resend".into(), Some(json!({ "email": stranger.email }))),
        ("POST", "/auth/verify-email".into(), Some(json!({ "token": format!("zv_{}", "A".repeat(43)) }))),
        ("GET", "/users/me".into(), None),
        ("PATCH", "/users/me".into(), Some(json!({ "first_name": "Away" }))),
        ("GET", "/tenants".into(), None),
        ("POST", "/tenants".into(), Some(json!({ "name": "Away", "slug": slug }))),
        ("GET", format!("/tenants/{}", member.tenant_id), None),
        ("GET", "/auth/sessions".into(), None),
        ("POST", "/auth/switch-tenant".into(), Some(json!({ "tenant_id": member.tenant_id }))),
    ])
}

async fn timed(member: &Member, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
    let call = member.session.api.from_elsewhere().call(method, path)?;
    let start = Instant::now();
    let answer = if let Some(body) = body { call.json(body).send().await? } else { call.send().await? };
    ensure!(start.elapsed() <= LIMIT, "{method} {path} took {:?}", start.elapsed());
    Ok(answer)
}

async fn is_away(system: &System, line: Line) -> Result<()> {
    let member = system.member().await?;
    system.settle().await?;
    let stranger = Person::stranger(&system.api()?)?;
    with_line(system, line, async || {
        for (method, path, body) in needing(&member, &stranger)? {
            let answer = timed(&member, method, &path, body.as_ref()).await?.expect(503).with_context(|| format!("{method} {path}"))?;
            answer.problem("DEPENDENCY_UNAVAILABLE")?;
            let text = String::from_utf8_lossy(&answer.body).to_lowercase();
            ensure!(!text.contains("postgres") && !text.contains("127.0.0.1"), "the cause shows: {text}");
        }
        // What needs no Postgres goes on.
        for path in ["/health", "/permissions", "/.well-known/jwks.json", "/openapi.json"] {
            member.session.api.at(&member.host).get(path).await?.expect(200)?;
        }
        let ready = timed(&member, "GET", "/health/ready", None).await?.expect(503)?.json()?;
        ensure!(ready["dependencies"]["postgres"] == "down" && ready["dependencies"]["objects"] == "ok", "{ready}");
        Ok(())
    })
    .await?;
    // Back by itself: the next request is served, and what was refused was not done.
    eventually(async || member.session.api.get("/users/me").await?.expect(200)).await?;
    let me = member.session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["first_name"].is_null(), "a refused change was made: {me}");
    let rows = system.database.count("SELECT count(*) FROM users WHERE email = $1", &[&stranger.email]).await?;
    ensure!(rows == 0, "a refused sign-up was made");
    member.session.api.get("/health/ready").await?.expect(200)?;
    stranger.sign_up().await?.expect(201)?;
    Ok(())
}

async fn cut_off() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    is_away(&system, Line::Cut).await
}

async fn out_of_earshot() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    is_away(&system, Line::Silent).await
}

async fn cut_in_the_middle_of_a_request() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let (_, session) = system.session().await?;
    let (key, slug) = (random::word()?, format!("half-{}", random::word()?));
    let create = async || {
        let call = session.api.call("POST", "/tenants")?.header("idempotency-key", &key);
        call.json(&json!({ "name": "Half", "slug": slug })).send().await
    };
    system.proxy.set_round_trip(Duration::from_millis(400));
    let (answer, ()) = tokio::join!(create(), async {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        system.proxy.set(Line::Cut);
    });
    system.proxy.set_round_trip(Duration::ZERO);
    system.proxy.set(Line::Open);
    let answer = answer?;
    if answer.status != 201 {
        answer.expect(503)?.problem("DEPENDENCY_UNAVAILABLE")?;
    }
    // All of it or nothing; and the client can go on.
    let again = create().await?;
    ensure!(matches!(again.status, 201 | 409), "{again}");
    let whole = "SELECT count(*) FROM tenants t WHERE t.slug = $1 AND EXISTS (SELECT FROM user_roles m WHERE m.tenant_id = t.id) \
                 AND (SELECT count(*) FROM roles r WHERE r.tenant_id = t.id) = 6 AND EXISTS (SELECT FROM outbox o WHERE o.tenant_id = t.id)";
    ensure!(system.database.count(whole, &[&slug]).await? == 1, "half an organisation");
    Ok(())
}

/// Connections that a pool might have kept are all ended by the server at once.
async fn back_after_a_restart_of_its_own() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..5 {
        system.database.count(end, &[]).await?;
        eventually_within(LIMIT, async || member.session.api.get("/users/me").await?.expect(200)).await?;
    }
    Ok(())
}
