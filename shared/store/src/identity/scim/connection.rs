//! The connections that a tenant's directory writes through, as its administrators see them.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    gate::Revocation,
    id::{RoleId, ScimConnectionId},
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    access::{actor, change::revocations},
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const ROW: [Type; 8] = [Type::UUID, Type::TEXT, Type::UUID, Type::JSONB, Type::BOOL, Type::INT4, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ];

macro_rules! columns {
    () => {
        "c.id, c.name, c.default_role_id, c.role_mappings, c.enabled, c.version, c.created_at, c.updated_at"
    };
}

const LIST: Statement<TenantScope> = Statement::new(
    "identity.scim_connections",
    &[],
    &ROW,
    concat!(
        "/* identity.scim_connections */ SELECT ",
        columns!(),
        " FROM scim_connections c WHERE c.tenant_id = app_tenant_id() ORDER BY c.created_at, c.id"
    ),
);

const READ: Statement<TenantScope> = Statement::new(
    "identity.scim_connection",
    &[Type::UUID],
    &ROW,
    concat!("/* identity.scim_connection */ SELECT ", columns!(), " FROM scim_connections c WHERE c.tenant_id = app_tenant_id() AND c.id = $1"),
);

/// Whether the plan covers it ($1), and whether the roles ($2) are known and below the caller's own.
macro_rules! given {
    () => {
        "plan AS (SELECT plan_limit(app_tenant_id(), 'sso', $1) IS DISTINCT FROM 0 AS covered), \
         given AS (SELECT coalesce(bool_and(r.id IS NOT NULL), true) AS known, \
           coalesce(max(r.level), 0) < coalesce((SELECT level FROM actor), 0) AS below \
           FROM unnest($2) w (id) LEFT JOIN roles r ON r.tenant_id = app_tenant_id() AND r.id = w.id)"
    };
}

/// $3 connection, $4 name, $5 default role, $6 mappings, $7 enabled, $8 most, $9 now.
const CREATE: Statement<TenantScope> = Statement::new(
    "identity.create_scim_connection",
    &[Type::JSONB, Type::UUID_ARRAY, Type::UUID, Type::TEXT, Type::UUID, Type::JSONB, Type::BOOL, Type::INT8, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    concat!(
        "/* identity.create_scim_connection */ WITH ",
        actor!(),
        ", ",
        given!(),
        ", made AS (INSERT INTO scim_connections (id, tenant_id, name, level, default_role_id, role_mappings, enabled, created_at, updated_at) \
           SELECT $3, app_tenant_id(), $4, a.level, $5, $6, $7, $9, $9 FROM plan, given, actor a WHERE covered AND known AND below \
             AND (SELECT count(*) FROM scim_connections WHERE tenant_id = app_tenant_id()) < $8 RETURNING id), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($9), app_tenant_id(), 'scim_connection.created', jsonb_build_object('connection_id', id), app_user_id(), \
             app_request_id(), $9 FROM made) \
         SELECT covered, known, below, EXISTS (SELECT FROM made) AS made FROM plan, given"
    ),
);

/// $3 connection, $4 name, $5 whether $6 is the default role, $7 mappings, $8 enabled, $9 versions, $10 now.
const UPDATE: Statement<TenantScope> = Statement::new(
    "identity.update_scim_connection",
    &[Type::JSONB, Type::UUID_ARRAY, Type::UUID, Type::TEXT, Type::BOOL, Type::UUID, Type::JSONB, Type::BOOL, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL, Type::BOOL, Type::BOOL],
    concat!(
        "/* identity.update_scim_connection */ WITH ",
        actor!(),
        ", ",
        given!(),
        ", target AS (SELECT c.id, c.version, coalesce(a.level >= c.level, false) AS mine FROM scim_connections c LEFT JOIN actor a ON true \
           WHERE c.tenant_id = app_tenant_id() AND c.id = $3), \
         made AS (UPDATE scim_connections c SET name = coalesce($4, c.name), default_role_id = CASE WHEN $5 THEN $6 ELSE c.default_role_id END, \
             role_mappings = coalesce($7, c.role_mappings), enabled = coalesce($8, c.enabled), updated_at = $10 \
           FROM target t, plan, given WHERE covered AND known AND below AND t.mine AND c.tenant_id = app_tenant_id() AND c.id = t.id \
             AND coalesce(t.version = ANY ($9), true) RETURNING c.id, c.version, t.version AS before), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($10), app_tenant_id(), 'scim_connection.updated', jsonb_build_object('connection_id', id, 'version', version), \
             app_user_id(), app_request_id(), $10 FROM made WHERE version <> before) \
         SELECT covered, known, below AND mine AS below, EXISTS (SELECT FROM made) AS made FROM plan, given, target"
    ),
);

/// What the mappings say now. A statement of its own, so that it sees them.
const SETTLE: Statement<TenantScope> = Statement::new(
    "identity.settle_scim_connection",
    &[Type::UUID, Type::BOOL, Type::TIMESTAMPTZ],
    &[Type::JSONB],
    "/* identity.settle_scim_connection */ SELECT CASE WHEN $2 AND c.updated_at = $3 THEN scim_settle_connection(c.id, $3) ELSE '[]' END AS revocations \
     FROM scim_connections c WHERE c.tenant_id = app_tenant_id() AND c.id = $1",
);

const DELETE: Statement<TenantScope> = Statement::new(
    "identity.delete_scim_connection",
    &[Type::UUID, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL],
    concat!(
        "/* identity.delete_scim_connection */ WITH ",
        actor!(),
        ", target AS (SELECT c.id, coalesce(a.level >= c.level, false) AS below, coalesce(c.version = ANY ($2), true) AS current \
           FROM scim_connections c LEFT JOIN actor a ON true WHERE c.tenant_id = app_tenant_id() AND c.id = $1), \
         gone AS (DELETE FROM scim_connections c USING target t WHERE t.below AND t.current AND c.tenant_id = app_tenant_id() AND c.id = t.id RETURNING c.id), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($3), app_tenant_id(), 'scim_connection.deleted', jsonb_build_object('connection_id', id), app_user_id(), \
             app_request_id(), $3 FROM gone) \
         SELECT below, current FROM target"
    ),
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[LIST.described(), READ.described(), CREATE.described(), UPDATE.described(), SETTLE.described(), DELETE.described()];

/// A connection.
#[derive(Debug, Clone, PartialEq)]
pub struct ScimConnection {
    /// Identifier.
    pub id: ScimConnectionId,
    /// What its tenant calls it.
    pub name: String,
    /// The role of whom no mapping fits.
    pub default_role_id: Option<RoleId>,
    /// Which groups give which roles.
    pub role_mappings: Value,
    /// Whether its tokens are good.
    pub enabled: bool,
    /// Grows with every change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl ScimConnection {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            name: row.cell("name")?,
            default_role_id: row.cell::<Option<Uuid>>("default_role_id")?.map(Into::into),
            role_mappings: row.cell("role_mappings")?,
            enabled: row.cell("enabled")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// A connection to make.
#[derive(Debug, Clone)]
pub struct NewScimConnection {
    /// Identifier.
    pub id: ScimConnectionId,
    /// The rest, as a change from nothing: the name must be there.
    pub rest: ConnectionEdit,
}

/// What is to change of a connection; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct ConnectionEdit {
    /// What each plan says of sign-on, [`Feature::by_plan`](zygo_core::tenancy::plan::Feature::by_plan).
    pub by_plan: Value,
    /// What its tenant calls it.
    pub name: Option<String>,
    /// The role of whom no mapping fits; `Some(None)` clears it.
    pub default_role_id: Option<Option<RoleId>>,
    /// Which groups give which roles.
    pub role_mappings: Option<Value>,
    /// The roles in them.
    pub mapped_roles: Vec<RoleId>,
    /// Whether its tokens are good.
    pub enabled: Option<bool>,
    /// Versions that the change is meant for.
    pub if_version: Option<Vec<i64>>,
}

impl ConnectionEdit {
    fn given_roles(&self) -> Vec<Uuid> {
        self.mapped_roles.iter().copied().chain(self.default_role_id.flatten()).map(RoleId::uuid).collect()
    }
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Saved {
    /// It is so now: the connection, and whom the gate is to be told of.
    Done(Box<ScimConnection>, Vec<Revocation>),
    /// It is gone.
    Gone,
    /// There is none such.
    Missing,
    /// The plan does not cover it.
    NotCovered,
    /// A role is not one of the tenant's.
    UnknownRole,
    /// A role, or the connection, is not below the caller.
    TooHigh,
    /// The version is not among those expected; or, when making one, too many.
    Not,
}

impl Saved {
    fn verdict(row: &Row, done: impl FnOnce() -> Result<Self, StoreError>) -> Result<Self, StoreError> {
        Ok(match (row.cell("covered")?, row.cell("known")?, row.cell("below")?, row.cell("made")?) {
            (false, ..) => Self::NotCovered,
            (_, false, ..) => Self::UnknownRole,
            (_, _, false, _) => Self::TooHigh,
            (.., false) => Self::Not,
            _ => done()?,
        })
    }
}

/// The tenant's connections, oldest first.
///
/// # Errors
/// `Unavailable`.
pub async fn connections(db: &Db, scope: &TenantScope) -> Result<Vec<ScimConnection>, StoreError> {
    Batch::read(db, scope).add(&LIST, &[]).rows().await?.iter().map(ScimConnection::read).collect()
}

/// One of them.
///
/// # Errors
/// `Unavailable`.
pub async fn read(db: &Db, scope: &TenantScope, id: ScimConnectionId) -> Result<Option<ScimConnection>, StoreError> {
    Batch::read(db, scope).add(&READ, &[&id.uuid()]).rows().await?.first().map(ScimConnection::read).transpose()
}

/// Makes a connection, which acts with its maker's level from now on, unless the tenant has `most` of them.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn create(db: &Db, scope: &TenantScope, new: &NewScimConnection, most: i64, now: Timestamp) -> Result<Saved, StoreError> {
    let (rest, none) = (&new.rest, Value::Array(Vec::new()));
    let (id, roles, default, now) = (new.id.uuid(), rest.given_roles(), rest.default_role_id.flatten().map(RoleId::uuid), at(now));
    let (mappings, enabled) = (rest.role_mappings.as_ref().unwrap_or(&none), rest.enabled.unwrap_or(true));
    let batch = Batch::write(db, scope)
        .alone()
        .add(&CREATE, &[&rest.by_plan, &roles, &id, &rest.name, &default, mappings, &enabled, &most, &now])
        .add(&READ, &[&id]);
    let mut answers = batch.run().await?;
    let verdict = only(answers.take(), "identity.create_scim_connection")?;
    Saved::verdict(&verdict, || Ok(Saved::Done(Box::new(ScimConnection::read(&only(answers.take(), "identity.scim_connection")?)?), Vec::new())))
}

/// Changes a connection. Where its mappings change, so do the roles of whoever is in its groups.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn update(db: &Db, scope: &TenantScope, id: ScimConnectionId, edit: &ConnectionEdit, now: Timestamp) -> Result<Saved, StoreError> {
    let (id, roles, now) = (id.uuid(), edit.given_roles(), at(now));
    let (sets_default, default) = (edit.default_role_id.is_some(), edit.default_role_id.flatten().map(RoleId::uuid));
    let settles = sets_default || edit.role_mappings.is_some();
    let params: [crate::batch::Param<'_>; 10] =
        [&edit.by_plan, &roles, &id, &edit.name, &sets_default, &default, &edit.role_mappings, &edit.enabled, &edit.if_version, &now];
    let batch = Batch::write(db, scope).alone().add(&UPDATE, &params).add(&SETTLE, &[&id, &settles, &now]).add(&READ, &[&id]);
    let mut answers = batch.run().await?;
    let Some(verdict) = answers.take().into_iter().next() else { return Ok(Saved::Missing) };
    Saved::verdict(&verdict, || {
        let told = revocations(only(answers.take(), "identity.settle_scim_connection")?.cell("revocations")?)?;
        Ok(Saved::Done(Box::new(ScimConnection::read(&only(answers.take(), "identity.scim_connection")?)?), told))
    })
}

/// Removes a connection with its tokens and groups; people and their roles stay.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn delete(db: &Db, scope: &TenantScope, id: ScimConnectionId, if_version: Option<&[i64]>, now: Timestamp) -> Result<Saved, StoreError> {
    let rows = Batch::write(db, scope).alone().add(&DELETE, &[&id.uuid(), &if_version, &at(now)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(Saved::Missing) };
    Ok(match (row.cell("below")?, row.cell("current")?) {
        (false, _) => Saved::TooHigh,
        (_, false) => Saved::Not,
        _ => Saved::Gone,
    })
}
