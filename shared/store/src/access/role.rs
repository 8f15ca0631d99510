//! Roles: the six of everybody, and a tenant's own.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    access::{DefaultRole, Permission, PermissionSet},
    gate::Revocation,
    id::RoleId,
    tenancy::plan::Feature,
    time::Timestamp,
};

use super::{PlanLimits, actor, change::revocations, default_holders, indices, limit};
use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const ROLE: [Type; 10] =
    [Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT2, Type::BOOL, Type::INT4, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::INT2_ARRAY];

/// The columns of a role as a client sees it, `permissions` last but the count of members.
macro_rules! role_columns {
    () => {
        "r.id, r.key, r.name, r.description, r.level, r.is_default, r.version, r.created_at, r.updated_at"
    };
}

macro_rules! with_members {
    ($comment:literal, $rest:literal) => {
        concat!(
            "/* ",
            $comment,
            " */ SELECT ",
            role_columns!(),
            ", ARRAY(SELECT p.permission FROM role_permissions p WHERE p.tenant_id = r.tenant_id AND p.role_id = r.id ORDER BY 1) AS permissions, \
             (SELECT count(*) FROM user_roles m WHERE m.tenant_id = r.tenant_id AND m.role_id = r.id) AS members \
             FROM roles r WHERE r.tenant_id = app_tenant_id() AND ",
            $rest
        )
    };
}

const WITH_MEMBERS: [Type; 11] = {
    let [id, key, name, description, level, default, version, created, updated, permissions] = ROLE;
    [id, key, name, description, level, default, version, created, updated, permissions, Type::INT8]
};

const LIST: Statement<TenantScope> = Statement::new(
    "access.list_roles",
    &[Type::INT2, Type::UUID, Type::INT8],
    &WITH_MEMBERS,
    with_members!("access.list_roles", "($1 IS NULL OR (r.level, r.id) < ($1, $2)) ORDER BY r.level DESC, r.id DESC LIMIT $3"),
);

const READ: Statement<TenantScope> = Statement::new("access.role", &[Type::UUID], &WITH_MEMBERS, with_members!("access.role", "r.id = $1"));

const CREATE: Statement<TenantScope> = Statement::new(
    "access.create_role",
    &[
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT2,
        Type::INT2_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT2_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::TIMESTAMPTZ,
    ],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    concat!(
        "/* access.create_role */ WITH ",
        actor!(),
        ", room AS (",
        limit!("custom_roles", "$9", "$10"),
        "), verdict AS (SELECT a.level > $5 AS below, NOT EXISTS (SELECT FROM unnest($6) w (p) WHERE NOT CASE WHEN a.is_default \
             THEN EXISTS (SELECT FROM unnest($7, $8) h (key, p) WHERE h.key = a.key AND h.p = w.p) \
             ELSE EXISTS (SELECT FROM role_permissions h WHERE h.tenant_id = app_tenant_id() AND h.role_id = a.id AND h.permission = w.p) END) AS holds, \
           coalesce((SELECT count(*) FROM roles WHERE tenant_id = app_tenant_id() AND NOT is_default) < room.most, true) AS fits FROM actor a, room), \
         made AS (INSERT INTO roles (id, tenant_id, key, name, description, level, created_at, updated_at) \
           SELECT $1, app_tenant_id(), $2, $3, $4, $5, $11, $11 FROM verdict WHERE below AND holds AND fits \
           ON CONFLICT (tenant_id, key) DO NOTHING RETURNING id), \
         held AS (INSERT INTO role_permissions (id, tenant_id, role_id, permission, created_at) \
           SELECT make_uuid_v7($11), app_tenant_id(), made.id, w.p, $11 FROM made, unnest($6) w (p)), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($11), app_tenant_id(), 'role.created', jsonb_build_object('role_id', id), app_user_id(), app_request_id(), $11 FROM made) \
         SELECT below, holds, fits, EXISTS (SELECT FROM made) AS made FROM verdict"
    ),
);

/// $1 role, $2 name, $3 $4 description, $5 level, $6 whether $7 replaces the permissions or is added, $8 permissions to take
/// out, $9 $10 who of the default roles holds what of $7, $11 versions, $12 now.
const EDIT: Statement<TenantScope> = Statement::new(
    "access.edit_role",
    &[
        Type::UUID,
        Type::TEXT,
        Type::BOOL,
        Type::TEXT,
        Type::INT2,
        Type::BOOL,
        Type::INT2_ARRAY,
        Type::INT2_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT2_ARRAY,
        Type::INT8_ARRAY,
        Type::TIMESTAMPTZ,
    ],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL, Type::JSONB],
    concat!(
        "/* access.edit_role */ WITH ",
        actor!(),
        ", target AS (SELECT * FROM roles r WHERE r.tenant_id = app_tenant_id() AND r.id = $1), \
         old AS (SELECT h.permission AS p FROM role_permissions h WHERE h.tenant_id = app_tenant_id() AND h.role_id = $1), \
         wanted AS (SELECT p FROM (SELECT p FROM old WHERE NOT $6 UNION SELECT unnest($7)) u (p) WHERE NOT p = ANY ($8)), \
         added AS (SELECT p FROM wanted EXCEPT SELECT p FROM old), \
         gone AS (SELECT p FROM old EXCEPT SELECT p FROM wanted), \
         moved AS (SELECT FROM added UNION ALL SELECT FROM gone), \
         verdict AS (SELECT t.is_default, coalesce(a.level > t.level AND a.level > coalesce($5, t.level), false) AS below, \
           NOT EXISTS (SELECT FROM added w WHERE NOT coalesce(CASE WHEN a.is_default \
             THEN EXISTS (SELECT FROM unnest($9, $10) h (key, p) WHERE h.key = a.key AND h.p = w.p) \
             ELSE EXISTS (SELECT FROM role_permissions h WHERE h.tenant_id = app_tenant_id() AND h.role_id = a.id AND h.permission = w.p) END, false)) AS holds, \
           coalesce(t.version = ANY ($11), true) AS current FROM target t LEFT JOIN actor a ON true), \
         allowed AS (SELECT FROM verdict WHERE NOT is_default AND below AND holds AND current), \
         done AS (UPDATE roles r SET name = coalesce($2, r.name), description = CASE WHEN $3 THEN $4 ELSE r.description END, \
             level = coalesce($5, r.level), updated_at = $12, \
             permissions_changed_at = CASE WHEN EXISTS (SELECT FROM moved) THEN $12 ELSE r.permissions_changed_at END \
           FROM allowed WHERE r.tenant_id = app_tenant_id() AND r.id = $1 RETURNING r.id, r.version), \
         held AS (INSERT INTO role_permissions (id, tenant_id, role_id, permission, created_at) \
           SELECT make_uuid_v7($12), app_tenant_id(), done.id, added.p, $12 FROM done, added), \
         dropped AS (DELETE FROM role_permissions h USING done, gone WHERE h.tenant_id = app_tenant_id() AND h.role_id = done.id AND h.permission = gone.p), \
         holders AS (SELECT m.user_id FROM user_roles m, done WHERE m.tenant_id = app_tenant_id() AND m.role_id = done.id \
           AND EXISTS (SELECT FROM moved) LIMIT 51), \
         told AS (SELECT CASE WHEN count(*) > 50 THEN '[{\"what\": \"permissions\"}]'::jsonb \
           ELSE coalesce(jsonb_agg(jsonb_build_object('what', 'user_permissions', 'of', user_id)), '[]') END AS revocations FROM holders), \
         owed AS (INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
           SELECT make_uuid_v7($12), app_tenant_id(), 'gate.revoke', 'jobs', \
             jsonb_build_object('kind', 'gate.revoke', 'tenant_id', app_tenant_id(), 'revocations', revocations, 'at', $12), $12, \
             $12 + interval '30 seconds' FROM told WHERE revocations <> '[]'), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($12), app_tenant_id(), 'role.updated', jsonb_build_object('role_id', id, 'version', version), app_user_id(), \
             app_request_id(), $12 FROM done) \
         SELECT is_default, below, holds, current, EXISTS (SELECT FROM done) AS done, revocations FROM verdict, told"
    ),
);

const DELETE: Statement<TenantScope> = Statement::new(
    "access.delete_role",
    &[Type::UUID, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    concat!(
        "/* access.delete_role */ WITH ",
        actor!(),
        ", verdict AS (SELECT r.is_default, coalesce(a.level > r.level, false) AS below, coalesce(r.version = ANY ($2), true) AS current, \
             EXISTS (SELECT FROM user_roles m WHERE m.tenant_id = r.tenant_id AND m.role_id = r.id) \
             OR EXISTS (SELECT FROM invitations i WHERE i.tenant_id = r.tenant_id AND i.role_id = r.id AND i.accepted_at IS NULL \
               AND i.revoked_at IS NULL AND i.expires_at > $3) AS used \
           FROM roles r LEFT JOIN actor a ON true WHERE r.tenant_id = app_tenant_id() AND r.id = $1), \
         allowed AS (SELECT FROM verdict WHERE NOT is_default AND below AND current AND NOT used), \
         past AS (DELETE FROM invitations i USING allowed WHERE i.tenant_id = app_tenant_id() AND i.role_id = $1), \
         gone AS (DELETE FROM roles r USING allowed WHERE r.tenant_id = app_tenant_id() AND r.id = $1 RETURNING r.id), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($3), app_tenant_id(), 'role.deleted', jsonb_build_object('role_id', id), app_user_id(), app_request_id(), $3 FROM gone) \
         SELECT is_default, below, current, used, EXISTS (SELECT FROM gone) AS gone FROM verdict"
    ),
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), READ.described(), CREATE.described(), EDIT.described(), DELETE.described()];

/// A role with what it permits and how many hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRole {
    /// Identifier.
    pub id: RoleId,
    /// Key, unique in the tenant.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Level in the hierarchy.
    pub level: i16,
    /// Whether it is one of the six that every tenant has.
    pub is_default: bool,
    /// What it permits.
    pub permissions: PermissionSet,
    /// How many members hold it.
    pub members: i64,
    /// Grows with every change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl TeamRole {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let key: String = row.cell("key")?;
        let is_default = row.cell("is_default")?;
        let stored: Vec<i16> = row.cell("permissions")?;
        let own = || stored.iter().filter_map(|index| Permission::ALL.iter().copied().find(|p| i16::from(p.index()) == *index)).collect();
        let permissions = DefaultRole::from_key(&key).filter(|_| is_default).map_or_else(own, DefaultRole::permissions);
        Ok(Self {
            id: row.id("id")?,
            name: row.cell("name")?,
            description: row.cell("description")?,
            level: row.cell("level")?,
            members: row.cell("members")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
            key,
            is_default,
            permissions,
        })
    }
}

/// A role to make.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// Identifier.
    pub id: RoleId,
    /// Key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Level in the hierarchy.
    pub level: i16,
    /// What it permits.
    pub permissions: PermissionSet,
}

/// What is to change of a role; `None` and empty sets leave it.
#[derive(Debug, Clone, Default)]
pub struct RoleEdit {
    /// Name for people.
    pub name: Option<String>,
    /// What it is for; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// Level in the hierarchy.
    pub level: Option<i16>,
    /// Whether `add` takes the place of what it permits.
    pub replace: bool,
    /// Permissions to put in.
    pub add: PermissionSet,
    /// Permissions to take out.
    pub remove: PermissionSet,
    /// Versions that the change is meant for.
    pub if_version: Option<Vec<i64>>,
}

/// Whose tokens are stale by a change.
pub type Holders = Vec<Revocation>;

/// What became of a change of a role.
#[derive(Debug, Clone)]
pub enum Composed {
    /// It is so now.
    Done(Option<TeamRole>, Holders),
    /// There is no such role.
    Missing,
    /// Default roles are the same for everybody.
    ReadOnly,
    /// The role's level is not below the caller's.
    TooHigh,
    /// The caller's own role does not hold all that is to be given.
    NotHeld,
    /// The plan covers no further role.
    Full,
    /// Another role has the key.
    Taken,
    /// Somebody holds it, or is invited to.
    Used,
    /// The version is not among those expected.
    Stale,
}

/// A page of the tenant's roles, highest first, after a position.
///
/// # Errors
/// `Unavailable`.
pub async fn list_roles(db: &Db, scope: &TenantScope, after: Option<(i16, RoleId)>, limit: i64) -> Result<Vec<TeamRole>, StoreError> {
    let (level, id) = (after.map(|after| after.0), after.map(|after| after.1.uuid()));
    Batch::read(db, scope).add(&LIST, &[&level, &id, &limit]).rows().await?.iter().map(TeamRole::read).collect()
}

/// One of the tenant's roles.
///
/// # Errors
/// `Unavailable`.
pub async fn role(db: &Db, scope: &TenantScope, id: RoleId) -> Result<Option<TeamRole>, StoreError> {
    Batch::read(db, scope).add(&READ, &[&id.uuid()]).rows().await?.first().map(TeamRole::read).transpose()
}

/// Makes a role.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn create_role(db: &Db, scope: &TenantScope, new: &NewRole, now: Timestamp) -> Result<Composed, StoreError> {
    let (permissions, (roles, held)) = (indices(new.permissions), default_holders(new.permissions));
    let plans = PlanLimits::of(Feature::CustomRoles);
    let mut answers = Batch::write(db, scope)
        .alone()
        .add(
            &CREATE,
            &[&new.id.uuid(), &new.key, &new.name, &new.description, &new.level, &permissions, &roles, &held, &plans.plans, &plans.limits, &at(now)],
        )
        .add(&READ, &[&new.id.uuid()])
        .run()
        .await?;
    let Some(verdict) = answers.take().into_iter().next() else { return Ok(Composed::TooHigh) };
    Ok(match (verdict.cell("below")?, verdict.cell("holds")?, verdict.cell("fits")?, verdict.cell("made")?) {
        (false, ..) => Composed::TooHigh,
        (_, false, ..) => Composed::NotHeld,
        (_, _, false, _) => Composed::Full,
        (.., false) => Composed::Taken,
        _ => Composed::Done(Some(TeamRole::read(&only(answers.take(), "access.create_role")?)?), Vec::new()),
    })
}

/// Changes a role. Whose tokens are stale by that is told, and owed to the gate whatever becomes of the request.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn edit_role(db: &Db, scope: &TenantScope, id: RoleId, edit: &RoleEdit, now: Timestamp) -> Result<Composed, StoreError> {
    let (added, removed, (roles, held)) = (indices(edit.add), indices(edit.remove), default_holders(edit.add));
    let mut answers = Batch::write(db, scope)
        .alone()
        .add(
            &EDIT,
            &[
                &id.uuid(),
                &edit.name,
                &edit.description.is_some(),
                &edit.description.clone().flatten(),
                &edit.level,
                &edit.replace,
                &added,
                &removed,
                &roles,
                &held,
                &edit.if_version,
                &at(now),
            ],
        )
        .add(&READ, &[&id.uuid()])
        .run()
        .await?;
    let Some(verdict) = answers.take().into_iter().next() else { return Ok(Composed::Missing) };
    Ok(match (verdict.cell("is_default")?, verdict.cell("below")?, verdict.cell("holds")?, verdict.cell("current")?) {
        (true, ..) => Composed::ReadOnly,
        (_, false, ..) => Composed::TooHigh,
        (_, _, false, _) => Composed::NotHeld,
        (.., false) => Composed::Stale,
        _ => {
            let row = answers.take().first().map(TeamRole::read).transpose()?;
            Composed::Done(row, revocations(verdict.cell::<Value>("revocations")?)?)
        }
    })
}

/// Removes a role that nobody holds.
///
/// # Errors
/// `Unavailable`, `Retry`; `Conflict` where something else still gives it.
pub async fn delete_role(db: &Db, scope: &TenantScope, id: RoleId, if_version: Option<&[i64]>, now: Timestamp) -> Result<Composed, StoreError> {
    let id: Uuid = id.uuid();
    let rows = Batch::write(db, scope).alone().add(&DELETE, &[&id, &if_version, &at(now)]).rows().await?;
    let Some(verdict) = rows.first() else { return Ok(Composed::Missing) };
    Ok(match (verdict.cell("is_default")?, verdict.cell("below")?, verdict.cell("current")?, verdict.cell("used")?) {
        (true, ..) => Composed::ReadOnly,
        (_, false, ..) => Composed::TooHigh,
        (_, _, false, _) => Composed::Stale,
        (.., true) => Composed::Used,
        _ => Composed::Done(None, Vec::new()),
    })
}
