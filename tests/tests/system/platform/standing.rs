//! Organisations that are suspended or deleted. Administration does that in a later stage; here it is done to the row,
//! and the outbox repairs the edge directory, as it will then.

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Member, System, eventually_within, tests, world};

tests![a_suspended_organisation_is_told_so, a_deleted_organisation_is_gone];

async fn refused(member: &Member, status: u16, code: &str) -> Result<()> {
    let api = member.session.api.at(&member.host);
    // A public route: asking again and again spends nothing of the organisation's limit.
    eventually_within(System::DIRECTORY, async || api.get("/.well-known/jwks.json").await?.expect(status)?.problem(code)).await?;
    api.get("/users/me").await?.expect(status)?.problem(code)?;
    api.post("/tenants", &json!({ "name": "x", "slug": "x-y-z" })).await?.expect(status)?.problem(code)?;
    api.without_token().post("/auth/signup", &json!({})).await?.expect(status)?.problem(code)?;
    Ok(())
}

async fn a_suspended_organisation_is_told_so() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    system.set_standing(&member, "suspended").await?;
    refused(&member, 403, "TENANT_SUSPENDED").await?;
    // Sign-in still works; what one finds then says why nothing else does.
    let session = member.person.at(&member.host).sign_in().await?;
    ensure!(session.body["tenant"]["id"] == member.tenant_id.as_str(), "{}", session.body);
    session.api.post("/auth/logout", &json!({})).await?.expect(204)?;
    member.person.sign_in().await?.api.get("/users/me").await?.expect(200)?;
    Ok(())
}

async fn a_deleted_organisation_is_gone() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    system.set_standing(&member, "deleted").await?;
    refused(&member, 410, "TENANT_DELETED").await?;
    member.person.at(&member.host).try_sign_in().await?.expect(410)?.problem("TENANT_DELETED")?;
    Ok(())
}
