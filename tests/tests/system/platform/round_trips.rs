//! Round trips to Postgres: what the header says, what the contract allows, and what the line saw.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, Person, random, tests, world};

tests![every_route_keeps_its_budget, accounts_keep_theirs, the_header_tells_the_truth];

fn spent(answer: &Answer, most: u32) -> Result<()> {
    let round_trips = answer.round_trips()?;
    ensure!(answer.status < 400 && round_trips <= most, "{round_trips} round trips, {most} allowed: {answer}");
    Ok(())
}

async fn every_route_keeps_its_budget() -> Result<()> {
    let system = world::shared().await?;
    let stranger = Person::stranger(&system.api()?)?;
    spent(&stranger.sign_up().await?, 1)?;
    spent(&stranger.sign_up().await?, 1)?;
    let token = stranger.verification_token().await?;
    spent(&stranger.api.post("/auth/verify-email/resend", &json!({ "email": stranger.email })).await?, 1)?;
    spent(&stranger.verify(&token).await?, 1)?;
    spent(&stranger.try_sign_in().await?, 2)?;

    let member = system.member().await?;
    let session = &member.session;
    spent(&session.refresh().await?, 1)?;
    for (path, most) in [
        ("/users/me", 1),
        ("/auth/sessions", 1),
        ("/tenants", 1),
        ("/permissions", 0),
        ("/health", 0),
        ("/openapi.json", 0),
        ("/docs", 0),
        ("/.well-known/jwks.json", 0),
        (&format!("/tenants/{}", member.tenant_id), 1),
    ] {
        spent(&session.api.get(path).await?, most)?;
        spent(&session.api.at(&member.host).get(path).await?, most)?;
    }
    let me = session.api.get("/users/me").await?;
    ensure!(me.round_trips()? == 1, "a read takes one: {me}");
    let created = session.api.post("/tenants", &json!({ "name": "Trips", "slug": format!("trips-{}", random::word()?) })).await?;
    ensure!(created.expect(201)?.round_trips()? == 1, "a write takes one");
    spent(&session.api.patch("/users/me", &json!({ "first_name": "Ada" })).await?, 1)?;
    spent(&session.api.post("/auth/switch-tenant", &json!({ "tenant_id": member.tenant_id })).await?, 2)?;
    let other = member.person.sign_in().await?;
    spent(&session.api.delete(&format!("/auth/sessions/{}", other.id)).await?, 1)?;
    spent(&session.api.post("/auth/logout", &json!({})).await?, 1)?;
    let wrong = member.person.with_password("wrong").try_sign_in().await?.expect(401)?;
    ensure!(wrong.round_trips()? <= 2, "{wrong}");
    Ok(())
}

/// One round trip for what is one statement; two where a password is hashed between them, or a session begins.
async fn accounts_keep_theirs() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let email = json!({ "email": person.email });
    spent(&person.api.post("/auth/forgot-password", &email).await?, 1)?;
    let reset = json!({ "token": person.token_for("/reset").await?, "password": person.password });
    spent(&person.api.post("/auth/magic-link", &email).await?, 1)?;
    let magic = json!({ "token": person.token_for("/magic").await? });
    spent(&session.api.get("/users/me/preferences").await?, 1)?;
    spent(&session.api.patch("/users/me/preferences", &json!({ "theme": "dark" })).await?, 1)?;
    spent(&person.api.post("/auth/magic-link/redeem", &magic).await?, 2)?;
    spent(&person.api.post("/auth/reset-password", &reset).await?, 2)?;
    let session = person.sign_in().await?;
    let passwords = json!({ "current_password": person.password, "new_password": format!("{} again", person.password) });
    spent(&session.api.post("/users/me/change-password", &passwords).await?, 2)?;
    let new = Person { email: Person::stranger(&system.api()?)?.email, ..person.clone() };
    let wish = json!({ "email": new.email, "password": format!("{} again", person.password) });
    spent(&session.api.post("/users/me/change-email", &wish).await?, 2)?;
    let confirm = json!({ "token": new.token_for("/confirm-email").await? });
    spent(&person.api.post("/auth/confirm-email", &confirm).await?, 1)?;
    spent(&session.api.delete("/users/me").await?, 1)?;
    let keep = json!({ "token": new.token_for("/cancel-deletion").await? });
    spent(&person.api.post("/auth/cancel-deletion", &keep).await?, 1)?;
    let revert = json!({ "token": person.token_for("/revert-email").await? });
    spent(&person.api.post("/auth/revert-email", &revert).await?, 1)?;
    Ok(())
}

/// On a long line a round trip cannot hide: the client's words and the server's alternate as often as there are trips.
async fn the_header_tells_the_truth() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    system.settle().await?;
    let api = &member.session.api;
    api.get("/users/me").await?.expect(200)?;
    system.proxy.set_round_trip(Duration::from_millis(60));
    let body = json!({ "name": "Trips", "slug": format!("truth-{}", random::word()?) });
    let measured = async {
        for (method, path, body) in
            [("GET", "/users/me", None), ("GET", "/tenants", None), ("GET", "/auth/sessions", None), ("POST", "/tenants", Some(&body))]
        {
            let call = api.call(method, path)?;
            let call = if let Some(body) = body { call.json(body) } else { call };
            let before = system.proxy.count();
            let answer = call.send().await?;
            let seen = system.proxy.count() - before;
            let told = answer.round_trips().context("rt")?;
            ensure!(answer.status < 300 && told == 1, "{method} {path}: {answer}");
            ensure!(seen.turns == u64::from(told) && seen.connections == 1, "{method} {path}: told {told}, seen {seen:?}");
        }
        Ok(())
    };
    let measured = measured.await;
    system.proxy.set_round_trip(Duration::ZERO);
    measured
}
