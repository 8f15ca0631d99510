//! The groups of a tenant's directory, and the roles that they give.

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{ScimConnectionId, ScimGroupId},
    identity::scim::group::GroupChange,
    time::Timestamp,
};

use super::{Found, Outcome, Resource, Selection};
use crate::{Db, Described, StoreError, TenantScope, batch::Batch, row::at, statement::Statement};

/// The resource, with who is in it where $n says so.
macro_rules! shown {
    ($members:literal) => {
        concat!(
            "v.resource || CASE WHEN ",
            $members,
            " AND v.members IS NOT NULL THEN jsonb_build_object('members', v.members) ELSE '{}' END AS resource"
        )
    };
}

/// As the list of users; $7 says whether members are shown.
const LIST: Statement<TenantScope> = Statement::new(
    "identity.scim_groups",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID, Type::INT8, Type::INT8, Type::BOOL],
    &[Type::INT8, Type::INT8, Type::JSONB],
    concat!(
        "/* identity.scim_groups */ WITH hits AS (SELECT v.group_id, v.created_at FROM scim_group_resources v \
           WHERE v.tenant_id = app_tenant_id() AND ($2 IS NULL OR v.display_name_key = $2) AND ($3 IS NULL OR v.external_id = $3) \
             AND ($4 IS NULL OR v.group_id = $4) \
             AND ($1 IS NULL OR scim_matches(v.resource || jsonb_strip_nulls(jsonb_build_object('members', v.members)), $1))), \
         page AS (SELECT group_id FROM hits ORDER BY created_at, group_id LIMIT $5 OFFSET $6) \
         SELECT (SELECT count(*) FROM hits) AS total, v.version, ",
        shown!("$7"),
        " FROM (SELECT) one LEFT JOIN (page p JOIN scim_group_resources v ON v.tenant_id = app_tenant_id() AND v.group_id = p.group_id) ON true \
         ORDER BY v.created_at, v.group_id"
    ),
);

const READ: Statement<TenantScope> = Statement::new(
    "identity.scim_group",
    &[Type::UUID, Type::BOOL],
    &[Type::INT8, Type::JSONB],
    concat!(
        "/* identity.scim_group */ SELECT v.version, ",
        shown!("$2"),
        " FROM scim_group_resources v WHERE v.tenant_id = app_tenant_id() AND v.group_id = $1"
    ),
);

const CREATE: Statement<TenantScope> = Statement::new(
    "identity.create_scim_group",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::UUID_ARRAY, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::JSONB],
    "/* identity.create_scim_group */ SELECT outcome, revocations FROM scim_create_group($1, $2, $3, $4, $5, $6)",
);

const CHANGE: Statement<TenantScope> = Statement::new(
    "identity.change_scim_group",
    &[
        Type::UUID,
        Type::UUID,
        Type::INT8_ARRAY,
        Type::TEXT,
        Type::BOOL,
        Type::TEXT,
        Type::BOOL,
        Type::UUID_ARRAY,
        Type::UUID_ARRAY,
        Type::TIMESTAMPTZ,
    ],
    &[Type::TEXT, Type::JSONB],
    "/* identity.change_scim_group */ SELECT outcome, revocations FROM scim_change_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);

const DELETE: Statement<TenantScope> = Statement::new(
    "identity.delete_scim_group",
    &[Type::UUID, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::JSONB],
    "/* identity.delete_scim_group */ SELECT outcome, revocations FROM scim_delete_group($1, $2, $3)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), READ.described(), CREATE.described(), CHANGE.described(), DELETE.described()];

/// A group about to be made or changed.
#[derive(Debug, Clone)]
pub struct GroupWrite {
    /// The connection that says so.
    pub connection: ScimConnectionId,
    /// The group.
    pub id: ScimGroupId,
    /// What is to change; all of it where it is made.
    pub change: GroupChange,
    /// Whether the answer shows who is in it.
    pub with_members: bool,
    /// The instant.
    pub now: Timestamp,
}

/// Some of the groups that fit, the oldest first.
///
/// # Errors
/// `Unavailable`, `Refused`.
pub async fn groups(db: &Db, scope: &TenantScope, selection: &Selection, with_members: bool) -> Result<Found, StoreError> {
    let Selection { condition, page } = selection;
    let offset = page.offset();
    let id = condition.id.as_ref().map(|id| id.parse::<ScimGroupId>().map_or(Uuid::max(), ScimGroupId::uuid));
    let batch =
        Batch::read(db, scope).add(&LIST, &[&condition.path, &condition.name, &condition.external_id, &id, &page.count, &offset, &with_members]);
    Found::read(&batch.rows().await?)
}

/// One group.
///
/// # Errors
/// `Unavailable`, `Refused`.
pub async fn group(db: &Db, scope: &TenantScope, id: ScimGroupId, with_members: bool) -> Result<Option<Resource>, StoreError> {
    Ok(Batch::read(db, scope).add(&READ, &[&id.uuid(), &with_members]).rows().await?.first().map(Resource::read).transpose()?.flatten())
}

/// Makes a group.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn create_group(db: &Db, scope: &TenantScope, write: &GroupWrite) -> Result<Outcome, StoreError> {
    let (connection, id, now, change) = (write.connection.uuid(), write.id.uuid(), at(write.now), &write.change);
    let (name, external_id) = (change.display_name.as_deref().unwrap_or_default(), change.external_id.clone().flatten());
    let batch = Batch::write(db, scope)
        .alone()
        .add(&CREATE, &[&connection, &id, &name, &external_id, &change.add, &now])
        .add(&READ, &[&id, &write.with_members]);
    let mut answers = batch.run().await?;
    let verdict = answers.take().into_iter().next();
    Outcome::read(verdict, &[], &answers.take())
}

/// Changes a group.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn change_group(db: &Db, scope: &TenantScope, write: &GroupWrite, if_version: Option<&[i64]>) -> Result<Outcome, StoreError> {
    let (connection, id, now) = (write.connection.uuid(), write.id.uuid(), at(write.now));
    let GroupChange { display_name, external_id, replace, add, remove } = &write.change;
    let (sets_external, external_id) = (external_id.is_some(), external_id.clone().flatten());
    let params: [crate::batch::Param<'_>; 10] =
        [&connection, &id, &if_version, display_name, &sets_external, &external_id, replace, add, remove, &now];
    let mut answers = Batch::write(db, scope).alone().add(&CHANGE, &params).add(&READ, &[&id, &write.with_members]).run().await?;
    let verdict = answers.take().into_iter().next();
    Outcome::read(verdict, &[], &answers.take())
}

/// Removes a group.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn delete_group(db: &Db, scope: &TenantScope, id: ScimGroupId, if_version: Option<&[i64]>, now: Timestamp) -> Result<Outcome, StoreError> {
    let rows = Batch::write(db, scope).alone().add(&DELETE, &[&id.uuid(), &if_version, &at(now)]).rows().await?;
    Outcome::read(rows.into_iter().next(), &[], &[])
}
