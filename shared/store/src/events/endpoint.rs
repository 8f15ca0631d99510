//! Endpoints, as their tenant's administrators see them.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{TenantId, WebhookId},
    time::Timestamp,
};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

macro_rules! columns {
    () => {
        "w.id, w.url, w.description, w.event_filters, w.header_names, w.rate_per_second, w.ordered, w.public_key, w.enabled, w.disabled_reason, \
         w.failing_since, w.version, w.created_at, w.updated_at"
    };
}

const ROW: &[Type] = &[
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT4,
    Type::BOOL,
    Type::TEXT,
    Type::BOOL,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::INT4,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
];

const LIST: Statement<TenantScope> = Statement::new(
    "events.endpoints",
    &[Type::TIMESTAMPTZ, Type::UUID, Type::INT8],
    ROW,
    concat!(
        "/* events.endpoints */ SELECT ",
        columns!(),
        " FROM webhooks w WHERE (w.created_at, w.id) > ($1, $2) ORDER BY w.created_at, w.id LIMIT $3"
    ),
);

const READ: Statement<TenantScope> =
    Statement::new("events.endpoint", &[Type::UUID], ROW, concat!("/* events.endpoint */ SELECT ", columns!(), " FROM webhooks w WHERE w.id = $1"));

const CREATE: Statement<TenantScope> = Statement::new(
    "events.create_endpoint",
    &[
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT_ARRAY,
        Type::BYTEA,
        Type::TEXT_ARRAY,
        Type::INT4,
        Type::BOOL,
        Type::BYTEA,
        Type::TEXT,
        Type::BOOL,
        Type::JSONB,
        Type::INT8,
        Type::TIMESTAMPTZ,
    ],
    ROW,
    concat!(
        "/* events.create_endpoint */ WITH w AS ( \
           INSERT INTO webhooks (id, tenant_id, url, description, event_filters, headers_sealed, header_names, rate_per_second, ordered, \
             secret_sealed, public_key, enabled, created_at, updated_at) \
           SELECT $1, app_tenant_id(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $14, $14 WHERE room_for_webhook($12, $13) RETURNING *), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($14), tenant_id, 'webhook.created', jsonb_build_object('webhook_id', id), app_user_id(), app_request_id(), $14 FROM w) \
         SELECT ",
        columns!(),
        " FROM w"
    ),
);

/// An endpoint that is switched on again begins anew: what was held back goes out now.
const UPDATE: Statement<TenantScope> = Statement::new(
    "events.update_endpoint",
    &[
        Type::UUID,
        Type::TEXT,
        Type::BOOL,
        Type::TEXT,
        Type::TEXT_ARRAY,
        Type::BYTEA,
        Type::TEXT_ARRAY,
        Type::BOOL,
        Type::INT4,
        Type::BOOL,
        Type::BOOL,
        Type::INT8_ARRAY,
        Type::TIMESTAMPTZ,
    ],
    ROW,
    concat!(
        "/* events.update_endpoint */ WITH old AS (SELECT id, version, enabled FROM webhooks WHERE id = $1 FOR UPDATE), \
         w AS ( \
           UPDATE webhooks w SET url = coalesce($2, w.url), description = CASE WHEN $3 THEN $4 ELSE w.description END, \
             event_filters = coalesce($5, w.event_filters), headers_sealed = CASE WHEN $7 IS NULL THEN w.headers_sealed ELSE $6 END, \
             header_names = coalesce($7, w.header_names), rate_per_second = CASE WHEN $8 THEN $9 ELSE w.rate_per_second END, \
             ordered = coalesce($10, w.ordered), enabled = coalesce($11, w.enabled), \
             disabled_reason = CASE WHEN $11 AND NOT w.enabled THEN NULL ELSE w.disabled_reason END, \
             failing_since = CASE WHEN $11 AND NOT w.enabled THEN NULL ELSE w.failing_since END, updated_at = $13 \
           FROM old WHERE w.id = old.id AND ($12 IS NULL OR old.version = ANY ($12)) RETURNING w.*), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($13), w.tenant_id, 'webhook.updated', jsonb_build_object('webhook_id', w.id, 'version', w.version), \
             app_user_id(), app_request_id(), $13 FROM w JOIN old ON old.version <> w.version), \
         held AS (UPDATE webhook_deliveries d SET next_attempt_at = CASE WHEN w.enabled THEN $13 END FROM w JOIN old USING (id) \
           WHERE old.enabled <> w.enabled AND d.webhook_id = w.id AND d.status IN ('pending', 'failing')) \
         SELECT ",
        columns!(),
        " FROM w"
    ),
);

const DELETE: Statement<TenantScope> = Statement::new(
    "events.delete_endpoint",
    &[Type::UUID, Type::INT8_ARRAY, Type::TIMESTAMPTZ],
    &[Type::BOOL, Type::BOOL],
    "/* events.delete_endpoint */ WITH gone AS (DELETE FROM webhooks WHERE id = $1 AND ($2 IS NULL OR version = ANY ($2)) RETURNING id, tenant_id), \
     logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($3), tenant_id, 'webhook.deleted', jsonb_build_object('webhook_id', id), app_user_id(), app_request_id(), $3 FROM gone) \
     SELECT EXISTS (SELECT FROM gone) AS deleted, EXISTS (SELECT FROM webhooks WHERE id = $1) AS existed",
);

const SECRET: &[Type] = &[Type::BYTEA, Type::BYTEA, Type::TIMESTAMPTZ];

/// Moves a column, so that the trail has a row of who looked.
const SHOW: Statement<TenantScope> = Statement::new(
    "events.show_secret",
    &[Type::UUID, Type::TIMESTAMPTZ],
    SECRET,
    "/* events.show_secret */ UPDATE webhooks SET secret_shown_at = $2 WHERE id = $1 \
     RETURNING secret_sealed, CASE WHEN previous_secret_until > $2 THEN previous_secret_sealed END AS previous, previous_secret_until",
);

const ROTATE: Statement<TenantScope> = Statement::new(
    "events.rotate_secret",
    &[Type::UUID, Type::BYTEA, Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ],
    ROW,
    concat!(
        "/* events.rotate_secret */ WITH w AS ( \
           UPDATE webhooks SET previous_secret_sealed = secret_sealed, previous_secret_until = $4, secret_sealed = $2, public_key = $3, updated_at = $5 \
           WHERE id = $1 RETURNING *), \
         logged AS (INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
           SELECT make_uuid_v7($5), tenant_id, 'webhook.secret_rotated', jsonb_build_object('webhook_id', id), app_user_id(), app_request_id(), $5 FROM w) \
         SELECT ",
        columns!(),
        " FROM w"
    ),
);

/// This module's statements.
pub const STATEMENTS: &[Described] =
    &[LIST.described(), READ.described(), CREATE.described(), UPDATE.described(), DELETE.described(), SHOW.described(), ROTATE.described()];

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// Identifier.
    pub id: WebhookId,
    /// Where deliveries go.
    pub url: String,
    /// What its tenant says of it.
    pub description: Option<String>,
    /// Which events it wants.
    pub filters: Vec<String>,
    /// Names of the headers that it wants with each.
    pub header_names: Vec<String>,
    /// Most deliveries a second.
    pub rate_per_second: Option<i32>,
    /// Whether one goes after the other.
    pub ordered: bool,
    /// Public key of the pair that signs beside the secret.
    pub public_key: Option<String>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Why it was switched off, where we did that: `gone`, `failing`.
    pub disabled_reason: Option<String>,
    /// Since when it does nothing but fail.
    pub failing_since: Option<Timestamp>,
    /// Grows with every change.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl EndpointRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            url: row.cell("url")?,
            description: row.cell("description")?,
            filters: row.cell("event_filters")?,
            header_names: row.cell("header_names")?,
            rate_per_second: row.cell("rate_per_second")?,
            ordered: row.cell("ordered")?,
            public_key: row.cell("public_key")?,
            enabled: row.cell("enabled")?,
            disabled_reason: row.cell("disabled_reason")?,
            failing_since: row.maybe_time("failing_since")?,
            version: row.cell("version")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

/// An endpoint to make.
#[derive(Clone)]
pub struct NewEndpoint {
    /// Identifier.
    pub id: WebhookId,
    /// Where deliveries go.
    pub url: String,
    /// What its tenant says of it.
    pub description: Option<String>,
    /// Which events it wants.
    pub filters: Vec<String>,
    /// Headers, sealed; `None` where there are none.
    pub headers_sealed: Option<Vec<u8>>,
    /// Their names.
    pub header_names: Vec<String>,
    /// Most deliveries a second.
    pub rate_per_second: Option<i32>,
    /// Whether one goes after the other.
    pub ordered: bool,
    /// Its secrets, sealed.
    pub secret_sealed: Vec<u8>,
    /// Public key of its pair.
    pub public_key: Option<String>,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// What to change of an endpoint; `None` leaves it.
#[derive(Clone, Default)]
pub struct Change {
    /// Where deliveries go.
    pub url: Option<String>,
    /// What its tenant says of it; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// Which events it wants.
    pub filters: Option<Vec<String>>,
    /// Headers, sealed, `None` where there are none any more; and their names.
    pub headers: Option<(Option<Vec<u8>>, Vec<String>)>,
    /// Most deliveries a second; `Some(None)` for no such limit.
    pub rate_per_second: Option<Option<i32>>,
    /// Whether one goes after the other.
    pub ordered: Option<bool>,
    /// Whether it is switched on.
    pub enabled: Option<bool>,
    /// Versions that the change is meant for.
    pub if_version: Option<Vec<i64>>,
}

/// An endpoint's secrets, sealed.
pub struct SecretRow {
    /// What signs.
    pub sealed: Vec<u8>,
    /// What signed before, while it still does.
    pub previous: Option<Vec<u8>>,
    /// Until when.
    pub previous_until: Option<Timestamp>,
}

/// What endpoints' secrets are sealed for.
#[must_use]
pub fn secret_context(tenant: TenantId, endpoint: WebhookId) -> String {
    format!("webhooks.secret {tenant} {endpoint}")
}

/// What endpoints' headers are sealed for.
#[must_use]
pub fn headers_context(tenant: TenantId, endpoint: WebhookId) -> String {
    format!("webhooks.headers {tenant} {endpoint}")
}

/// A page of the tenant's endpoints, oldest first, after a position.
///
/// # Errors
/// `Unavailable`.
pub async fn endpoints(db: &Db, scope: &TenantScope, after: (Timestamp, WebhookId), limit: i64) -> Result<Vec<EndpointRow>, StoreError> {
    Batch::read(db, scope).add(&LIST, &[&at(after.0), &after.1.uuid(), &limit]).rows().await?.iter().map(EndpointRow::read).collect()
}

/// One of the tenant's endpoints.
///
/// # Errors
/// `Unavailable`.
pub async fn endpoint(db: &Db, scope: &TenantScope, id: WebhookId) -> Result<Option<EndpointRow>, StoreError> {
    Batch::read(db, scope).add(&READ, &[&id.uuid()]).rows().await?.first().map(EndpointRow::read).transpose()
}

/// Makes an endpoint; `None` where the tenant has as many as its plan (`by_plan`, the domain's table) or `most` allow.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn create_endpoint(
    db: &Db,
    scope: &TenantScope,
    new: &NewEndpoint,
    by_plan: &Value,
    most: i64,
    now: Timestamp,
) -> Result<Option<EndpointRow>, StoreError> {
    let rows = Batch::write(db, scope)
        .add(
            &CREATE,
            &[
                &new.id.uuid(),
                &new.url,
                &new.description,
                &new.filters,
                &new.headers_sealed,
                &new.header_names,
                &new.rate_per_second,
                &new.ordered,
                &new.secret_sealed,
                &new.public_key,
                &new.enabled,
                by_plan,
                &most,
                &at(now),
            ],
        )
        .rows()
        .await?;
    rows.first().map(EndpointRow::read).transpose()
}

/// Changes an endpoint; `None` where there is none of that id and version.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn update_endpoint(
    db: &Db,
    scope: &TenantScope,
    id: WebhookId,
    change: &Change,
    now: Timestamp,
) -> Result<Option<EndpointRow>, StoreError> {
    let (sealed, names) = match &change.headers {
        Some((sealed, names)) => (sealed.as_ref(), Some(names)),
        None => (None, None),
    };
    let rows = Batch::write(db, scope)
        .add(
            &UPDATE,
            &[
                &id.uuid(),
                &change.url,
                &change.description.is_some(),
                &change.description.as_ref().and_then(Option::as_ref),
                &change.filters,
                &sealed,
                &names,
                &change.rate_per_second.is_some(),
                &change.rate_per_second.flatten(),
                &change.ordered,
                &change.enabled,
                &change.if_version,
                &at(now),
            ],
        )
        .rows()
        .await?;
    rows.first().map(EndpointRow::read).transpose()
}

/// Removes an endpoint with its deliveries. `None` if there was none, `Some(false)` if its version is not among those expected.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn delete_endpoint(
    db: &Db,
    scope: &TenantScope,
    id: WebhookId,
    if_version: Option<&[i64]>,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    let row = only(Batch::write(db, scope).add(&DELETE, &[&id.uuid(), &if_version, &at(now)]).rows().await?, "events.delete_endpoint")?;
    let deleted: bool = row.cell("deleted")?;
    // A statement sees what was there before it began.
    Ok(row.cell::<bool>("existed")?.then_some(deleted))
}

/// An endpoint's secrets, for somebody to see: that leaves a row in the audit trail.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn show_secret(db: &Db, scope: &TenantScope, id: WebhookId, now: Timestamp) -> Result<Option<SecretRow>, StoreError> {
    let rows = Batch::write(db, scope).add(&SHOW, &[&id.uuid(), &at(now)]).rows().await?;
    let read = |row: &Row| {
        Ok(SecretRow {
            sealed: row.cell("secret_sealed")?,
            previous: row.cell("previous")?,
            previous_until: row.maybe_time("previous_secret_until")?,
        })
    };
    rows.first().map(read).transpose()
}

/// Gives an endpoint new secrets; the present ones sign beside them until then.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn rotate_secret(
    db: &Db,
    scope: &TenantScope,
    id: WebhookId,
    sealed: &[u8],
    public_key: Option<&str>,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<EndpointRow>, StoreError> {
    let rows = Batch::write(db, scope).add(&ROTATE, &[&id.uuid(), &sealed, &public_key, &at(until), &at(now)]).rows().await?;
    rows.first().map(EndpointRow::read).transpose()
}
