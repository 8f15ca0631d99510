//! The users of a tenant's directory: its members, as the directory sees them.

use serde_json::{Map, Value};
use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{ScimConnectionId, UserId},
    identity::{
        scim::query::{Condition, Page},
        session::EndReason,
    },
    time::Timestamp,
};

use super::{Found, Outcome, Resource};
use crate::{Db, Described, StoreError, TenantScope, access::change::END, batch::Batch, row::at, statement::Statement};

/// $1 condition, $2 name and $3 external name and $4 identifier that every match has, $5 page and $6 what comes before it. Without a
/// condition nobody's resource is made but those of the page.
const LIST: Statement<TenantScope> = Statement::new(
    "identity.scim_users",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID, Type::INT8, Type::INT8],
    &[Type::INT8, Type::INT8, Type::JSONB],
    "/* identity.scim_users */ WITH named AS ( \
       SELECT s.user_id FROM scim_users s WHERE s.tenant_id = app_tenant_id() AND s.user_name_key = $2 UNION SELECT u.id FROM users u WHERE u.email = $2), \
     hits AS ( \
       SELECT m.user_id, m.created_at, m.id AS membership_id FROM user_roles m LEFT JOIN scim_users s ON s.tenant_id = m.tenant_id AND s.user_id = m.user_id \
         WHERE m.tenant_id = app_tenant_id() AND s.deleted_at IS NULL AND $1 IS NULL \
       UNION ALL SELECT v.user_id, v.created_at, v.membership_id FROM scim_user_resources v \
         WHERE v.tenant_id = app_tenant_id() AND $1 IS NOT NULL \
           AND ($2 IS NULL OR v.user_id IN (SELECT user_id FROM named)) \
           AND ($3 IS NULL OR v.user_id IN (SELECT s.user_id FROM scim_users s WHERE s.tenant_id = app_tenant_id() AND s.external_id = $3)) \
           AND ($4 IS NULL OR v.user_id = $4) AND scim_matches(v.resource, $1)), \
     page AS (SELECT user_id FROM hits ORDER BY created_at, membership_id LIMIT $5 OFFSET $6) \
     SELECT (SELECT count(*) FROM hits) AS total, v.version, v.resource FROM (SELECT) one \
     LEFT JOIN (page p JOIN scim_user_resources v ON v.tenant_id = app_tenant_id() AND v.user_id = p.user_id) ON true \
     ORDER BY v.created_at, v.membership_id",
);

const READ: Statement<TenantScope> = Statement::new(
    "identity.scim_user",
    &[Type::UUID],
    &[Type::INT8, Type::JSONB],
    "/* identity.scim_user */ SELECT v.version, v.resource FROM scim_user_resources v WHERE v.tenant_id = app_tenant_id() AND v.user_id = $1",
);

/// Whoever has just been made, by the name that is nobody else's.
const READ_NAMED: Statement<TenantScope> = Statement::new(
    "identity.scim_user_named",
    &[Type::TEXT],
    &[Type::INT8, Type::JSONB],
    "/* identity.scim_user_named */ SELECT v.version, v.resource FROM scim_users s JOIN scim_user_resources v \
       ON v.tenant_id = s.tenant_id AND v.user_id = s.user_id \
     WHERE s.tenant_id = app_tenant_id() AND s.user_name_key = lower($1) AND s.deleted_at IS NULL",
);

const CREATE: Statement<TenantScope> = Statement::new(
    "identity.create_scim_user",
    &[
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::JSONB,
        Type::BOOL,
        Type::JSONB,
        Type::UUID,
        Type::UUID,
        Type::UUID,
        Type::TIMESTAMPTZ,
    ],
    &[Type::TEXT, Type::UUID, Type::JSONB],
    "/* identity.create_scim_user */ SELECT outcome, user_id, revocations FROM scim_create_user($1, $2, $3, $4, $5, $6, $7, $8, \
       plan_limit(app_tenant_id(), 'members', $9), $10, $11, $12, $13)",
);

const REPLACE: Statement<TenantScope> = Statement::new(
    "identity.replace_scim_user",
    &[
        Type::UUID,
        Type::UUID,
        Type::INT8_ARRAY,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::JSONB,
        Type::BOOL,
        Type::UUID,
        Type::TIMESTAMPTZ,
    ],
    &[Type::TEXT, Type::JSONB],
    "/* identity.replace_scim_user */ SELECT outcome, revocations FROM scim_replace_user($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);

const DELETE: Statement<TenantScope> = Statement::new(
    "identity.delete_scim_user",
    &[Type::UUID, Type::UUID, Type::INT8_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::JSONB],
    "/* identity.delete_scim_user */ SELECT outcome, revocations FROM scim_delete_user($1, $2, $3, $4, $5)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[LIST.described(), READ.described(), READ_NAMED.described(), CREATE.described(), REPLACE.described(), DELETE.described()];

/// Which resources of a list.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What holds for them.
    pub condition: Condition,
    /// Which of them.
    pub page: Page,
}

/// What a directory says of somebody.
pub struct UserWrite {
    /// The connection that says so.
    pub connection: ScimConnectionId,
    /// What it calls the person.
    pub user_name: String,
    /// What the client calls the resource.
    pub external_id: Option<String>,
    /// Given name, as an account keeps it.
    pub given_name: Option<String>,
    /// Family name, as an account keeps it.
    pub family_name: Option<String>,
    /// Everything else.
    pub attributes: Map<String, Value>,
    /// Whether the person may sign in; `None` leaves it.
    pub active: Option<bool>,
    /// Identifier of the record, if there is none yet.
    pub record_id: Uuid,
    /// The instant.
    pub now: Timestamp,
}

/// Some of the users that fit, the longest-standing first.
///
/// # Errors
/// `Unavailable`, `Refused`.
pub async fn users(db: &Db, scope: &TenantScope, selection: &Selection) -> Result<Found, StoreError> {
    let Selection { condition, page } = selection;
    let offset = page.offset();
    // What is no identifier is nobody's.
    let id = condition.id.as_ref().map(|id| id.parse::<UserId>().map_or(Uuid::max(), UserId::uuid));
    let batch = Batch::read(db, scope).add(&LIST, &[&condition.path, &condition.name, &condition.external_id, &id, &page.count, &offset]);
    Found::read(&batch.rows().await?)
}

/// One user.
///
/// # Errors
/// `Unavailable`, `Refused`.
pub async fn user(db: &Db, scope: &TenantScope, id: UserId) -> Result<Option<Resource>, StoreError> {
    Ok(Batch::read(db, scope).add(&READ, &[&id.uuid()]).rows().await?.first().map(Resource::read).transpose()?.flatten())
}

/// Makes somebody a member. `members` is the plans' table of that feature.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` where the plan has no room, or the tenant takes other mail domains.
pub async fn create_user(
    db: &Db,
    scope: &TenantScope,
    write: &UserWrite,
    address: &str,
    members: &Value,
    new: (Uuid, Uuid),
) -> Result<Outcome, StoreError> {
    let (connection, attributes, now) = (write.connection.uuid(), Value::Object(write.attributes.clone()), at(write.now));
    let active = write.active.unwrap_or(true);
    let params: [crate::batch::Param<'_>; 13] = [
        &connection,
        &write.user_name,
        &write.external_id,
        &address,
        &write.given_name,
        &write.family_name,
        &attributes,
        &active,
        members,
        &new.0,
        &new.1,
        &write.record_id,
        &now,
    ];
    let mut answers = Batch::write(db, scope).alone().add(&CREATE, &params).add(&READ_NAMED, &[&write.user_name]).run().await?;
    let verdict = answers.take().into_iter().next();
    Outcome::read(verdict, &[], &answers.take())
}

/// Changes what the directory says of somebody. Where they may not sign in any more, their sessions in the tenant end.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` for the last owner.
pub async fn replace_user(db: &Db, scope: &TenantScope, id: UserId, write: &UserWrite, if_version: Option<&[i64]>) -> Result<Outcome, StoreError> {
    let (id, connection, attributes, now) = (id.uuid(), write.connection.uuid(), Value::Object(write.attributes.clone()), at(write.now));
    let reason = EndReason::UserSuspended.key();
    let params: [crate::batch::Param<'_>; 11] = [
        &connection,
        &id,
        &if_version,
        &write.user_name,
        &write.external_id,
        &write.given_name,
        &write.family_name,
        &attributes,
        &write.active,
        &write.record_id,
        &now,
    ];
    let batch = Batch::write(db, scope).alone().add(&REPLACE, &params).add(&END, &[&id, &reason, &now]).add(&READ, &[&id]);
    let mut answers = batch.run().await?;
    let (verdict, ended) = (answers.take().into_iter().next(), answers.take());
    Outcome::read(verdict, &ended, &answers.take())
}

/// Suspends somebody whom the directory deletes; their sessions in the tenant end.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` for the last owner.
pub async fn delete_user(
    db: &Db,
    scope: &TenantScope,
    connection: ScimConnectionId,
    id: UserId,
    if_version: Option<&[i64]>,
    record_id: Uuid,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let (id, connection, now, reason) = (id.uuid(), connection.uuid(), at(now), EndReason::UserSuspended.key());
    let batch = Batch::write(db, scope).alone().add(&DELETE, &[&connection, &id, &if_version, &record_id, &now]).add(&END, &[&id, &reason, &now]);
    let mut answers = batch.run().await?;
    let verdict = answers.take().into_iter().next();
    Outcome::read(verdict, &answers.take(), &[])
}
