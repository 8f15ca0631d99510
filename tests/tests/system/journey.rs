//! The README's first five minutes.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use zygo_tests::{Person, Session, eventually, random, tests, world};

tests![a_newcomers_first_five_minutes, another_organisations_data_is_not_there];

async fn a_newcomers_first_five_minutes() -> Result<()> {
    let system = world::shared().await?;
    let person = Person::stranger(&system.api()?)?;

    let signed_up = person.sign_up().await?.json_of(201)?;
    ensure!(signed_up["verification_required"] == true && signed_up["user"]["email"] == person.email.as_str(), "{signed_up}");
    person.try_sign_in().await?.expect(403)?.problem("EMAIL_NOT_VERIFIED")?;

    let mail = person.await_mails(1).await?.first().cloned().context("no mail")?;
    let token = mail["tokens"]["verify"].as_str().context("no token in the mail")?;
    let link = mail["links"][0].as_str().context("no link in the mail")?;
    ensure!(link.starts_with("http") && link.contains(token), "the link lacks the token: {link}");
    let verified = person.verify(token).await?.json_of(200)?;
    ensure!(verified["user"]["email_verified"] == true, "{verified}");

    let session = person.sign_in().await?;
    ensure!(session.body["tenant"].is_null(), "a newcomer belongs to nobody: {}", session.body);
    let me = session.api.get("/users/me").await?.json_of(200)?;
    ensure!(me["memberships"] == json!([]) && me["active_tenant"].is_null(), "{me}");

    let slug = format!("acme-{}", random::word()?);
    let tenant = session.api.post("/tenants", &json!({ "name": "Acme", "slug": slug })).await?.json_of(201)?;
    let host = format!("{slug}.app.localhost");
    ensure!(tenant["host"].as_str().is_some_and(|named| named.starts_with(&host)), "{tenant}");

    let switched = session.api.post("/auth/switch-tenant", &json!({ "tenant_id": tenant["id"] })).await?;
    let inside = Session::read(switched, &person.api)?;
    // At the organisation's own host, with a port as a browser sends it.
    let me = inside.api.at(&format!("{host}:8787")).get("/users/me").await?.json_of(200)?;
    ensure!(me["active_tenant"]["slug"] == slug.as_str() && me["memberships"][0]["role"]["key"] == "owner", "{me}");
    ensure!(me["permissions"].as_array().map(Vec::len) == Some(114), "an owner holds all permissions");
    inside.api.at(&host).get(&format!("/tenants/{}", tenant["id"].as_str().context("no id")?)).await?.expect(200)?;

    let there = Session::read(person.at(&host).try_sign_in().await?, &person.api)?;
    ensure!(there.body["tenant"]["id"] == tenant["id"], "signing in at the host is signing in to the organisation");
    Ok(())
}

async fn another_organisations_data_is_not_there() -> Result<()> {
    let system = world::shared().await?;
    let (acme, globex) = tokio::try_join!(system.member(), system.member())?;

    let foreign = acme.session.api.get(&format!("/tenants/{}", globex.tenant_id)).await?.expect(404)?;
    foreign.problem("NOT_FOUND")?;
    let nowhere = acme.session.api.get("/tenants/019a0000-0000-7000-8000-000000000001").await?.expect(404)?;
    ensure!(foreign.alike()? == nowhere.alike()?, "what exists elsewhere is told apart from what does not");

    acme.session.api.at(&globex.host).get("/users/me").await?.expect(403)?.problem("TENANT_MISMATCH")?;
    acme.session.api.post("/auth/switch-tenant", &json!({ "tenant_id": globex.tenant_id })).await?.expect(404)?.problem("NOT_FOUND")?;
    acme.person.at(&globex.host).try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;

    let mine = acme.session.api.get("/tenants").await?.json_of(200)?;
    ensure!(!mine.to_string().contains(&globex.tenant_id), "{mine}");

    // Both attempts are written down, each where it belongs.
    let acme_id: uuid::Uuid = acme.tenant_id.parse()?;
    let globex_id: uuid::Uuid = globex.tenant_id.parse()?;
    eventually(async || {
        let reads = system
            .database
            .count("SELECT count(*) FROM rls_violations WHERE tenant_id = $1 AND table_name = 'tenants' AND row_id = $2", &[&acme_id, &globex_id])
            .await?;
        let shown = system
            .database
            .count("SELECT count(*) FROM security_events WHERE tenant_id = $1 AND kind LIKE '%tenant_mismatch'", &[&globex_id])
            .await?;
        ensure!(reads == 1 && shown == 1, "{reads} violations, {shown} mismatches were recorded");
        Ok(())
    })
    .await
}
