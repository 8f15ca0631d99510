//! `POST /auth/switch-tenant`

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Session, forge, tests, world};

tests![begins_a_session_there_beside_the_present_one, only_into_ones_own];

async fn begins_a_session_there_beside_the_present_one() -> Result<()> {
    let system = world::shared().await?;
    let (person, platform) = system.session().await?;
    let first = system.member_of_new(person.clone(), &platform).await?;
    let second = system.member_of_new(person.clone(), &platform).await?;
    // From one organisation to the other, at the API's host.
    let input = json!({ "tenant_id": second.tenant_id });
    let switched = Session::read(first.session.api.post("/auth/switch-tenant", &input).await?, &person.api)?;
    ensure!(forge::claims(&switched.access)?["tid"] == second.tenant_id.as_str(), "{}", switched.body);
    ensure!(forge::claims(&switched.access)?["amr"] == forge::claims(&platform.access)?["amr"], "how they signed in was lost");
    ensure!(switched.id != first.session.id && switched.id != second.session.id, "not a session of its own");
    for session in [&platform, &first.session, &second.session, &switched] {
        session.api.get("/users/me").await?.expect(200)?;
    }
    let me = switched.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["active_tenant"]["id"] == second.tenant_id.as_str(), "{me}");
    ensure!(me["memberships"].as_array().context("memberships")?.len() == 2, "{me}");
    Ok(())
}

async fn only_into_ones_own() -> Result<()> {
    let system = world::shared().await?;
    let (member, (_, stranger)) = tokio::try_join!(system.member(), system.session())?;
    for tenant in [member.tenant_id.as_str(), "019a0000-0000-7000-8000-000000000001", "00000000-0000-0000-0000-000000000000"] {
        let answer = stranger.api.post("/auth/switch-tenant", &json!({ "tenant_id": tenant })).await?;
        answer.expect(404)?.problem("NOT_FOUND").with_context(|| tenant.to_owned())?;
    }
    for odd in [json!("x"), json!(null), json!(7), json!({}), json!("")] {
        let fields = stranger.api.post("/auth/switch-tenant", &json!({ "tenant_id": odd })).await?.expect(422)?.fields()?;
        ensure!(fields.iter().any(|(path, _)| path == "tenant_id"), "{odd}: {fields:?}");
    }
    Ok(())
}
