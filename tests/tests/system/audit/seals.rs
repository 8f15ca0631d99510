//! Seals by the hour, and what plans keep no longer by the day.

use std::time::Duration;

use anyhow::{Result, ensure};
use zygo_tests::{Member, System, eventually_within, tests, world};

use super::logs::fill;

tests![an_hour_seals_and_copies, a_day_removes_what_is_kept_no_longer];

/// Runs the hour until somebody's whole trail is sealed: a mark is final when those who were writing when it was made are done.
async fn seal(system: &System, member: &Member) -> Result<()> {
    eventually_within(Duration::from_secs(30), async || {
        system.scheduled("0 * * * *").await?;
        system.settle().await?;
        let left = "SELECT count(*) FROM audit_logs a WHERE tenant_id = $1::text::uuid AND seq > \
                    (SELECT coalesce(max(last_seq), 0) FROM audit_seals s WHERE s.tenant_id = a.tenant_id)";
        ensure!(system.database.count(left, &[&member.tenant_id]).await? == 0, "not sealed yet");
        Ok(())
    })
    .await
}

async fn an_hour_seals_and_copies() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    seal(&system, &member).await?;
    fill(&system, &member, 2500).await?;
    seal(&system, &member).await?;
    let seals = "SELECT count(*) FROM audit_seals WHERE tenant_id = $1::text::uuid";
    let count = system.database.count(seals, &[&member.tenant_id]).await?;
    ensure!(count >= 3, "{count} seals: one, and two of the many rows");
    let chained = "SELECT count(*) FROM audit_seals s JOIN audit_seals p ON p.tenant_id = s.tenant_id AND p.number = s.number - 1 \
                   WHERE s.tenant_id = $1::text::uuid AND s.previous_hash = p.hash AND s.first_seq = p.last_seq + 1";
    ensure!(system.database.count(chained, &[&member.tenant_id]).await? == count - 1, "each after the one before");
    let copied = "SELECT count(*) FROM outbox WHERE tenant_id = $1::text::uuid AND kind = 'audit.archive' AND outcome = 'done'";
    ensure!(system.database.count(copied, &[&member.tenant_id]).await? == count, "each has its copy");
    // Once more the same copies are made: they are there. Another seal of a number finds that it is not the one that was copied.
    let again = "UPDATE outbox SET settled_at = NULL, outcome = NULL, attempts = 0, available_at = now() WHERE tenant_id = $1::text::uuid AND kind = 'audit.archive'";
    system.database.execute(again, &[&member.tenant_id]).await?;
    system.settle().await?;
    ensure!(system.database.count(copied, &[&member.tenant_id]).await? == count, "copied twice");
    let forge = "UPDATE audit_seals SET row_count = row_count + 1 WHERE tenant_id = $1::text::uuid AND number = 1";
    system.database.execute(forge, &[&member.tenant_id]).await?;
    system.database.execute(again, &[&member.tenant_id]).await?;
    system.settle().await?;
    let dead = "SELECT count(*) FROM outbox WHERE tenant_id = $1::text::uuid AND kind = 'audit.archive' AND outcome = 'dead' \
                AND last_error = 'the seal differs from its copy'";
    ensure!(system.database.count(dead, &[&member.tenant_id]).await? == 1, "a forged seal went by");
    let back = "UPDATE audit_seals SET row_count = row_count - 1 WHERE tenant_id = $1::text::uuid AND number = 1";
    system.database.execute(back, &[&member.tenant_id]).await?;
    system.database.execute(again, &[&member.tenant_id]).await?;
    system.settle().await
}

async fn a_day_removes_what_is_kept_no_longer() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    fill(&system, &member, 5).await?;
    seal(&system, &member).await?;
    // As if all of it had happened forty days ago; the trail is out of everybody's reach but the superuser's.
    for table in ["audit_logs", "audit_seals", "user_activity"] {
        let age = format!("UPDATE {table} SET created_at = created_at - interval '40 days' WHERE tenant_id = $1::text::uuid");
        system.database.execute(&age, &[&member.tenant_id]).await?;
    }
    fill(&system, &member, 3).await?;
    system.scheduled("0 0 * * *").await?;
    system.settle().await?;
    let left = |table: &str| format!("SELECT count(*) FROM {table} WHERE tenant_id = $1::text::uuid");
    ensure!(system.database.count(&left("audit_logs"), &[&member.tenant_id]).await? == 3, "what is older than 30 days goes, the rest stays");
    ensure!(system.database.count(&left("user_activity"), &[&member.tenant_id]).await? == 0, "activity goes too");
    let declared = "SELECT count(*) FROM audit_seals WHERE tenant_id = $1::text::uuid AND expired_through > 0 AND row_count = 0";
    ensure!(system.database.count(declared, &[&member.tenant_id]).await? == 1, "a seal says what went");
    let told = "SELECT count(*) FROM admin_actions WHERE tenant_id = $1::text::uuid AND reason = 'audit retention'";
    ensure!(system.database.count(told, &[&member.tenant_id]).await? == 1, "it is on record");
    // The next day has nothing to do.
    system.scheduled("0 0 * * *").await?;
    system.settle().await?;
    ensure!(system.database.count(declared, &[&member.tenant_id]).await? == 1, "declared twice");
    Ok(())
}
