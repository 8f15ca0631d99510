//! Critical permissions are what Postgres says, whatever the token says; each use is on record.

use anyhow::{Result, ensure};
use zygo_tests::{Member, System, tests, world};

tests![the_token_is_not_enough, each_use_is_on_record, an_ended_session_does_nothing_critical];

/// Takes a permission away past the API, so that no gate tells anybody.
async fn demote(system: &System, member: &Member) -> Result<()> {
    let user: uuid::Uuid = member.session.user_id.parse()?;
    let demote = "UPDATE user_roles m SET role_id = r.id FROM roles r WHERE m.user_id = $1 AND r.tenant_id = m.tenant_id AND r.key = 'viewer'";
    system.database.execute(demote, &[&user]).await?;
    Ok(())
}

async fn the_token_is_not_enough() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let (admin, target) = (system.joins(&owner, "admin").await?, system.joins(&owner, "viewer").await?);
    demote(&system, &admin).await?;
    let path = owner.below(&format!("users/{}", target.session.user_id));
    let refused = admin.session.api.delete(&path).await?.expect(403)?;
    ensure!(refused.problem("PERMISSION_DENIED")?["details"]["permission"] == "users.remove", "{refused}");
    ensure!(refused.round_trips()? == 1, "in the round trip of the work: {refused}");
    owner.session.api.get(&path).await?.expect(200)?;
    Ok(())
}

async fn each_use_is_on_record() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let target = system.joins(&owner, "viewer").await?;
    owner.session.api.delete(&owner.below(&format!("users/{}", target.session.user_id))).await?.expect(204)?;
    let user: uuid::Uuid = owner.session.user_id.parse()?;
    let uses = "SELECT count(*) FROM audit_logs WHERE user_id = $1 AND action = 'permissions.use' AND after ->> 'permission' = 'users.remove'";
    ensure!(system.database.count(uses, &[&user]).await? == 1);
    Ok(())
}

async fn an_ended_session_does_nothing_critical() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.company().await?;
    let target = system.joins(&owner, "viewer").await?;
    // Ended on record alone: no gate knows of it.
    let session: uuid::Uuid = owner.session.id.parse()?;
    system.database.execute("UPDATE sessions SET ended_at = now() WHERE id = $1", &[&session]).await?;
    let path = owner.below(&format!("users/{}", target.session.user_id));
    owner.session.api.get(&path).await?.expect(200)?;
    owner.session.api.delete(&path).await?.expect(401)?.problem("SESSION_REVOKED")?;
    Ok(())
}
