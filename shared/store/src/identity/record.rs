//! Putting a session on record; the live ones are in their objects.

use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{EventId, SessionId, TenantId, UserId},
    identity::risk::history::Coordinates,
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::{Batch, Param},
    row::at,
    statement::Statement,
};

/// Puts a session on record.
pub const INSERT: Statement<TenantScope> = Statement::new(
    "identity.record_session",
    &[
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT_ARRAY,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::BYTEA,
        Type::TEXT,
        Type::INT8,
        Type::FLOAT8,
        Type::FLOAT8,
    ],
    &[],
    "/* identity.record_session */ INSERT INTO sessions \
     (id, tenant_id, user_id, device_name, ip, country, user_agent, amr, created_at, last_seen_at, expires_at, device_hash, agent_family, \
       network, latitude, longitude) \
     VALUES ($1, app_tenant_id(), $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14)",
);

/// The event of a new session.
pub const CREATED: Statement<TenantScope> = Statement::new(
    "identity.record_session.event",
    &[Type::UUID, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[],
    "/* identity.record_session.event */ INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
     VALUES ($1, app_tenant_id(), 'session.created', jsonb_build_object('session_id', $2, 'user_id', $3), $3, app_request_id(), $4)",
);

/// The activity of a new session.
pub const ACTIVITY: Statement<TenantScope> = Statement::new(
    "identity.record_session.activity",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[],
    "/* identity.record_session.activity */ INSERT INTO user_activity \
     (id, tenant_id, user_id, action, ip, country, user_agent, details, request_id, created_at) \
     VALUES (make_uuid_v7($7), app_tenant_id(), $1, $2, $3, $4, $5, jsonb_build_object('session_id', $6), app_request_id(), $7)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[INSERT.described(), CREATED.described(), ACTIVITY.described()];

/// A session to put on record.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// Identifier.
    pub id: SessionId,
    /// Tenant signed in to; tenant zero where there is none.
    pub tenant_id: TenantId,
    /// Whose session.
    pub user_id: UserId,
    /// Name of the device; the first 100 characters are kept.
    pub device_name: Option<String>,
    /// Client address.
    pub ip: Option<String>,
    /// Country of the client address, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// User agent; the first 512 characters are kept.
    pub user_agent: Option<String>,
    /// Where its sign-in came from, to compare later ones with; `None` where it began without one, as by switching tenants.
    pub from: Option<SignInFrom>,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// Identifier of the event `session.created`.
    pub event_id: EventId,
    /// The instant.
    pub now: Timestamp,
}

/// Where a sign-in came from, and on what.
#[derive(Debug, Clone)]
pub struct SignInFrom {
    /// SHA-256 of the cookie that its browser keeps; `None` for a program that keeps none.
    pub device_hash: Option<[u8; 32]>,
    /// Family of the user agent; the first 64 characters are kept.
    pub family: String,
    /// Number of the network (autonomous system).
    pub network: Option<i64>,
    /// The place.
    pub place: Option<Coordinates>,
}

/// A session's parameters, in the forms that Postgres takes.
pub struct SessionParams<'a> {
    record: &'a SessionRecord,
    id: Uuid,
    user_id: Uuid,
    event_id: Uuid,
    device_name: Option<String>,
    user_agent: Option<String>,
    now: jiff::Timestamp,
    expires_at: jiff::Timestamp,
    device_hash: Option<Vec<u8>>,
    family: Option<String>,
    network: Option<i64>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl SessionRecord {
    /// The parameters of the statements that put it on record.
    pub(crate) fn params(&self) -> SessionParams<'_> {
        let from = self.from.as_ref();
        let place = from.and_then(|from| from.place);
        let first = |text: &Option<String>, most: usize| text.as_ref().map(|text| text.chars().take(most).collect());
        SessionParams {
            record: self,
            id: self.id.uuid(),
            user_id: self.user_id.uuid(),
            event_id: self.event_id.uuid(),
            device_name: first(&self.device_name, 100),
            user_agent: first(&self.user_agent, 512),
            now: at(self.now),
            expires_at: at(self.expires_at),
            device_hash: from.and_then(|from| from.device_hash).map(|hash| hash.to_vec()),
            family: from.map(|from| from.family.chars().take(64).collect()),
            network: from.and_then(|from| from.network),
            latitude: place.map(|place| place.latitude),
            longitude: place.map(|place| place.longitude),
        }
    }
}

impl SessionParams<'_> {
    /// Of [`INSERT`].
    pub fn insert(&self) -> [Param<'_>; 14] {
        let record = self.record;
        [
            &self.id,
            &self.user_id,
            &self.device_name,
            &record.ip,
            &record.country,
            &self.user_agent,
            &record.amr,
            &self.now,
            &self.expires_at,
            &self.device_hash,
            &self.family,
            &self.network,
            &self.latitude,
            &self.longitude,
        ]
    }

    /// Of [`CREATED`].
    pub fn created(&self) -> [Param<'_>; 4] {
        [&self.event_id, &self.id, &self.user_id, &self.now]
    }

    /// Of [`ACTIVITY`].
    pub fn activity<'a>(&'a self, action: &'a &'static str) -> [Param<'a>; 7] {
        let record = self.record;
        [&self.user_id, action, &record.ip, &record.country, &self.user_agent, &self.id, &self.now]
    }
}

/// Records a session that began without a password, as by switching tenants: the session, its event, the activity.
///
/// # Errors
/// `Unavailable`, `Retry`; `Conflict` if the session is on record already.
pub async fn record_session(db: &Db, scope: &LookupScope, session: &SessionRecord) -> Result<(), StoreError> {
    let scope = scope.within(session.tenant_id, Some(session.user_id));
    let params = session.params();
    Batch::write(db, &scope)
        .add(&INSERT, &params.insert())
        .add(&CREATED, &params.created())
        .add(&ACTIVITY, &params.activity(&"switched_tenant"))
        .run()
        .await
        .map(drop)
}
