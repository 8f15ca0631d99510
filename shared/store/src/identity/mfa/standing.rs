//! Where somebody stands with second factors, read beside whatever they sign in with.

use std::net::IpAddr;

use tokio_postgres::{Row, types::Type};
use zygo_core::{
    id::TenantId,
    identity::mfa::{Factor, Standing},
    time::Timestamp,
};

use crate::{Described, LookupScope, StoreError, row::Cells, statement::Statement};

/// How somebody arrives, as every way to sign in hands it to `mfa_standing`.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The tenant that they sign in to; tenant zero where there is none.
    pub home: TenantId,
    /// SHA-256 of the token that their device is trusted by, if it holds one.
    pub device_hash: Option<[u8; 32]>,
    /// Client address, if it is one.
    pub ip: Option<IpAddr>,
    /// The instant.
    pub now: Timestamp,
}

impl Arrival {
    /// The client address as failures and block lists have it.
    #[must_use]
    pub fn client(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_canonical().to_string())
    }
}

/// The standing of the scope's own person, without a device.
pub const OWN_STANDING: Statement<LookupScope> = Statement::new(
    "identity.own_standing",
    &[Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    "/* identity.own_standing */ SELECT * FROM mfa_standing(app_user_id(), $1, NULL, $2)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[OWN_STANDING.described()];

/// The standing in a row with the columns of `mfa_standing`.
pub fn read_standing(row: &Row) -> Result<Standing, StoreError> {
    Ok(Standing {
        factors: read_factors(row, "mfa_factors")?,
        trusted_device: row.cell::<Option<uuid::Uuid>>("mfa_device_id")?.map(Into::into),
        required_from: row.maybe_time("mfa_required_from")?,
    })
}

/// The factors in a column of names.
pub fn read_factors(row: &Row, column: &str) -> Result<Vec<Factor>, StoreError> {
    let names: Vec<&str> = row.cell(column)?;
    names.into_iter().map(|name| Factor::from_key(name).ok_or_else(|| StoreError::Bug(format!("no factor {name}")))).collect()
}
