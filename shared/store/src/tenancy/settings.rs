//! What an organisation lays down for its people.

use tokio_postgres::{Row, types::Type};
use zygo_core::{events::job::Queue, id::OutboxId, time::Timestamp};

use crate::{
    Db, Described, StoreError, TenantScope,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const READ: Statement<TenantScope> = Statement::new(
    "tenancy.settings",
    &[],
    &[
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::INT4,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT4,
        Type::TIMESTAMPTZ,
        Type::INT8,
    ],
    "/* tenancy.settings */ SELECT s.session_idle_days, s.session_absolute_days, s.password_min_length, s.mfa_policy, s.mfa_grace_days, \
     s.allowed_mail_domains, s.ip_allow_list, s.cors_origins, s.version, s.updated_at, t.directory_version \
     FROM tenant_settings s JOIN tenants t ON t.id = s.tenant_id WHERE s.tenant_id = app_tenant_id()",
);

/// A change that changes nothing leaves version, event log and outbox alone.
const UPDATE: Statement<TenantScope> = Statement::new(
    "tenancy.update_settings",
    &[
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::INT4,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::TEXT_ARRAY,
    ],
    &[Type::BOOL, Type::BOOL, Type::BOOL],
    "/* tenancy.update_settings */ WITH old AS ( \
       SELECT tenant_id, version, mfa_policy, ip_allow_list FROM tenant_settings WHERE tenant_id = app_tenant_id() FOR NO KEY UPDATE), \
     changed AS ( \
       UPDATE tenant_settings s SET session_idle_days = coalesce($1, s.session_idle_days), \
         session_absolute_days = coalesce($2, s.session_absolute_days), password_min_length = coalesce($3, s.password_min_length), \
         mfa_policy = coalesce($4, s.mfa_policy), mfa_grace_days = coalesce($5, s.mfa_grace_days), \
         allowed_mail_domains = coalesce($6, s.allowed_mail_domains), ip_allow_list = coalesce($7, s.ip_allow_list), \
         cors_origins = coalesce($11, s.cors_origins), updated_at = $10 \
       FROM old WHERE s.tenant_id = old.tenant_id AND ($8 IS NULL OR old.version = ANY ($8)) \
       RETURNING s.tenant_id, s.version, s.version <> old.version AS differs, s.mfa_policy <> old.mfa_policy AS mfa, \
         s.ip_allow_list <> old.ip_allow_list AS networks), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($10), tenant_id, 'tenant.settings_updated', jsonb_build_object('tenant_id', tenant_id, 'version', version), \
         app_user_id(), app_request_id(), $10 FROM changed WHERE differs), \
     owed AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT $9, tenant_id, 'directory.sync', 'jobs', jsonb_build_object('kind', 'directory.sync', 'tenant_id', tenant_id), $10, \
         $10 + interval '30 seconds' FROM changed WHERE differs) \
     SELECT differs, mfa, networks FROM changed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[READ.described(), UPDATE.described()];

/// An organisation's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsRow {
    /// Days without a refresh after which a session ends.
    pub session_idle_days: i32,
    /// Days after which a session ends in any case.
    pub session_absolute_days: i32,
    /// Fewest characters of a password.
    pub password_min_length: i32,
    /// Key of whom a second factor is asked of.
    pub mfa_policy: String,
    /// Days in which somebody may still sign in without one.
    pub mfa_grace_days: i32,
    /// Mail domains of new members; any, where it is empty.
    pub allowed_mail_domains: Vec<String>,
    /// Networks that people come from; any, where it is empty.
    pub ip_allow_list: Vec<String>,
    /// Origins whose pages may call.
    pub cors_origins: Vec<String>,
    /// Grows with every change.
    pub version: i32,
    /// When they were last changed.
    pub updated_at: Timestamp,
    /// Version of the organisation in the directory.
    pub directory_version: i64,
}

impl SettingsRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            session_idle_days: row.cell("session_idle_days")?,
            session_absolute_days: row.cell("session_absolute_days")?,
            password_min_length: row.cell("password_min_length")?,
            mfa_policy: row.cell("mfa_policy")?,
            mfa_grace_days: row.cell("mfa_grace_days")?,
            allowed_mail_domains: row.cell("allowed_mail_domains")?,
            ip_allow_list: row.cell("ip_allow_list")?,
            cors_origins: row.cell("cors_origins")?,
            version: row.cell("version")?,
            updated_at: row.time("updated_at")?,
            directory_version: row.cell("directory_version")?,
        })
    }
}

/// What to change of the settings; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct SettingsPatch {
    /// Days without a refresh after which a session ends.
    pub session_idle_days: Option<i32>,
    /// Days after which a session ends in any case.
    pub session_absolute_days: Option<i32>,
    /// Fewest characters of a password.
    pub password_min_length: Option<i32>,
    /// Key of whom a second factor is asked of.
    pub mfa_policy: Option<&'static str>,
    /// Days in which somebody may still sign in without one.
    pub mfa_grace_days: Option<i32>,
    /// Mail domains of new members.
    pub allowed_mail_domains: Option<Vec<String>>,
    /// Networks that people come from.
    pub ip_allow_list: Option<Vec<String>>,
    /// Origins whose pages may call.
    pub cors_origins: Option<Vec<String>>,
}

/// What became of a change.
#[derive(Debug, Clone)]
pub enum SettingsUpdate {
    /// It was made.
    Done {
        /// The settings after it.
        settings: Box<SettingsRow>,
        /// The job that syncs the directory, if anything changed.
        queued: Option<Queued>,
        /// Whether second factors are asked of others now.
        mfa_changed: bool,
        /// Whether people may come from elsewhere now.
        networks_changed: bool,
    },
    /// Their version is not among those expected.
    VersionLost,
    /// The organisation is gone.
    Missing,
}

/// The settings of the scope's organisation.
///
/// # Errors
/// `Unavailable`.
pub async fn settings(db: &Db, scope: &TenantScope) -> Result<Option<SettingsRow>, StoreError> {
    Batch::read(db, scope).add(&READ, &[]).rows().await?.first().map(SettingsRow::read).transpose()
}

/// Changes the settings of the scope's organisation, if their version is among those given, with the event
/// `tenant.settings_updated`.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn update_settings(
    db: &Db,
    scope: &TenantScope,
    patch: &SettingsPatch,
    if_version: Option<&[i64]>,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<SettingsUpdate, StoreError> {
    let (outbox, time) = (outbox_id.uuid(), at(now));
    let mut answers = Batch::write(db, scope)
        .add(
            &UPDATE,
            &[
                &patch.session_idle_days,
                &patch.session_absolute_days,
                &patch.password_min_length,
                &patch.mfa_policy,
                &patch.mfa_grace_days,
                &patch.allowed_mail_domains,
                &patch.ip_allow_list,
                &if_version,
                &outbox,
                &time,
                &patch.cors_origins,
            ],
        )
        .add(&READ, &[])
        .run()
        .await?;
    let (changed, rows) = (answers.take(), answers.take());
    let Some(row) = rows.first() else { return Ok(SettingsUpdate::Missing) };
    let Ok(changed) = only(changed, "tenancy.update_settings") else { return Ok(SettingsUpdate::VersionLost) };
    let differs: bool = changed.cell("differs")?;
    let queued = Queued { id: outbox_id, tenant_id: scope.tenant_id(), kind: "directory.sync".to_owned(), queue: Queue::Jobs };
    Ok(SettingsUpdate::Done {
        settings: Box::new(SettingsRow::read(row)?),
        queued: differs.then_some(queued),
        mfa_changed: changed.cell("mfa")?,
        networks_changed: changed.cell("networks")?,
    })
}
