//! Seals by the hour, and what plans keep no longer by the day.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use zygo_tests::{Member, System, eventually_within, tests, world};

use super::logs::fill;

tests![an_hour_seals_and_copies, a_day_removes_what_is_kept_no_longer, the_verifier_tells_what_was_done];

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

/// What `scripts/verify-audit` says of somebody's trail, and whether it fits.
async fn verdict(system: &System, member: &Member, archive: Option<&Path>) -> Result<(bool, String)> {
    // Beside the tests lies what prepared their database.
    let tool = std::env::current_exe()?.parent().and_then(Path::parent).context("no target directory")?.join("xtask");
    let mut command = tokio::process::Command::new(tool);
    command.args(["verify-audit", "--tenant", &member.tenant_id]).env("DATABASE_URL", system.database.url());
    if let Some(archive) = archive {
        command.arg("--archive").arg(archive);
    }
    let output = command.output().await.context("running xtask")?;
    Ok((output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))))
}

/// The copies of somebody's seals, as the bucket has them.
async fn copies(system: &System, member: &Member, folder: &Path) -> Result<()> {
    let copy = "SELECT jsonb_build_object('tenant_id', tenant_id, 'number', number, 'first_seq', first_seq, 'last_seq', last_seq, 'row_count', row_count, \
                'expired_through', expired_through, 'rows_hash', encode(rows_hash, 'hex'), 'rows_mixed', encode(rows_mixed, 'hex'), \
                'previous_hash', encode(previous_hash, 'hex'), 'hash', encode(hash, 'hex'), \
                'sealed_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))::text \
                FROM audit_seals WHERE tenant_id = $1::text::uuid ORDER BY number";
    let folder = folder.join(&member.tenant_id);
    tokio::fs::create_dir_all(&folder).await?;
    for (place, text) in system.database.column(copy, &[&member.tenant_id]).await?.into_iter().enumerate() {
        tokio::fs::write(folder.join(format!("{:012}.json", place + 1)), text).await?;
    }
    Ok(())
}

async fn the_verifier_tells_what_was_done() -> Result<()> {
    let (system, _turn) = world::fragile().await?;
    let member = system.member().await?;
    fill(&system, &member, 10).await?;
    seal(&system, &member).await?;
    let archive = std::env::temp_dir().join(format!("zygo-seals-{}", member.tenant_id));
    copies(&system, &member, &archive).await?;
    let (fits, words) = verdict(&system, &member, Some(&archive)).await?;
    ensure!(fits && words.contains("The audit trail fits its seals"), "{words}");
    let mine = "tenant_id = $1::text::uuid";
    let sql = system.database.sql().await?;
    sql.execute(
        &format!("CREATE TEMP TABLE kept AS SELECT * FROM audit_logs WHERE {}", mine.replace("$1::text", &format!("'{}'", member.tenant_id))),
        &[],
    )
    .await?;
    let things = format!("FROM audit_logs WHERE {mine} AND action = 'things.update'");
    let swap = format!(
        "WITH two AS (DELETE FROM audit_logs WHERE seq IN (SELECT seq {things} ORDER BY seq LIMIT 2) RETURNING *) \
         INSERT INTO audit_logs (id, tenant_id, seq, actor, user_id, action, resource_type, resource_id, before, after, request_id, created_at, ip) \
         OVERRIDING SYSTEM VALUE SELECT id, tenant_id, (SELECT o.seq FROM two o WHERE o.id <> t.id), actor, user_id, action, resource_type, resource_id, \
           before, after, request_id, created_at, ip FROM two t"
    );
    for (tampering, said) in [
        (format!("UPDATE audit_logs SET after = after || '{{\"n\": 0}}' WHERE seq = (SELECT min(seq) {things})"), "a row was edited"),
        (format!("DELETE FROM audit_logs WHERE seq = (SELECT min(seq) {things})"), "1 rows were deleted"),
        (swap, "rows were put in another order"),
        (format!("DELETE FROM audit_logs WHERE seq >= (SELECT max(seq) {things})"), "the end was cut off"),
    ] {
        ensure!(sql.execute(&tampering, &[&member.tenant_id]).await? > 0, "{tampering}");
        let (fits, words) = verdict(&system, &member, None).await?;
        ensure!(!fits && words.contains("TAMPERED") && words.contains(said), "{said}: {words}");
        sql.execute(&format!("DELETE FROM audit_logs WHERE {mine}"), &[&member.tenant_id]).await?;
        sql.batch_execute("INSERT INTO audit_logs OVERRIDING SYSTEM VALUE SELECT * FROM kept").await?;
        let (fits, words) = verdict(&system, &member, Some(&archive)).await?;
        ensure!(fits, "all is as it was: {words}");
    }
    // With the seal goes the last trace in the database; the copy still tells.
    sql.execute(&format!("DELETE FROM audit_logs WHERE {mine}"), &[&member.tenant_id]).await?;
    sql.execute(&format!("DELETE FROM audit_seals WHERE {mine}"), &[&member.tenant_id]).await?;
    let (fits, _) = verdict(&system, &member, None).await?;
    ensure!(fits, "nothing is left that could tell");
    let (fits, words) = verdict(&system, &member, Some(&archive)).await?;
    ensure!(!fits && words.contains("the end was cut off"), "{words}");
    tokio::fs::remove_dir_all(&archive).await?;
    Ok(())
}
