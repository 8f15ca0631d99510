//! A tenant that wants second factors of its people.

use anyhow::{Result, ensure};
use serde_json::json;
use zygo_tests::{Member, Session, System, tests, world};

tests![after_the_grace_nobody_gets_in_without, within_the_grace_everybody_does, a_policy_for_admins_is_theirs_alone];

async fn require(system: &System, member: &Member, policy: &str, grace_days: i32) -> Result<()> {
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let sql = "UPDATE tenant_settings SET mfa_policy = $2, mfa_grace_days = $3 WHERE tenant_id = $1";
    system.database.execute(sql, &[&tenant, &policy, &grace_days]).await?;
    Ok(())
}

async fn after_the_grace_nobody_gets_in_without() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    require(&system, &member, "required", 0).await?;
    let there = member.person.at(&member.host);
    there.try_sign_in().await?.expect(403)?.problem("MFA_REQUIRED")?;
    there.with_password("Heron-Lantern-Quartz wrong").try_sign_in().await?.expect(401)?.problem("INVALID_CREDENTIALS")?;
    member.session.refresh().await?.expect(403)?.problem("MFA_REQUIRED")?;
    // At the API's own host they can sign in, set one up, and go there.
    let session = member.person.sign_in().await?;
    let switch = async |session: &Session| session.api.post("/auth/switch-tenant", &json!({ "tenant_id": member.tenant_id })).await;
    switch(&session).await?.expect(403)?.problem("MFA_REQUIRED")?;
    let (app, _) = session.set_up_totp().await?;
    switch(&session).await?.expect(200)?;
    let token = there.challenge().await?;
    let answered = Session::read(there.answer(&token, "totp", &app.code(0)?).await?, &there.api)?;
    ensure!(answered.body["tenant"]["slug"] == member.slug.as_str(), "{}", answered.body);
    answered.refresh().await?.expect(200)?;
    Ok(())
}

async fn within_the_grace_everybody_does() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    require(&system, &member, "required", 14).await?;
    member.person.at(&member.host).sign_in().await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    // The trigger keeps when it began, so the grace is not begun anew by other changes.
    system.database.execute("ALTER TABLE tenant_settings DISABLE TRIGGER mfa_policy", &[]).await?;
    let back = "UPDATE tenant_settings SET mfa_policy_since = now() - interval '15 days' WHERE tenant_id = $1";
    system.database.execute(back, &[&tenant]).await?;
    system.database.execute("ALTER TABLE tenant_settings ENABLE TRIGGER mfa_policy", &[]).await?;
    system.database.execute("UPDATE user_roles SET created_at = now() - interval '15 days' WHERE tenant_id = $1", &[&tenant]).await?;
    require(&system, &member, "required", 13).await?;
    member.person.at(&member.host).try_sign_in().await?.expect(403)?.problem("MFA_REQUIRED")?;
    Ok(())
}

async fn a_policy_for_admins_is_theirs_alone() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    require(&system, &member, "admins", 0).await?;
    let there = member.person.at(&member.host);
    there.try_sign_in().await?.expect(403)?.problem("MFA_REQUIRED")?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let demote = "UPDATE user_roles m SET role_id = r.id FROM roles r WHERE m.tenant_id = $1 AND r.tenant_id = m.tenant_id AND r.key = 'manager'";
    system.database.bend(demote, &[&tenant]).await?;
    there.sign_in().await?;
    Ok(())
}
