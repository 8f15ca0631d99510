//! Accounts elsewhere that lead into an account here.

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    id::{OutboxId, SessionId, UserId},
    identity::{mfa::Standing, risk::history::History},
    time::Timestamp,
};

use super::{
    Membership, UserRow,
    mfa::{Arrival, standing::read_standing},
    notice,
    risk::read_history,
};
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const SIGN_IN: Statement<LookupScope> = Statement::new(
    "identity.sign_in_by_identity",
    &[
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::BOOL,
        Type::UUID,
        Type::UUID,
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::BYTEA,
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
        Type::TEXT_ARRAY,
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::JSONB,
    ],
    "/* identity.sign_in_by_identity */ SELECT i.outcome, (i.profile).*, (i.membership).*, tenant_facts((i.membership).tenant_id) AS tenant_facts, s.*, \
     sign_in_history((i.profile).id, $5, $14, $12) AS history \
     FROM sign_in_by_identity($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) i \
     CROSS JOIN LATERAL mfa_standing((i.profile).id, $5, $13, $12) s",
);

const LINK: Statement<LookupScope> = Statement::new(
    "identity.link_identity",
    &[Type::UUID, Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* identity.link_identity */ SELECT link_identity($1, $2, $3, $4, $5, $6, $7) AS outcome",
);

const UNLINK: Statement<LookupScope> = Statement::new(
    "identity.unlink_identity",
    &[Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::TEXT],
    "/* identity.unlink_identity */ SELECT unlink_identity($1, $2, $3) AS outcome",
);

const LIST: Statement<LookupScope> = Statement::new(
    "identity.list_identities",
    &[],
    &[Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ],
    "/* identity.list_identities */ SELECT provider, email, created_at FROM oauth_accounts WHERE user_id = app_user_id() ORDER BY created_at, id",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[SIGN_IN.described(), LINK.described(), UNLINK.described(), LIST.described()];

/// An account elsewhere, as its provider vouches for it.
#[derive(Clone)]
pub struct Identity {
    /// The provider's key.
    pub provider: &'static str,
    /// Who, to the provider.
    pub subject: String,
    /// Mail address in lower case.
    pub email: Option<String>,
    /// Identifier of its row, if it is connected now.
    pub id: Uuid,
    /// Identifier of the outbox row of the notice, if one is owed.
    pub notice_id: OutboxId,
    /// The instant.
    pub now: Timestamp,
}

impl Identity {
    /// The notice's row, to be put on its queue.
    fn notice(&self) -> Queued {
        notice::queued(self.notice_id)
    }
}

/// A sign-in with an account elsewhere.
#[derive(Clone)]
pub struct IdentitySignIn {
    /// The account.
    pub identity: Identity,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    /// How they arrive.
    pub arrival: Arrival,
    /// Identifier of the person, if an account is made.
    pub user_id: UserId,
    /// Given name, if an account is made.
    pub first_name: Option<String>,
    /// Family name, if an account is made.
    pub last_name: Option<String>,
    /// Language of the person, if an account is made (BCP 47).
    pub locale: String,
}

/// Somebody whom an account elsewhere leads to.
#[derive(Clone)]
pub struct Found {
    /// The person.
    pub user: UserRow,
    /// Whether the person is suspended everywhere.
    pub user_suspended: bool,
    /// The membership in the tenant signed in to.
    pub membership: Option<Membership>,
    /// Where they stand with second factors there.
    pub standing: Standing,
    /// What this sign-in is compared with.
    pub history: History,
    /// The notice that an account was connected, if one is owed.
    pub notice: Option<Queued>,
}

/// Whom an account elsewhere leads to.
#[derive(Clone)]
pub enum Lead {
    /// To this person, perhaps from now on.
    To(Box<Found>),
    /// To nobody: there is no address that both the provider and we have verified.
    Unverified,
    /// To nobody: the person's account at that provider is another one.
    Occupied,
    /// To nobody who could sign in here.
    Stranger,
}

/// Finds whom an account elsewhere leads to; joins it to an account or makes one by the rules of `sign_in_by_identity`.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn sign_in_by_identity(db: &Db, scope: &LookupScope, sign_in: &IdentitySignIn) -> Result<Lead, StoreError> {
    let identity = &sign_in.identity;
    let device = sign_in.arrival.device_hash.as_ref().map(<[u8; 32]>::as_slice);
    let rows = Batch::write(db, scope)
        .add(
            &SIGN_IN,
            &[
                &identity.provider,
                &identity.subject,
                &identity.email,
                &sign_in.email_verified,
                &sign_in.arrival.home.uuid(),
                &sign_in.user_id.uuid(),
                &identity.id,
                &identity.notice_id.uuid(),
                &sign_in.first_name,
                &sign_in.last_name,
                &sign_in.locale,
                &at(identity.now),
                &device,
                &sign_in.arrival.client(),
            ],
        )
        .rows()
        .await?;
    let row = only(rows, "identity.sign_in_by_identity")?;
    let found = |notice| found(&row, notice).map(|found| Lead::To(Box::new(found)));
    match row.cell::<&str>("outcome")? {
        "known" | "created" => found(None),
        "linked" => found(Some(identity.notice())),
        "occupied" => Ok(Lead::Occupied),
        "stranger" => Ok(Lead::Stranger),
        _ => Ok(Lead::Unverified),
    }
}

fn found(row: &Row, notice: Option<Queued>) -> Result<Found, StoreError> {
    Ok(Found {
        user: UserRow::read(row)?,
        user_suspended: row.cell("user_suspended")?,
        membership: Membership::maybe(row)?,
        standing: read_standing(row)?,
        history: read_history(row)?,
        notice,
    })
}

/// What became of connecting an account elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// It is connected now; the notice is owed.
    New(Queued),
    /// It was connected already.
    Known,
    /// It is somebody else's, or the person's account at that provider is another one.
    Occupied,
    /// The session that asked for it has ended.
    Ended,
}

/// Connects an account elsewhere to a person whose session asked for it.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn link_identity(db: &Db, scope: &LookupScope, user_id: UserId, session_id: SessionId, identity: &Identity) -> Result<Linked, StoreError> {
    let scope = scope.of(user_id);
    let notice_id = identity.notice_id.uuid();
    let rows = Batch::write(db, &scope)
        .add(&LINK, &[&session_id.uuid(), &identity.id, &identity.provider, &identity.subject, &identity.email, &notice_id, &at(identity.now)])
        .rows()
        .await?;
    Ok(match only(rows, "identity.link_identity")?.cell("outcome")? {
        "linked" => Linked::New(identity.notice()),
        "known" => Linked::Known,
        "ended" => Linked::Ended,
        _ => Linked::Occupied,
    })
}

/// What became of disconnecting an account elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlinked {
    /// It is disconnected; the notice is owed.
    Done(Queued),
    /// None was connected.
    Missing,
    /// Nothing else leads into the account; it stays.
    Last,
}

/// Disconnects a person from a provider, unless nothing else leads into their account.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn unlink_identity(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    provider: &str,
    notice_id: OutboxId,
    now: Timestamp,
) -> Result<Unlinked, StoreError> {
    let scope = scope.of(user_id);
    let rows = Batch::write(db, &scope).add(&UNLINK, &[&provider, &notice_id.uuid(), &at(now)]).rows().await?;
    Ok(match only(rows, "identity.unlink_identity")?.cell("outcome")? {
        "unlinked" => Unlinked::Done(notice::queued(notice_id)),
        "last" => Unlinked::Last,
        _ => Unlinked::Missing,
    })
}

/// A connected account, as its owner sees it.
#[derive(Clone)]
pub struct IdentityRow {
    /// The provider's key.
    pub provider: String,
    /// Its address, when it was connected.
    pub email: Option<String>,
    /// When it was connected.
    pub created_at: Timestamp,
}

/// A person's connected accounts, oldest first; there is one per provider at most.
///
/// # Errors
/// `Unavailable`.
pub async fn list_identities(db: &Db, scope: &LookupScope, user_id: UserId) -> Result<Vec<IdentityRow>, StoreError> {
    let scope = scope.of(user_id);
    let rows = Batch::read(db, &scope).add(&LIST, &[]).rows().await?;
    rows.iter()
        .map(|row| Ok(IdentityRow { provider: row.cell("provider")?, email: row.cell("email")?, created_at: row.time("created_at")? }))
        .collect()
}
