//! `POST /auth/logout`

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Session, eventually_within, tests, world};

tests![ends_this_session, ends_the_others, ends_all_in_every_tenant, odd_scopes_are_refused];

/// The longest that an access token may outlive its session: the gate's lease.
const LEASE: Duration = Duration::from_secs(10);

async fn is_over(session: &Session) -> Result<()> {
    session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    eventually_within(LEASE, async || session.api.get("/users/me").await?.expect(401)?.problem("SESSION_REVOKED")).await?;
    Ok(())
}

async fn is_alive(session: &Session) -> Result<()> {
    session.api.get("/users/me").await?.expect(200)?;
    session.refresh().await?.expect(200)?;
    Ok(())
}

async fn ends_this_session() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let other = person.sign_in().await?;
    // Without a body at all, as a client would who has nothing to say.
    session.api.call("POST", "/auth/logout")?.send().await?.expect(204)?;
    is_over(&session).await?;
    is_alive(&other).await?;
    session.api.call("POST", "/auth/logout")?.send().await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}

async fn ends_the_others() -> Result<()> {
    let system = world::shared().await?;
    let (person, session) = system.session().await?;
    let (second, third) = tokio::try_join!(person.sign_in(), person.sign_in())?;
    session.api.post("/auth/logout", &json!({ "scope": "others" })).await?.expect(204)?;
    tokio::try_join!(is_over(&second), is_over(&third))?;
    is_alive(&session).await
}

async fn ends_all_in_every_tenant() -> Result<()> {
    let system = world::shared().await?;
    let (person, platform) = system.session().await?;
    let first = system.member_of_new(person.clone(), &platform).await?;
    let second = system.member_of_new(person.clone(), &platform).await?;
    let stranger = system.session().await?.1;
    first.session.api.post("/auth/logout", &json!({ "scope": "all" })).await?.expect(204)?;
    tokio::try_join!(is_over(&platform), is_over(&first.session), is_over(&second.session))?;
    is_alive(&stranger).await?;
    let again = person.sign_in().await?;
    let list = again.api.get("/auth/sessions").await?.json_of(200)?;
    ensure!(list["data"].as_array().map(Vec::len) == Some(1), "{list}");
    Ok(())
}

async fn odd_scopes_are_refused() -> Result<()> {
    let system = world::shared().await?;
    let (_, session) = system.session().await?;
    for scope in [json!("everyone"), json!(""), json!(null), json!(1), json!(["all"])] {
        let fields = session.api.post("/auth/logout", &json!({ "scope": scope })).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == "scope"), "{scope}: {fields:?}");
    }
    is_alive(&session).await
}
