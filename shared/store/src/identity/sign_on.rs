//! Signing on through a tenant's identity provider: the connection, and whom it leads to.

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    id::{ConnectionId, RoleId, TenantId, UserId},
    identity::risk::history::History,
};

use super::{Membership, UserRow, mfa::Arrival, risk::read_history};
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    row::{Cells, at, only},
    statement::Statement,
};

const FIND: Statement<LookupScope> = Statement::new(
    "identity.find_connection",
    &[Type::UUID],
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::JSONB, Type::BYTEA, Type::JSONB, Type::JSONB, Type::TEXT, Type::JSONB],
    "/* identity.find_connection */ SELECT * FROM find_connection($1)",
);

const DISCOVER: Statement<LookupScope> = Statement::new(
    "identity.discover_connection",
    &[Type::TEXT],
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::BOOL],
    "/* identity.discover_connection */ SELECT * FROM discover_connection($1)",
);

const SIGN_ON: Statement<LookupScope> = Statement::new(
    "identity.sign_on",
    &[
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::UUID_ARRAY,
        Type::INT8,
        Type::UUID,
        Type::UUID,
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::UUID,
        Type::TEXT,
    ],
    &[
        Type::TEXT,
        Type::UUID,
        Type::TEXT,
        Type::BOOL,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::TIMESTAMPTZ,
        Type::BOOL,
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT8,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::INT2,
        Type::BOOL,
        Type::TEXT,
        Type::INT2_ARRAY,
        Type::JSONB,
        Type::JSONB,
    ],
    "/* identity.sign_on */ SELECT s.outcome, (s.profile).*, (s.membership).*, tenant_facts((s.membership).tenant_id) AS tenant_facts, \
     sign_in_history((s.profile).id, $13, $14, $12) AS history \
     FROM sign_on($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) s",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[FIND.described(), DISCOVER.described(), SIGN_ON.described()];

/// A connection, as far as a sign-on needs it.
#[derive(Clone)]
pub struct Connection {
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Its tenant's slug.
    pub slug: String,
    /// `oidc` or `saml`.
    pub kind: String,
    /// The provider, by kind.
    pub config: Value,
    /// The client's secret, sealed.
    pub secret_sealed: Option<Vec<u8>>,
    /// What the provider calls mail address, names and roles.
    pub attributes: Value,
    /// Which of its roles are which of ours.
    pub role_mappings: Value,
    /// Key of the tenant's plan.
    pub plan: String,
    /// The tenant's own values of the features `sso` and `members`, by key.
    pub features: Value,
}

/// The connection, if it is switched on.
///
/// # Errors
/// `Unavailable`.
pub async fn find_connection(db: &Db, scope: &LookupScope, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
    let rows = Batch::read(db, scope).add(&FIND, &[&id.uuid()]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Connection {
        tenant_id: row.id("tenant_id")?,
        slug: row.cell("slug")?,
        kind: row.cell("kind")?,
        config: row.cell("config")?,
        secret_sealed: row.cell("secret_sealed")?,
        attributes: row.cell("attributes")?,
        role_mappings: row.cell("role_mappings")?,
        plan: row.cell("plan")?,
        features: row.cell("features")?,
    }))
}

/// The connection of a mail domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Identifier.
    pub id: ConnectionId,
    /// `oidc` or `saml`.
    pub kind: String,
    /// What its tenant calls it.
    pub name: String,
    /// Whether the domain's people sign in no other way.
    pub required: bool,
}

/// The connection that a mail domain's people sign on with, if there is one.
///
/// # Errors
/// `Unavailable`.
pub async fn discover_connection(db: &Db, scope: &LookupScope, mail_domain: &str) -> Result<Option<Discovered>, StoreError> {
    let rows = Batch::read(db, scope).add(&DISCOVER, &[&mail_domain]).rows().await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (kind, name, required) = (row.cell("kind")?, row.cell("name")?, row.cell("sign_on_required")?);
    Ok(Some(Discovered { id: row.id("id")?, kind, name, required }))
}

/// Somebody whom a provider has recognised.
#[derive(Clone)]
pub struct SignOn {
    /// By which connection.
    pub connection: ConnectionId,
    /// The provider's name for them, which stays.
    pub subject: String,
    /// Their mail address, normalised.
    pub email: String,
    /// Given name, for a new account.
    pub first_name: Option<String>,
    /// Family name, for a new account.
    pub last_name: Option<String>,
    /// Language, for a new account.
    pub locale: String,
    /// Roles that the provider's mapping gives a new member; the highest counts.
    pub roles: Vec<RoleId>,
    /// Members that the plan allows.
    pub room: i64,
    /// Identifier of a new account.
    pub user_id: UserId,
    /// Identifier of a new membership.
    pub membership_id: Uuid,
    /// Identifier of a new identity.
    pub identity_id: Uuid,
    /// How they arrive, at the instant.
    pub arrival: Arrival,
}

/// Whom a sign-on leads to.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one per request, and most are the large one")]
pub enum SignedOn {
    /// A member of the connection's tenant.
    Member {
        /// The person.
        user: UserRow,
        /// Whether the person is suspended everywhere.
        user_suspended: bool,
        /// The membership.
        membership: Membership,
        /// What this sign-on is compared with.
        history: History,
    },
    /// Nobody: the connection does not speak for the address, or not for the account's.
    Foreign,
    /// Nobody: there is no such member, and none is to be made.
    Stranger,
    /// Nobody: the plan has no room for another member.
    Full,
}

/// Finds, links or makes the account and the membership that a sign-on leads to, with their events, all at once.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn sign_on(db: &Db, scope: &LookupScope, on: &SignOn) -> Result<SignedOn, StoreError> {
    let roles: Vec<Uuid> = on.roles.iter().map(|role| role.uuid()).collect();
    let rows = Batch::write(db, scope)
        .add(
            &SIGN_ON,
            &[
                &on.connection.uuid(),
                &on.subject,
                &on.email,
                &on.first_name,
                &on.last_name,
                &on.locale,
                &roles.as_slice(),
                &on.room,
                &on.user_id.uuid(),
                &on.membership_id,
                &on.identity_id,
                &at(on.arrival.now),
                &on.arrival.home.uuid(),
                &on.arrival.client(),
            ],
        )
        .rows()
        .await;
    let row = match rows {
        Ok(rows) => only(rows, "identity.sign_on")?,
        Err(StoreError::Refused { constraint }) if constraint == crate::MEMBERS_FULL => return Ok(SignedOn::Full),
        Err(error) => return Err(error),
    };
    match row.cell::<&str>("outcome")? {
        "foreign" => Ok(SignedOn::Foreign),
        "stranger" => Ok(SignedOn::Stranger),
        _ => Ok(SignedOn::Member {
            user: UserRow::read(&row)?,
            user_suspended: row.cell("user_suspended")?,
            membership: Membership::read(&row)?,
            history: read_history(&row)?,
        }),
    }
}
