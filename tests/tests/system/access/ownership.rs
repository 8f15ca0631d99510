//! The last owner, and `POST /tenants/{id}/transfer-ownership`

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Answer, Member, Session, tests, world};

tests![transfers_to_a_member, only_an_owner_with_a_fresh_factor, only_to_an_active_member, fifty_ways_to_lose_the_last_owner];

async fn transfers_to_a_member() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let heir = system.joins(&owner, "viewer").await?;
    let path = owner.below("transfer-ownership");
    let answer = system.stepped_up(&owner.session)?.api.post(&path, &json!({ "user_id": heir.session.user_id })).await?;
    ensure!(answer.round_trips()? == 1, "{answer}");
    let body = answer.json_of(200)?;
    ensure!(body["id"] == heir.session.user_id.as_str() && body["role"]["key"] == "owner", "{body}");
    ensure!(system.owners(&owner).await? == 1);
    for member in [&owner, &heir] {
        member.session.api.get("/roles").await?.expect(401)?.problem("TOKEN_EXPIRED")?;
    }
    let (before, after) =
        (Session::read(owner.session.refresh().await?, &owner.person.api)?, Session::read(heir.session.refresh().await?, &heir.person.api)?);
    let roles = (zygo_tests::forge::claims(&before.access)?["role"].clone(), zygo_tests::forge::claims(&after.access)?["role"].clone());
    ensure!(roles == (json!("admin"), json!("owner")), "{roles:?}");
    Ok(())
}

async fn only_an_owner_with_a_fresh_factor() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (admin, heir) = (system.joins(&owner, "admin").await?, system.joins(&owner, "viewer").await?);
    let body = json!({ "user_id": heir.session.user_id });
    let path = owner.below("transfer-ownership");
    owner.session.api.post(&path, &body).await?.expect(403)?.problem("MFA_STEP_UP_REQUIRED")?;
    let admins = system.stepped_up(&admin.session)?;
    admins.api.post(&path, &body).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    // A token that says owner is not enough: Postgres is asked.
    let mut claims = zygo_tests::forge::claims(&admins.access)?;
    claims["role"] = "owner".into();
    let pretended = admins.api.with(&system.secrets.sign(&claims));
    pretended.post(&path, &body).await?.expect(403)?.problem("PERMISSION_DENIED")?;
    ensure!(system.owners(&owner).await? == 1);
    Ok(())
}

async fn only_to_an_active_member() -> Result<()> {
    let system = world::shared().await?;
    let (owner, other) = (system.company().await?, system.company().await?);
    let member = system.joins(&owner, "member").await?;
    owner.session.api.post(&format!("/users/{}/suspend", member.session.user_id), &json!({})).await?.expect(200)?;
    let session = system.stepped_up(&owner.session)?;
    let give = async |user: &str| -> Result<Answer> { session.api.post(&owner.below("transfer-ownership"), &json!({ "user_id": user })).await };
    for user in [&owner.session.user_id, &member.session.user_id] {
        ensure!(give(user).await?.expect(422)?.fields()?.iter().any(|(path, _)| path == "user_id"));
    }
    give(&other.session.user_id).await?.expect(404)?.problem("NOT_FOUND")?;
    let answer = give("nobody").await?.expect(422)?;
    ensure!(answer.fields()?.iter().any(|(path, _)| path == "user_id"), "{answer}");
    session.api.post(&other.below("transfer-ownership"), &json!({ "user_id": member.session.user_id })).await?.expect(404)?.problem("NOT_FOUND")?;
    ensure!(system.owners(&owner).await? == 1);
    Ok(())
}

async fn attack(turn: usize, by: Member, on: Member) -> Result<Answer> {
    let user = &on.session.user_id;
    match turn % 3 {
        0 => by.session.api.delete(&by.below(&format!("users/{user}"))).await,
        1 => by.session.api.patch(&by.below(&format!("users/{user}/role")), &json!({ "role": "viewer" })).await,
        _ => by.session.api.post(&format!("/users/{user}/suspend"), &json!({})).await,
    }
}

/// Two owners, fifty attempts at once by both of them to remove, demote or suspend both of them: one owner stays.
async fn fifty_ways_to_lose_the_last_owner() -> Result<()> {
    let system = world::shared().await?;
    let first = system.company().await?;
    let second = system.joins(&first, "owner").await?;
    let racers: Vec<_> = (0..50)
        .map(|turn| {
            let (by, on) = ([&first, &second][turn % 2].clone(), [&first, &second][(turn / 2) % 2].clone());
            tokio::spawn(attack(turn, by, on))
        })
        .collect();
    let mut done = 0;
    for racer in racers {
        let answer = racer.await??;
        match answer.status {
            200 | 204 => done += 1,
            // The last owner; whoever was an owner a moment ago; whoever is gone.
            409 => drop(answer.problem("LAST_OWNER")?),
            401 | 403 | 404 | 503 => {}
            other => anyhow::bail!("{other}: {answer}"),
        }
    }
    ensure!(done >= 1, "nothing was done");
    ensure!(system.owners(&first).await? == 1, "{} owners", system.owners(&first).await?);
    Ok(())
}
