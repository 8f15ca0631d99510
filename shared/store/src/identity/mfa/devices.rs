//! Devices that somebody trusts.

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::{TrustedDeviceId, UserId},
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    row::{Cells, at},
    statement::Statement,
};

const LIST: Statement<LookupScope> = Statement::new(
    "identity.list_devices",
    &[Type::BYTEA, Type::TIMESTAMPTZ],
    &[Type::UUID, Type::TEXT, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ, Type::BOOL],
    "/* identity.list_devices */ SELECT id, name, created_at, last_used_at, expires_at, coalesce(token_hash = $1, false) AS current \
     FROM trusted_devices WHERE user_id = app_user_id() AND expires_at > $2 ORDER BY coalesce(last_used_at, created_at) DESC, id DESC LIMIT 200",
);

const REMOVE: Statement<LookupScope> = Statement::new(
    "identity.remove_device",
    &[Type::UUID],
    &[Type::UUID],
    "/* identity.remove_device */ DELETE FROM trusted_devices WHERE id = $1 AND user_id = app_user_id() RETURNING id",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LIST.described(), REMOVE.described()];

/// A device that is not asked for a second factor.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    /// Identifier.
    pub id: TrustedDeviceId,
    /// What it is called.
    pub name: Option<String>,
    /// Since when it is trusted.
    pub created_at: Timestamp,
    /// When that was last used.
    pub last_used_at: Option<Timestamp>,
    /// Until when it is trusted.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl DeviceRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            name: row.cell("name")?,
            created_at: row.time("created_at")?,
            last_used_at: row.maybe_time("last_used_at")?,
            expires_at: row.time("expires_at")?,
            current: row.cell("current")?,
        })
    }
}

/// Somebody's trusted devices, the last used first; at most 200. `device_hash` is of the token of the one that asks.
///
/// # Errors
/// `Unavailable`.
pub async fn list_devices(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    device_hash: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<Vec<DeviceRow>, StoreError> {
    let scope = scope.of(user_id);
    let hash = device_hash.as_ref().map(<[u8; 32]>::as_slice);
    let rows = Batch::read(db, &scope).add(&LIST, &[&hash, &at(now)]).rows().await?;
    rows.iter().map(DeviceRow::read).collect()
}

/// Trusts a device no more. False if there is none such.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn remove_device(db: &Db, scope: &LookupScope, user_id: UserId, id: TrustedDeviceId) -> Result<bool, StoreError> {
    let scope = scope.of(user_id);
    Ok(!Batch::write(db, &scope).add(&REMOVE, &[&id.uuid()]).rows().await?.is_empty())
}
