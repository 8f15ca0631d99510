//! `GET /tenants/{id}/features`

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zygo_tests::{Session, organisations::ROLES, tests, world};

tests![everybody_sees_what_the_plan_covers, departures_count_while_they_last, a_rate_of_its_own_is_in_the_next_token, only_the_active_ones];

async fn everybody_sees_what_the_plan_covers() -> Result<()> {
    let system = world::shared().await?;
    let owner = system.member().await?;
    for role in ROLES {
        let colleague = system.colleague(&owner, role).await?;
        let answer = colleague.session.api.get(&owner.path("/features")).await?.expect(200).context(role)?;
        ensure!(answer.round_trips()? == 1, "{answer}");
        let covered = answer.json()?;
        ensure!(covered["plan"] == "free" && covered["overridden"] == json!([]), "{covered}");
        let features = &covered["features"];
        ensure!(features["members"] == 5 && features["custom_roles"] == 0 && features["sso"] == false, "{covered}");
        ensure!(features["webhooks"] == 3 && features["audit_retention_days"] == 30 && features["custom_domains"] == 0, "{covered}");
    }
    let tenant: uuid::Uuid = owner.tenant_id.parse()?;
    system.database.execute("UPDATE tenants SET plan = 'enterprise' WHERE id = $1", &[&tenant]).await?;
    let covered = owner.session.api.get(&owner.path("/features")).await?.json_of(200)?;
    ensure!(covered["plan"] == "enterprise" && covered["features"]["members"] == Value::Null && covered["features"]["sso"] == true, "{covered}");
    Ok(())
}

async fn departures_count_while_they_last() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let add = "INSERT INTO tenant_features (id, tenant_id, feature, value, expires_at) \
               VALUES (make_uuid_v7(now()), $1, $2, $3, now() + $4::text::interval)";
    for (feature, value, until) in [("members", json!(9), "1 day"), ("sso", json!(true), "-1 second"), ("webhooks", json!("many"), "1 day")] {
        system.database.execute(add, &[&tenant, &feature, &value, &until]).await?;
    }
    let covered = member.session.api.get(&member.path("/features")).await?.json_of(200)?;
    ensure!(covered["features"]["members"] == 9 && covered["features"]["sso"] == false, "{covered}");
    ensure!(covered["features"]["webhooks"] == 3 && covered["overridden"] == json!(["members"]), "{covered}");
    Ok(())
}

async fn a_rate_of_its_own_is_in_the_next_token() -> Result<()> {
    let system = world::shared().await?;
    let member = system.member().await?;
    let tenant: uuid::Uuid = member.tenant_id.parse()?;
    let add = "INSERT INTO tenant_features (id, tenant_id, feature, value) VALUES (make_uuid_v7(now()), $1, 'api_rate', '90')";
    system.database.execute(add, &[&tenant]).await?;
    let session = Session::read(member.session.refresh().await?, &member.person.api)?;
    ensure!(zygo_tests::forge::claims(&session.access)?["rate"] == 90, "{}", zygo_tests::forge::claims(&session.access)?);
    Ok(())
}

async fn only_the_active_ones() -> Result<()> {
    let system = world::shared().await?;
    let (mine, theirs) = tokio::try_join!(system.member(), system.member())?;
    mine.session.api.get(&theirs.path("/features")).await?.expect(404)?.problem("NOT_FOUND")?;
    Ok(())
}
