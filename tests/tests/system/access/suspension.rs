//! `POST /users/{id}/suspend` and `/activate`

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{team, tests, world};

tests![ends_every_session_at_once_and_none_begins, only_whom_one_outranks, twice_is_once, twenty_at_once];

async fn ends_every_session_at_once_and_none_begins() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "member").await?;
    let platform = member.person.sign_in().await?;
    let second = team::into(&owner, &member.person, &platform).await?;
    for session in [&member.session, &second] {
        session.api.get("/users/me").await?.expect(200)?;
    }
    let path = format!("/users/{}/suspend", member.session.user_id);
    let answer = owner.session.api.post(&path, &json!({})).await?;
    ensure!(answer.round_trips()? == 1 && answer.json_of(200)?["status"] == "suspended");
    for session in [&member.session, &second] {
        session.api.get("/users/me").await?.expect(403)?.problem("USER_SUSPENDED")?;
        session.refresh().await?.expect(401)?.problem("SESSION_REVOKED")?;
    }
    // Neither by password there, nor from elsewhere; elsewhere they are whoever they were.
    member.person.at(&owner.host).try_sign_in().await?.expect(403)?.problem("USER_SUSPENDED")?;
    platform.api.get("/users/me").await?.expect(200)?;
    let back = platform.api.post("/auth/switch-tenant", &json!({ "tenant_id": owner.tenant_id })).await?;
    back.expect(403)?.problem("USER_SUSPENDED")?;
    ensure!(owner.session.api.get(&owner.below("users?status=suspended")).await?.json_of(200)?["data"][0]["id"] == member.session.user_id.as_str());

    let activate = format!("/users/{}/activate", member.session.user_id);
    ensure!(owner.session.api.post(&activate, &json!({})).await?.json_of(200)?["status"] == "active");
    member.session.api.get("/users/me").await?.expect(403)?.problem("USER_SUSPENDED")?;
    let anew = team::into(&owner, &member.person, &platform).await?;
    anew.api.get("/users/me").await?.expect(200)?;
    // The jobs that make sure of it do not shut out whoever came back.
    system.pay(&owner).await?;
    anew.api.get("/users/me").await?.expect(200)?;
    let events = "SELECT count(*) FROM events WHERE type IN ('member.suspended', 'member.activated') AND data ->> 'user_id' = $1";
    ensure!(system.database.count(events, &[&member.session.user_id]).await? == 2);
    Ok(())
}

async fn only_whom_one_outranks() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (manager, peer, admin) =
        (system.joins(&owner, "manager").await?, system.joins(&owner, "manager").await?, system.joins(&owner, "admin").await?);
    for target in [&peer, &admin, &owner, &manager] {
        let path = format!("/users/{}/suspend", target.session.user_id);
        manager.session.api.post(&path, &json!({})).await?.expect(403)?.problem("ROLE_HIERARCHY")?;
        target.session.api.get("/users/me").await?.expect(200)?;
    }
    owner.session.api.post(&format!("/users/{}/suspend", owner.session.user_id), &json!({})).await?.expect(409)?.problem("LAST_OWNER")?;
    for odd in ["x", "019a0000-0000-7000-8000-00000000dead"] {
        owner.session.api.post(&format!("/users/{odd}/suspend"), &json!({})).await?.expect(404)?.problem("NOT_FOUND")?;
    }
    Ok(())
}

async fn twice_is_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "member").await?;
    for _ in 0..2 {
        owner.session.api.post(&format!("/users/{}/suspend", member.session.user_id), &json!({})).await?.expect(200)?;
    }
    let events = "SELECT count(*) FROM events WHERE type = 'member.suspended' AND data ->> 'user_id' = $1";
    ensure!(system.database.count(events, &[&member.session.user_id]).await? == 1);
    Ok(())
}

/// Sign-ins race with the suspension: whichever come first, no session is left.
async fn twenty_at_once() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let member = system.joins(&owner, "member").await?;
    let platform = member.person.sign_in().await?;
    let mut racers = Vec::new();
    for turn in 0..20 {
        let (platform, owner, target) = (platform.clone(), owner.clone(), member.session.user_id.clone());
        racers.push(tokio::spawn(async move {
            if turn == 7 {
                return owner.session.api.post(&format!("/users/{target}/suspend"), &json!({})).await;
            }
            platform.api.post("/auth/switch-tenant", &json!({ "tenant_id": owner.tenant_id })).await
        }));
    }
    for racer in racers {
        let answer = racer.await??;
        ensure!(matches!(answer.status, 200 | 403 | 503), "{answer}");
    }
    let (tenant, user): (uuid::Uuid, uuid::Uuid) = (owner.tenant_id.parse()?, member.session.user_id.parse()?);
    let live = "SELECT count(*) FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL";
    ensure!(system.database.count(live, &[&tenant, &user]).await? == 0, "a session outlived the suspension");
    Ok(())
}
