//! Changes of memberships: role, suspension, removal, ownership.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use zygo_core::{
    gate::Revocation,
    id::{SessionId, UserId},
    identity::session::EndReason,
    time::Timestamp,
};

use super::{
    actor,
    member::{MemberRow, READ},
};
use crate::{
    Db, Described, StoreError, TenantScope,
    batch::{Answers, Batch},
    row::{Cells, at},
    statement::Statement,
};

/// The person that is acted on ($1), and whether the context's person outranks them.
macro_rules! target {
    () => {
        "target AS (SELECT m.id, m.status, m.version, r.level, a.level AS own, \
           a.level > r.level OR (a.level = 100 AND r.level = 100) AS below \
         FROM user_roles m JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id CROSS JOIN actor a \
         WHERE m.tenant_id = app_tenant_id() AND m.user_id = $1)"
    };
}

/// Owes the gate what the request tells it at once.
macro_rules! owe_gate {
    ($what:literal, $from:literal, $at:literal) => {
        concat!(
            "owed AS (INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
             SELECT make_uuid_v7(",
            $at,
            "), app_tenant_id(), 'gate.revoke', 'jobs', jsonb_build_object('kind', 'gate.revoke', 'tenant_id', app_tenant_id(), 'revocations', ",
            $what,
            ", 'at', ",
            $at,
            "), ",
            $at,
            ", ",
            $at,
            " + interval '30 seconds' FROM ",
            $from,
            ")"
        )
    };
}

/// Writes an event about the person that is acted on.
macro_rules! log_member {
    ($event:literal, $from:literal, $at:literal) => {
        concat!(
            "logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
             SELECT make_uuid_v7(",
            $at,
            "), app_tenant_id(), ",
            $event,
            ", app_user_id(), app_request_id(), ",
            $at,
            " FROM ",
            $from,
            ")"
        )
    };
}

const VERDICT: &[Type] = &[Type::BOOL, Type::BOOL, Type::BOOL, Type::JSONB];

/// $1 person, $2 key or identifier of the role, $3 versions, $4 now.
const ROLE: Statement<TenantScope> = Statement::new(
    "access.set_role",
    &[Type::UUID, Type::TEXT, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    VERDICT,
    concat!(
        "/* access.set_role */ WITH ",
        actor!(),
        ", ",
        target!(),
        ", wanted AS (SELECT r.id, r.level FROM roles r WHERE r.tenant_id = app_tenant_id() AND (r.key = $2 OR r.id::text = $2) ORDER BY r.key = $2 DESC LIMIT 1), \
         verdict AS (SELECT w.id IS NOT NULL AS known, \
           t.below AND coalesce(t.own > w.level OR (t.own = 100 AND w.level = 100), true) AS below, coalesce(t.version = ANY ($3), true) AS current \
           FROM target t LEFT JOIN wanted w ON true), \
         done AS (UPDATE user_roles m SET role_id = w.id, updated_at = $4 FROM verdict v, wanted w \
           WHERE v.known AND v.below AND v.current AND m.tenant_id = app_tenant_id() AND m.user_id = $1 AND m.role_id <> w.id RETURNING m.role_id), ",
        log_member!("'member.role_changed', jsonb_build_object('user_id', $1, 'role_id', role_id)", "done", "$4"),
        ", told AS (SELECT coalesce((SELECT jsonb_build_array(jsonb_build_object('what', 'user_permissions', 'of', $1)) FROM done), '[]') AS revocations), ",
        owe_gate!("revocations", "told WHERE revocations <> '[]'", "$4"),
        " SELECT known, below, current, revocations FROM verdict, told"
    ),
);

/// $1 person, $2 status, $3 now.
const STATUS: Statement<TenantScope> = Statement::new(
    "access.set_status",
    &[Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    VERDICT,
    concat!(
        "/* access.set_status */ WITH ",
        actor!(),
        ", ",
        target!(),
        ", done AS (UPDATE user_roles m SET status = $2, updated_at = $3 FROM target t WHERE t.below AND m.id = t.id AND m.status <> $2 RETURNING m.status), ",
        log_member!(
            "CASE status WHEN 'suspended' THEN 'member.suspended' ELSE 'member.activated' END, jsonb_build_object('user_id', $1)",
            "done",
            "$3"
        ),
        ", told AS (SELECT coalesce((SELECT jsonb_build_array(jsonb_build_object('what', 'user', 'of', $1)) FROM done WHERE status = 'suspended'), '[]') AS revocations), ",
        owe_gate!("revocations", "told WHERE revocations <> '[]'", "$3"),
        " SELECT true AS known, below, true AS current, revocations FROM target, told"
    ),
);

/// $1 person, $2 versions, $3 now.
const REMOVE: Statement<TenantScope> = Statement::new(
    "access.remove_member",
    &[Type::UUID, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    VERDICT,
    concat!(
        "/* access.remove_member */ WITH ",
        actor!(),
        ", ",
        target!(),
        ", verdict AS (SELECT below, coalesce(version = ANY ($2), true) AS current FROM target), \
         done AS (DELETE FROM user_roles m USING verdict v WHERE v.below AND v.current AND m.tenant_id = app_tenant_id() AND m.user_id = $1 RETURNING m.user_id), ",
        log_member!("'member.removed', jsonb_build_object('user_id', user_id)", "done", "$3"),
        ", told AS (SELECT coalesce((SELECT jsonb_build_array(jsonb_build_object('what', 'user', 'of', user_id)) FROM done), '[]') AS revocations), ",
        owe_gate!("revocations", "told WHERE revocations <> '[]'", "$3"),
        " SELECT true AS known, below, current, revocations FROM verdict, told"
    ),
);

/// $1 person, $2 now. The guard has seen that the context's person is an owner.
const TRANSFER: Statement<TenantScope> = Statement::new(
    "access.transfer_ownership",
    &[Type::UUID, Type::TIMESTAMPTZ],
    VERDICT,
    concat!(
        "/* access.transfer_ownership */ WITH ",
        actor!(),
        ", ",
        target!(),
        ", high AS (SELECT r.id, r.key FROM roles r WHERE r.tenant_id = app_tenant_id() AND r.is_default AND r.key IN ('owner', 'admin')), \
         verdict AS (SELECT t.status = 'active' AND $1 <> app_user_id() AS known, t.own = 100 AS below FROM target t), \
         done AS (UPDATE user_roles m SET role_id = h.id, updated_at = $2 FROM high h, verdict v \
           WHERE v.known AND v.below AND m.tenant_id = app_tenant_id() \
             AND m.user_id = CASE h.key WHEN 'owner' THEN $1 ELSE app_user_id() END RETURNING m.user_id), ",
        log_member!(
            "'tenant.ownership_transferred', jsonb_build_object('from_user_id', app_user_id(), 'to_user_id', user_id)",
            "done WHERE user_id = $1",
            "$2"
        ),
        ", told AS (SELECT coalesce(jsonb_agg(jsonb_build_object('what', 'user_permissions', 'of', user_id)), '[]') AS revocations FROM done), ",
        owe_gate!("revocations", "told WHERE revocations <> '[]'", "$2"),
        " SELECT known, below, true AS current, revocations FROM verdict, told"
    ),
);

/// Ends the sessions in the tenant of whoever is no active member of it any more. A statement of its own, so that it sees the
/// session of a sign-in that the change had to wait for.
pub(crate) const END: Statement<TenantScope> = Statement::new(
    "access.end_sessions",
    &[Type::UUID, Type::TEXT, Type::TIMESTAMPTZ],
    &[Type::UUID],
    "/* access.end_sessions */ WITH ended AS ( \
       UPDATE sessions s SET ended_at = $3, end_reason = $2 WHERE s.tenant_id = app_tenant_id() AND s.user_id = $1 AND s.ended_at IS NULL \
         AND NOT EXISTS (SELECT FROM user_roles m WHERE m.tenant_id = app_tenant_id() AND m.user_id = $1 AND m.status = 'active') \
       RETURNING s.id), \
     logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($3), app_tenant_id(), 'session.revoked', jsonb_build_object('session_id', id, 'user_id', $1, 'reason', $2), $1, \
         app_request_id(), $3 FROM ended), \
     owed AS (INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT make_uuid_v7($3), app_tenant_id(), 'sessions.end', 'jobs', \
         jsonb_build_object('kind', 'sessions.end', 'user_id', $1, 'ended_at', $3), $3, $3 + interval '30 seconds' \
       WHERE EXISTS (SELECT FROM ended)) \
     SELECT id FROM ended",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[ROLE.described(), STATUS.described(), REMOVE.described(), TRANSFER.described(), END.described()];

/// What became of a change of a membership.
#[derive(Debug, Clone)]
pub enum Verdict<T> {
    /// It is so now, or was so already.
    Done(T, Vec<Revocation>),
    /// There is no such member.
    Missing,
    /// There is no such role; or, for an owner to be, no active member beside the owner.
    Unknown,
    /// The person, or the role, is not below the caller.
    TooHigh,
    /// The version is not among those expected.
    Stale,
}

/// Who is shut out, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The sessions that ended.
    pub sessions: Vec<SessionId>,
}

/// What the gate is to be told.
pub(crate) fn revocations(value: Value) -> Result<Vec<Revocation>, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Bug(format!("revocations: {error}")))
}

impl<T> Verdict<T> {
    fn read(row: Option<Row>, done: impl FnOnce() -> Result<Option<T>, StoreError>) -> Result<Self, StoreError> {
        let Some(row) = row else { return Ok(Self::Missing) };
        Ok(match (row.cell("known")?, row.cell("below")?, row.cell("current")?) {
            (_, false, _) => Self::TooHigh,
            (false, ..) => Self::Unknown,
            (.., false) => Self::Stale,
            _ => match done()? {
                Some(value) => Self::Done(value, revocations(row.cell("revocations")?)?),
                None => Self::Missing,
            },
        })
    }
}

fn changed(mut answers: Answers) -> Result<Verdict<MemberRow>, StoreError> {
    let verdict = answers.take().into_iter().next();
    Verdict::read(verdict, || answers.take().first().map(MemberRow::read).transpose())
}

/// Gives a member another role.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` for the last owner's.
pub async fn set_role(
    db: &Db,
    scope: &TenantScope,
    user_id: UserId,
    role: &str,
    if_version: Option<&[i64]>,
    now: Timestamp,
) -> Result<Verdict<MemberRow>, StoreError> {
    let (user, now) = (user_id.uuid(), at(now));
    let answers = Batch::write(db, scope).alone().add(&ROLE, &[&user, &role, &if_version, &now]).add(&READ, &[&user]).run().await?;
    changed(answers)
}

/// Suspends a member, whose sessions end with it, or lets them in again.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` for the last owner.
pub async fn set_status(
    db: &Db,
    scope: &TenantScope,
    user_id: UserId,
    active: bool,
    now: Timestamp,
) -> Result<Verdict<(MemberRow, Departure)>, StoreError> {
    let (user, status, reason) = (user_id.uuid(), if active { "active" } else { "suspended" }, EndReason::UserSuspended.key());
    let now = at(now);
    let batch = Batch::write(db, scope).alone().add(&STATUS, &[&user, &status, &now]).add(&END, &[&user, &reason, &now]);
    let mut answers = batch.add(&READ, &[&user]).run().await?;
    let verdict = answers.take().into_iter().next();
    let departure = departure(&mut answers)?;
    Verdict::read(verdict, || Ok(answers.take().first().map(MemberRow::read).transpose()?.map(|row| (row, departure))))
}

/// Removes a member, whose sessions in the tenant end with it.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` for the last owner.
pub async fn remove_member(
    db: &Db,
    scope: &TenantScope,
    user_id: UserId,
    if_version: Option<&[i64]>,
    now: Timestamp,
) -> Result<Verdict<Departure>, StoreError> {
    let (user, reason) = (user_id.uuid(), EndReason::MembershipEnded.key());
    let now = at(now);
    let batch = Batch::write(db, scope).alone().add(&REMOVE, &[&user, &if_version, &now]).add(&END, &[&user, &reason, &now]);
    let mut answers = batch.run().await?;
    let verdict = answers.take().into_iter().next();
    let departure = departure(&mut answers)?;
    Verdict::read(verdict, || Ok(Some(departure)))
}

/// Makes a member an owner in the place of the scope's person, who becomes an admin. The scope must have an owner's guard.
///
/// # Errors
/// `Unavailable`, `Retry`, `Denied`.
pub async fn transfer_ownership(db: &Db, scope: &TenantScope, to: UserId, now: Timestamp) -> Result<Verdict<MemberRow>, StoreError> {
    let (to, now) = (to.uuid(), at(now));
    changed(Batch::write(db, scope).alone().add(&TRANSFER, &[&to, &now]).add(&READ, &[&to]).run().await?)
}

fn departure(answers: &mut Answers) -> Result<Departure, StoreError> {
    let sessions = answers.take().iter().map(|row| row.id("id")).collect::<Result<_, _>>()?;
    Ok(Departure { sessions })
}
