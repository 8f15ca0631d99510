//! A tenant's connections to its identity providers, as its administrators see them.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    id::{ConnectionId, RoleId},
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

macro_rules! columns {
    ($table:literal) => {
        concat!(
            $table,
            ".id, ",
            $table,
            ".kind, ",
            $table,
            ".name, ",
            $table,
            ".config, ",
            $table,
            ".secret_sealed IS NOT NULL AS has_secret, ",
            $table,
            ".attributes, ",
            $table,
            ".role_mappings, ",
            $table,
            ".provision, ",
            $table,
            ".default_role_id, ",
            $table,
            ".enabled, ",
            $table,
            ".version, ",
            $table,
            ".created_at, ",
            $table,
            ".updated_at"
        )
    };
}

/// Whether the plan has sign-on ($1: the domain's table of that feature), and whether the caller may give the roles named in $2: known in the
/// tenant, and below the caller's own. What follows writes only where both hold.
macro_rules! guarded {
    ($comment:literal, $then:expr) => {
        concat!(
            "/* ",
            $comment,
            " */ WITH plan AS (SELECT plan_limit(app_tenant_id(), 'sso', $1) IS DISTINCT FROM 0 AS covered), \
             given AS (SELECT coalesce(bool_and(r.id IS NOT NULL), true) AS known, coalesce(max(r.level), 0) < coalesce(( \
               SELECT mine.level FROM user_roles m JOIN roles mine ON mine.id = m.role_id WHERE m.user_id = app_user_id()), 0) AS below \
               FROM unnest($2) w (id) LEFT JOIN roles r ON r.id = w.id), \
             allowed AS (SELECT FROM plan, given WHERE covered AND known AND below), ",
            $then
        )
    };
}

const ROW: [Type; 13] = [
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::JSONB,
    Type::BOOL,
    Type::JSONB,
    Type::JSONB,
    Type::BOOL,
    Type::UUID,
    Type::BOOL,
    Type::INT4,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
];

const GUARDED: [Type; 16] = {
    let [id, kind, name, config, secret, attributes, mappings, provision, role, enabled, version, created, updated] = ROW;
    [Type::BOOL, Type::BOOL, Type::BOOL, id, kind, name, config, secret, attributes, mappings, provision, role, enabled, version, created, updated]
};

const LIST: Statement<TenantScope> = Statement::new(
    "identity.connections",
    &[],
    &ROW,
    concat!("/* identity.connections */ SELECT ", columns!("c"), " FROM sso_connections c ORDER BY c.created_at, c.id LIMIT 100"),
);

const READ: Statement<TenantScope> = Statement::new(
    "identity.connection",
    &[Type::UUID],
    &ROW,
    concat!("/* identity.connection */ SELECT ", columns!("c"), " FROM sso_connections c WHERE c.id = $1"),
);

const CREATE: Statement<TenantScope> = Statement::new(
    "identity.create_connection",
    &[
        Type::JSONB,
        Type::UUID_ARRAY,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::JSONB,
        Type::BYTEA,
        Type::JSONB,
        Type::JSONB,
        Type::BOOL,
        Type::UUID,
        Type::BOOL,
        Type::TIMESTAMPTZ,
        Type::INT8,
    ],
    &GUARDED,
    guarded!(
        "identity.create_connection",
        concat!(
            "made AS (INSERT INTO sso_connections AS c (id, tenant_id, kind, name, config, secret_sealed, attributes, role_mappings, provision, \
               default_role_id, enabled, created_at, updated_at) \
               SELECT $3, app_tenant_id(), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13 FROM allowed \
               WHERE (SELECT count(*) FROM sso_connections) < $14 RETURNING ",
            columns!("c"),
            "), logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
               SELECT make_uuid_v7($13), app_tenant_id(), 'sso_connection.created', jsonb_build_object('connection_id', id), app_user_id(), \
                 app_request_id(), $13 FROM made) \
             SELECT covered, known, below, made.* FROM plan CROSS JOIN given LEFT JOIN made ON true"
        )
    ),
);

const UPDATE: Statement<TenantScope> = Statement::new(
    "identity.update_connection",
    &[
        Type::JSONB,
        Type::UUID_ARRAY,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::JSONB,
        Type::BYTEA,
        Type::JSONB,
        Type::JSONB,
        Type::BOOL,
        Type::BOOL,
        Type::UUID,
        Type::BOOL,
        Type::TIMESTAMPTZ,
        Type::INT8_ARRAY,
    ],
    &GUARDED,
    guarded!(
        "identity.update_connection",
        concat!(
            "old AS (SELECT id, version FROM sso_connections WHERE id = $3), \
             made AS (UPDATE sso_connections c SET name = coalesce($5, c.name), config = coalesce($6, c.config), \
               secret_sealed = coalesce($7, c.secret_sealed), attributes = coalesce($8, c.attributes), \
               role_mappings = coalesce($9, c.role_mappings), provision = coalesce($10, c.provision), \
               default_role_id = CASE WHEN $11 THEN $12 ELSE c.default_role_id END, enabled = coalesce($13, c.enabled), updated_at = $14 \
               FROM allowed, old WHERE c.id = old.id AND ($4 IS NULL OR c.kind = $4) AND ($15 IS NULL OR c.version = ANY ($15)) RETURNING ",
            columns!("c"),
            "), logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
               SELECT make_uuid_v7($14), app_tenant_id(), 'sso_connection.updated', \
                 jsonb_build_object('connection_id', made.id, 'version', made.version), app_user_id(), app_request_id(), $14 \
               FROM made JOIN old ON old.version <> made.version) \
             SELECT covered, known, below, made.* FROM plan CROSS JOIN given LEFT JOIN made ON true"
        )
    ),
);

const DELETE: Statement<TenantScope> = Statement::new(
    "identity.delete_connection",
    &[Type::UUID, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL],
    "/* identity.delete_connection */ WITH gone AS ( \
       DELETE FROM sso_connections WHERE id = $1 AND ($2 IS NULL OR version = ANY ($2)) RETURNING id), \
     logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($3), app_tenant_id(), 'sso_connection.deleted', jsonb_build_object('connection_id', id), app_user_id(), \
         app_request_id(), $3 FROM gone) \
     SELECT EXISTS (SELECT FROM gone) AS deleted, EXISTS (SELECT FROM sso_connections WHERE id = $1) AS existed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), READ.described(), CREATE.described(), UPDATE.described(), DELETE.described()];

/// A connection.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionRow {
    /// Identifier.
    pub id: ConnectionId,
    /// `oidc` or `saml`.
    pub kind: String,
    /// What its tenant calls it.
    pub name: String,
    /// The provider, by kind.
    pub config: Value,
    /// Whether it keeps a client's secret.
    pub has_secret: bool,
    /// What the provider calls mail address, names and roles.
    pub attributes: Value,
    /// Which of its roles are which of ours.
    pub role_mappings: Value,
    /// Whether unknown people become members.
    pub provision: bool,
    /// The role of a new member whom no mapping fits.
    pub default_role_id: Option<RoleId>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Grows with every change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl ConnectionRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            kind: row.cell("kind")?,
            name: row.cell("name")?,
            config: row.cell("config")?,
            has_secret: row.cell("has_secret")?,
            attributes: row.cell("attributes")?,
            role_mappings: row.cell("role_mappings")?,
            provision: row.cell("provision")?,
            default_role_id: row.cell::<Option<Uuid>>("default_role_id")?.map(Into::into),
            enabled: row.cell("enabled")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// A connection to make.
#[derive(Clone)]
pub struct NewConnection {
    /// Identifier.
    pub id: ConnectionId,
    /// `oidc` or `saml`.
    pub kind: &'static str,
    /// What its tenant calls it.
    pub name: String,
    /// The rest, as a change from nothing: `config` must be there.
    pub rest: Change,
}

/// What to change of a connection; `None` leaves it.
#[derive(Clone, Default)]
pub struct Change {
    /// What each plan says of sign-on, [`Feature::by_plan`](zygo_core::tenancy::plan::Feature::by_plan).
    pub by_plan: Value,
    /// What its tenant calls it.
    pub name: Option<String>,
    /// The kind that `config` is of.
    pub kind: Option<&'static str>,
    /// The provider, by kind.
    pub config: Option<Value>,
    /// The client's secret, sealed.
    pub secret_sealed: Option<Vec<u8>>,
    /// What the provider calls mail address, names and roles.
    pub attributes: Option<Value>,
    /// Which of its roles are which of ours.
    pub role_mappings: Option<Value>,
    /// The roles in `role_mappings`.
    pub mapped_roles: Vec<RoleId>,
    /// Whether unknown people become members.
    pub provision: Option<bool>,
    /// The role of a new member whom no mapping fits; `Some(None)` clears it.
    pub default_role_id: Option<Option<RoleId>>,
    /// Whether it is switched on.
    pub enabled: Option<bool>,
    /// Versions that the change is meant for.
    pub if_version: Option<Vec<i64>>,
    /// The instant.
    pub now: Option<Timestamp>,
}

impl Change {
    fn given_roles(&self) -> Vec<Uuid> {
        self.mapped_roles.iter().copied().chain(self.default_role_id.flatten()).map(RoleId::uuid).collect()
    }
}

/// What became of it.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per request, and most are the large one")]
pub enum Saved {
    /// It is so now.
    Done(ConnectionRow),
    /// The plan does not cover sign-on.
    NotCovered,
    /// A role is not one of the tenant's.
    UnknownRole,
    /// A role is not below the caller's own.
    RoleTooHigh,
    /// None of that kind and version; or, when making one, too many.
    Not,
}

impl Saved {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(match (row.cell("covered")?, row.cell("known")?, row.cell("below")?) {
            (false, ..) => Self::NotCovered,
            (_, false, _) => Self::UnknownRole,
            (.., false) => Self::RoleTooHigh,
            _ if row.cell::<Option<Uuid>>("id")?.is_none() => Self::Not,
            _ => Self::Done(ConnectionRow::read(row)?),
        })
    }
}

/// The tenant's connections, oldest first; at most 100.
///
/// # Errors
/// `Unavailable`.
pub async fn connections(db: &Db, scope: &TenantScope) -> Result<Vec<ConnectionRow>, StoreError> {
    Batch::read(db, scope).add(&LIST, &[]).rows().await?.iter().map(ConnectionRow::read).collect()
}

/// One of the tenant's connections.
///
/// # Errors
/// `Unavailable`.
pub async fn connection(db: &Db, scope: &TenantScope, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError> {
    Batch::read(db, scope).add(&READ, &[&id.uuid()]).rows().await?.first().map(ConnectionRow::read).transpose()
}

/// Makes a connection, unless the tenant has `most` of them.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn create_connection(db: &Db, scope: &TenantScope, new: &NewConnection, most: i64, now: Timestamp) -> Result<Saved, StoreError> {
    let rest = &new.rest;
    let (empty, none) = (Value::Object(serde_json::Map::new()), Value::Array(Vec::new()));
    let rows = Batch::write(db, scope)
        .add(
            &CREATE,
            &[
                &rest.by_plan,
                &rest.given_roles(),
                &new.id.uuid(),
                &new.kind,
                &new.name,
                rest.config.as_ref().unwrap_or(&empty),
                &rest.secret_sealed,
                rest.attributes.as_ref().unwrap_or(&empty),
                rest.role_mappings.as_ref().unwrap_or(&none),
                &rest.provision.unwrap_or_default(),
                &rest.default_role_id.flatten().map(RoleId::uuid),
                &rest.enabled.unwrap_or_default(),
                &at(now),
                &most,
            ],
        )
        .rows()
        .await?;
    Saved::read(&only(rows, "identity.create_connection")?)
}

/// Changes a connection.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn update_connection(db: &Db, scope: &TenantScope, id: ConnectionId, change: &Change, now: Timestamp) -> Result<Saved, StoreError> {
    let rows = Batch::write(db, scope)
        .add(
            &UPDATE,
            &[
                &change.by_plan,
                &change.given_roles(),
                &id.uuid(),
                &change.kind,
                &change.name,
                &change.config,
                &change.secret_sealed,
                &change.attributes,
                &change.role_mappings,
                &change.provision,
                &change.default_role_id.is_some(),
                &change.default_role_id.flatten().map(RoleId::uuid),
                &change.enabled,
                &at(now),
                &change.if_version,
            ],
        )
        .rows()
        .await?;
    Saved::read(&only(rows, "identity.update_connection")?)
}

/// Removes a connection with its domains and identities; accounts and memberships stay. `None` if there was none,
/// `Some(false)` if its version is not among those expected.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn delete_connection(
    db: &Db,
    scope: &TenantScope,
    id: ConnectionId,
    if_version: Option<&[i64]>,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    let row = only(Batch::write(db, scope).add(&DELETE, &[&id.uuid(), &if_version, &at(now)]).rows().await?, "identity.delete_connection")?;
    let deleted: bool = row.cell("deleted")?;
    // A statement sees what was there before it began.
    Ok(row.cell::<bool>("existed")?.then_some(deleted))
}
