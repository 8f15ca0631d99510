//! What the platform tidies by the clock.

use tokio_postgres::types::Type;
use zygo_core::time::Timestamp;

use crate::{
    Db, Described, PlatformScope, StoreError,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const EXPIRED: Statement<PlatformScope> = Statement::new(
    "upkeep.remove_expired",
    &[Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* upkeep.remove_expired */ WITH verifications AS ( \
       DELETE FROM email_verification_tokens WHERE expires_at < $1 - interval '7 days' RETURNING 1), \
     resets AS (DELETE FROM password_reset_tokens WHERE expires_at < $1 - interval '7 days' RETURNING 1), \
     others AS (DELETE FROM one_time_tokens WHERE expires_at < $1 - interval '7 days' RETURNING 1), \
     ceremonies AS (DELETE FROM passkey_ceremonies WHERE expires_at < $1 - interval '1 minute' RETURNING 1), \
     challenges AS (DELETE FROM mfa_challenges WHERE expires_at < $1 - interval '1 day' RETURNING 1), \
     codes AS (DELETE FROM sms_codes WHERE expires_at < $1 RETURNING 1), \
     devices AS (DELETE FROM trusted_devices WHERE expires_at < $1 RETURNING 1), \
     reports AS (DELETE FROM mail_reports WHERE reported_at < $1 - interval '7 days' RETURNING 1), \
     deferred AS (DELETE FROM mail_suppressions WHERE state = 'deferred' AND reported_at < $1 - interval '30 days' RETURNING 1), \
     records AS (DELETE FROM sessions WHERE least(expires_at, ended_at) < $1 - interval '30 days' RETURNING 1) \
     SELECT (SELECT count(*) FROM verifications) + (SELECT count(*) FROM resets) + (SELECT count(*) FROM others) \
       + (SELECT count(*) FROM ceremonies) + (SELECT count(*) FROM challenges) + (SELECT count(*) FROM codes) \
       + (SELECT count(*) FROM devices) + (SELECT count(*) FROM reports) + (SELECT count(*) FROM deferred) \
       + (SELECT count(*) FROM records) AS removed",
);

const PARTITIONS: Statement<PlatformScope> = Statement::new(
    "upkeep.partitions",
    &[Type::TIMESTAMPTZ],
    &[Type::INT4],
    "/* upkeep.partitions */ SELECT make_audit_partitions(($1 AT TIME ZONE 'UTC')::date, 4) AS made",
);

const SETTLED: Statement<PlatformScope> = Statement::new(
    "upkeep.partitions.settled",
    &[Type::TIMESTAMPTZ],
    &[Type::INT8],
    "/* upkeep.partitions.settled */ WITH sent AS ( \
       DELETE FROM outbox WHERE outcome = 'done' AND settled_at < $1 - interval '30 days' RETURNING 1), \
     runs AS (DELETE FROM jobs WHERE (status = 'done' OR kind LIKE 'cron.%') AND finished_at < $1 - interval '30 days' RETURNING 1) \
     SELECT (SELECT count(*) FROM sent) + (SELECT count(*) FROM runs) AS removed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[EXPIRED.described(), PARTITIONS.described(), SETTLED.described()];

/// Removes one-time tokens a week after they expired, trusted devices when they do, and records of sessions 30 days after
/// their end. Answers how many rows.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn remove_expired(db: &Db, scope: &PlatformScope, now: Timestamp) -> Result<i64, StoreError> {
    let rows = Batch::write(db, scope).add(&EXPIRED, &[&at(now)]).rows().await?;
    only(rows, "upkeep.remove_expired")?.cell("removed")
}

/// Makes the audit trail's partitions of this month and the next three, and removes what was settled 30 days ago. Answers
/// how many partitions and rows.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn partitions(db: &Db, scope: &PlatformScope, now: Timestamp) -> Result<i64, StoreError> {
    let now = at(now);
    let mut answers = Batch::write(db, scope).add(&PARTITIONS, &[&now]).add(&SETTLED, &[&now]).run().await?;
    let made: i32 = only(answers.take(), "upkeep.partitions")?.cell("made")?;
    let removed: i64 = only(answers.take(), "upkeep.partitions")?.cell("removed")?;
    Ok(removed.saturating_add(i64::from(made)))
}
