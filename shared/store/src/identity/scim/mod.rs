//! A tenant's directory (SCIM 2.0): its connections and their tokens, and the users and groups that it writes.
//!
//! What a directory does runs in [`TenantScope::directory`](crate::TenantScope::directory), whose guard is the token; every change
//! takes the tenant's lock first, as every change of a team does.

pub(crate) mod connection;
pub(crate) mod group;
pub(crate) mod token;
pub(crate) mod user;

pub use connection::{ConnectionEdit, NewScimConnection, Saved, ScimConnection, connections, create, delete, read, update};
pub use group::{GroupWrite, change_group, create_group, delete_group, group, groups};
pub use token::{Issued, NewToken, TokenRow, check, issue, revoke, tokens};
pub use user::{Selection, UserWrite, create_user, delete_user, replace_user, user, users};

use serde_json::{Map, Value};
use tokio_postgres::Row;
use uuid::Uuid;
use zygo_core::{
    gate::Revocation,
    id::{SessionId, UserId},
};

use crate::{StoreError, access::change::revocations, row::Cells};

/// A user or a group as SCIM has it, but for what depends on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its attributes.
    pub attributes: Map<String, Value>,
    /// Grows with every change.
    pub version: i64,
}

impl Resource {
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(version) = row.cell::<Option<i64>>("version")? else { return Ok(None) };
        match row.cell::<Value>("resource")? {
            Value::Object(attributes) => Ok(Some(Self { attributes, version })),
            _ => Err(StoreError::Bug("a resource that is no object".into())),
        }
    }
}

/// Some of the matches, and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// All that match.
    pub total: i64,
    /// Those on the page.
    pub resources: Vec<Resource>,
}

impl Found {
    fn read(rows: &[Row]) -> Result<Self, StoreError> {
        let total = rows.first().map(|row| row.cell("total")).transpose()?.unwrap_or_default();
        let resources = rows.iter().filter_map(|row| Resource::read(row).transpose()).collect::<Result<_, _>>()?;
        Ok(Self { total, resources })
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is so now: the resource, and whom the gate is to be told of.
    Made(Box<Made>),
    /// There is none such.
    Missing,
    /// The version is not among those expected.
    Lost,
    /// Another has the name, or the person is a member already.
    Taken,
    /// The address is none of a domain that the tenant has proved.
    Foreign,
    /// The person is not below the connection.
    TooHigh,
    /// Somebody in the group is no member.
    Stranger,
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The resource as it is now; nothing where it is gone.
    pub resource: Option<Resource>,
    /// Whom it is about.
    pub user_id: Option<UserId>,
    /// The sessions that ended.
    pub sessions: Vec<SessionId>,
    /// What the gate is to be told.
    pub revocations: Vec<Revocation>,
}

impl Outcome {
    /// Reads the verdict of a function, and the rows of the statements after it.
    fn read(verdict: Option<Row>, ended: &[Row], resource: &[Row]) -> Result<Self, StoreError> {
        let verdict = verdict.ok_or_else(|| StoreError::Bug("no verdict".into()))?;
        Ok(match verdict.cell("outcome")? {
            "made" => Self::Made(Box::new(Made {
                resource: resource.first().map(Resource::read).transpose()?.flatten(),
                user_id: verdict.try_get::<_, Option<Uuid>>("user_id").ok().flatten().map(Into::into),
                sessions: ended.iter().map(|row| row.id("id")).collect::<Result<_, _>>()?,
                revocations: revocations(verdict.cell("revocations")?)?,
            })),
            "missing" => Self::Missing,
            "lost" => Self::Lost,
            "taken" => Self::Taken,
            "foreign" => Self::Foreign,
            "too_high" => Self::TooHigh,
            "stranger" => Self::Stranger,
            other => return Err(StoreError::Bug(format!("outcome {other}"))),
        })
    }
}
