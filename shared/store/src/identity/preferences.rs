//! A person's own preferences; language and time zone are the profile's.

use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use zygo_core::id::{TenantId, UserId};

use crate::{Db, Described, LookupScope, StoreError, TenantScope, batch::Batch, row::Cells, statement::Statement};

const fn read<S>() -> Statement<S> {
    Statement::new(
        "identity.preferences",
        &[],
        &[Type::TEXT, Type::TEXT, Type::TEXT, Type::JSONB, Type::INT8],
        "/* identity.preferences */ SELECT u.locale, u.timezone, coalesce(p.theme, 'system') AS theme, \
         coalesce(p.notifications, '{}') AS notifications, u.version::bigint + coalesce(p.version, 0) AS version \
         FROM users u LEFT JOIN user_preferences p ON p.user_id = u.id WHERE u.id = app_user_id()",
    )
}

/// Changes wait for each other here, so that each sees the version that the one before made.
const LOCK: Statement<TenantScope> = Statement::new(
    "identity.update_preferences.lock",
    &[],
    &[Type::INT4],
    "/* identity.update_preferences.lock */ SELECT 1 FROM users WHERE id = app_user_id() FOR NO KEY UPDATE",
);

const UPDATE: Statement<TenantScope> = Statement::new(
    "identity.update_preferences",
    &[Type::TEXT, Type::TEXT, Type::TEXT, Type::JSONB, Type::INT8_ARRAY],
    &[Type::INT8],
    "/* identity.update_preferences */ WITH old AS ( \
       SELECT u.id, u.version::bigint AS profile, coalesce(p.version, 0)::bigint AS own \
       FROM users u LEFT JOIN user_preferences p ON p.user_id = u.id \
       WHERE u.id = app_user_id() AND ($5 IS NULL OR u.version::bigint + coalesce(p.version, 0) = ANY ($5))), \
     profile AS ( \
       UPDATE users u SET locale = coalesce($1, u.locale), timezone = coalesce($2, u.timezone) \
       FROM old WHERE u.id = old.id AND ($1 IS NOT NULL OR $2 IS NOT NULL) RETURNING u.version), \
     own AS ( \
       INSERT INTO user_preferences (user_id, theme, notifications) \
       SELECT id, coalesce($3, 'system'), coalesce($4, '{}') FROM old WHERE $3 IS NOT NULL OR $4 IS NOT NULL \
       ON CONFLICT (user_id) DO UPDATE SET theme = coalesce($3, user_preferences.theme), \
         notifications = user_preferences.notifications || coalesce($4, '{}') RETURNING version), \
     changed AS ( \
       SELECT id, coalesce((SELECT version FROM profile), old.profile) + coalesce((SELECT version FROM own), old.own) AS version, \
         old.profile + old.own AS before FROM old), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7(now()), app_tenant_id(), 'user.preferences_updated', jsonb_build_object('user_id', id, 'version', version), id, \
         app_request_id(), now_ms() FROM changed WHERE version <> before) \
     SELECT version FROM changed",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[read::<LookupScope>().described(), LOCK.described(), UPDATE.described()];

/// Preferences as they are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PreferencesRow {
    /// Language, BCP 47.
    pub locale: String,
    /// IANA time zone.
    pub timezone: String,
    /// Key of the theme.
    pub theme: String,
    /// The switches that were ever turned.
    pub notifications: Value,
    /// Grows with every change of any of these, and of the profile.
    pub version: i64,
}

impl PreferencesRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            locale: row.cell("locale")?,
            timezone: row.cell("timezone")?,
            theme: row.cell("theme")?,
            notifications: row.cell("notifications")?,
            version: row.cell("version")?,
        })
    }
}

/// What to change; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct PreferencesPatch {
    /// Language, BCP 47.
    pub locale: Option<String>,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// Key of the theme.
    pub theme: Option<&'static str>,
    /// Switches to be turned.
    pub notifications: Option<Value>,
}

/// What became of a change.
#[derive(Debug, Clone)]
pub enum PreferencesUpdate {
    /// It was made; the preferences after it.
    Done(PreferencesRow),
    /// The version is not among those expected.
    VersionLost,
    /// The account is gone.
    Missing,
}

/// A person's preferences. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`.
pub async fn preferences(db: &Db, scope: &LookupScope, user_id: UserId) -> Result<Option<PreferencesRow>, StoreError> {
    let scope = scope.of(user_id);
    let rows = Batch::read(db, &scope).add(&read(), &[]).rows().await?;
    rows.first().map(PreferencesRow::read).transpose()
}

/// Changes preferences, if their version is among those given, with the event `user.preferences_updated` where that changes
/// anything.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn update_preferences(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    patch: &PreferencesPatch,
    if_version: Option<&[i64]>,
) -> Result<PreferencesUpdate, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let mut answers = Batch::write(db, &scope)
        .add(&LOCK, &[])
        .add(&UPDATE, &[&patch.locale, &patch.timezone, &patch.theme, &patch.notifications, &if_version])
        .add(&read(), &[])
        .run()
        .await?;
    let (_, changed, after) = (answers.take(), answers.take(), answers.take());
    Ok(match after.first() {
        None => PreferencesUpdate::Missing,
        Some(_) if changed.is_empty() => PreferencesUpdate::VersionLost,
        Some(row) => PreferencesUpdate::Done(PreferencesRow::read(row)?),
    })
}
