//! Accepting an invitation, by its token.

use std::fmt;

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{OutboxId, TenantId, UserId},
    tenancy::plan::Feature,
    time::Timestamp,
};

use super::PlanLimits;
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    identity::{Membership, RoleRow, UserRow, mfa::Arrival},
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const LOOK: Statement<LookupScope> = Statement::new(
    "access.look_at_invitation",
    &[Type::BYTEA, Type::TIMESTAMPTZ],
    &[Type::TEXT, Type::TEXT, Type::TIMESTAMPTZ, Type::UUID, Type::TEXT, Type::TEXT, Type::UUID, Type::TEXT, Type::TEXT, Type::INT2, Type::INT4],
    "/* access.look_at_invitation */ SELECT * FROM look_at_invitation($1, $2)",
);

const JOINED: &[Type] = &[
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
];

const ACCEPT: Statement<LookupScope> = Statement::new(
    "access.accept_invitation",
    &[Type::BYTEA, Type::TEXT_ARRAY, Type::INT8_ARRAY, Type::UUID, Type::TIMESTAMPTZ],
    JOINED,
    "/* access.accept_invitation */ SELECT a.outcome, (a.profile).*, (a.membership).*, tenant_facts((a.membership).tenant_id) AS tenant_facts FROM accept_invitation($1, $2, $3, $4, $5) a",
);

const SIGN_UP: Statement<LookupScope> = Statement::new(
    "access.sign_up_by_invitation",
    &[
        Type::BYTEA,
        Type::TEXT,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::UUID,
        Type::UUID,
        Type::TIMESTAMPTZ,
    ],
    JOINED,
    "/* access.sign_up_by_invitation */ SELECT a.outcome, (a.profile).*, (a.membership).*, tenant_facts((a.membership).tenant_id) AS tenant_facts \
     FROM sign_up_by_invitation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) a",
);

const UNBLOCKED: Statement<LookupScope> = Statement::new(
    "access.sign_up_by_invitation.unblocked",
    &[Type::TEXT, Type::UUID],
    &[Type::BOOL],
    "/* access.sign_up_by_invitation.unblocked */ SELECT refuse_blocked($1, $2)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[LOOK.described(), ACCEPT.described(), SIGN_UP.described(), UNBLOCKED.described()];

/// What the holder of a token may know.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// Address that it went to.
    pub email: String,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// The organisation.
    pub tenant_id: TenantId,
    /// Its slug.
    pub tenant_slug: String,
    /// Its name.
    pub tenant_name: String,
    /// The role that it gives.
    pub role: RoleRow,
    /// Fewest characters of a password that the organisation asks for.
    pub password_min_length: i32,
}

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preview").field("tenant_id", &self.tenant_id).finish_non_exhaustive()
    }
}

/// Somebody who joined.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The person.
    pub user: UserRow,
    /// What they are now.
    pub membership: Membership,
}

/// What became of an invitation's token.
#[derive(Debug, Clone)]
pub enum Acceptance<T> {
    /// It was good.
    Good(T),
    /// There is none such, or it was withdrawn.
    Unknown,
    /// It was accepted before.
    Consumed,
    /// Its time is over.
    Expired,
    /// It is for another address.
    Foreign,
    /// Its holder is a member already.
    Member,
    /// The address has an account.
    Taken {
        /// The mail that tells its owner, if they are told.
        queued: Option<Queued>,
    },
    /// The client's address is on a block list.
    Blocked,
}

impl<T> Acceptance<T> {
    fn read(row: &Row, told: Option<OutboxId>, good: impl FnOnce(&Row) -> Result<T, StoreError>) -> Result<Self, StoreError> {
        Ok(match row.cell::<&str>("outcome")? {
            "good" => Self::Good(good(row)?),
            "consumed" => Self::Consumed,
            "expired" => Self::Expired,
            "foreign" => Self::Foreign,
            "member" => Self::Member,
            "taken" => {
                let mail = |id| Queued { id, tenant_id: TenantId::PLATFORM, kind: "mail.account_exists".to_owned(), queue: Queue::Mail };
                Self::Taken { queued: told.map(mail) }
            }
            _ => Self::Unknown,
        })
    }
}

fn joined(row: &Row) -> Result<Joined, StoreError> {
    Ok(Joined { user: UserRow::read(row)?, membership: Membership::read(row)? })
}

/// Somebody who makes an account by accepting.
#[derive(Clone)]
pub struct Newcomer {
    /// Identifier of the account, if one is made.
    pub user_id: UserId,
    /// The address that they name; `None` for the invitation's.
    pub email: Option<String>,
    /// PHC string.
    pub password_hash: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Language, BCP 47.
    pub locale: String,
    /// Identifier of the membership.
    pub membership_id: Uuid,
    /// Identifier of the outbox row that tells the owner of a taken address; `None` to tell nobody.
    pub told: Option<OutboxId>,
    /// How they arrive.
    pub arrival: Arrival,
    /// The instant.
    pub now: Timestamp,
}

/// Looks at an invitation by the SHA-256 of its token, and uses nothing up.
///
/// # Errors
/// `Unavailable`.
pub async fn look_at_invitation(db: &Db, scope: &LookupScope, token_hash: &[u8; 32], now: Timestamp) -> Result<Acceptance<Preview>, StoreError> {
    let rows = Batch::read(db, scope).add(&LOOK, &[&token_hash.as_slice(), &at(now)]).rows().await?;
    let Some(row) = rows.first() else { return Ok(Acceptance::Unknown) };
    Acceptance::read(row, None, |row| {
        let role = RoleRow {
            id: row.id("role_id")?,
            key: row.cell("role_key")?,
            name: row.cell("role_name")?,
            level: row.cell("role_level")?,
            is_default: false,
        };
        Ok(Preview {
            email: row.cell("email")?,
            expires_at: row.time("expires_at")?,
            tenant_id: row.id("tenant_id")?,
            tenant_slug: row.cell("tenant_slug")?,
            tenant_name: row.cell("tenant_name")?,
            role,
            password_min_length: row.cell("password_min_length")?,
        })
    })
}

/// Accepts an invitation for somebody who has an account; once.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` where the plan has no room.
pub async fn accept_invitation(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    token_hash: &[u8; 32],
    membership_id: Uuid,
    now: Timestamp,
) -> Result<Acceptance<Joined>, StoreError> {
    let (scope, plans) = (scope.of(user_id), PlanLimits::of(Feature::Members));
    let rows = Batch::write(db, &scope).add(&ACCEPT, &[&token_hash.as_slice(), &plans.plans, &plans.limits, &membership_id, &at(now)]).rows().await?;
    Acceptance::read(&only(rows, "access.accept_invitation")?, None, joined)
}

/// Makes an account and accepts an invitation with it; once.
///
/// # Errors
/// `Unavailable`, `Retry`; `Refused` where the plan has no room.
pub async fn sign_up_by_invitation(db: &Db, scope: &LookupScope, token_hash: &[u8; 32], new: &Newcomer) -> Result<Acceptance<Joined>, StoreError> {
    let plans = PlanLimits::of(Feature::Members);
    let answers = Batch::write(db, scope)
        .add(&UNBLOCKED, &[&new.arrival.client(), &new.arrival.home.uuid()])
        .add(
            &SIGN_UP,
            &[
                &token_hash.as_slice(),
                &new.email,
                &new.user_id.uuid(),
                &new.password_hash,
                &new.first_name,
                &new.last_name,
                &new.locale,
                &plans.plans,
                &plans.limits,
                &new.membership_id,
                &new.told.map(OutboxId::uuid),
                &at(new.now),
            ],
        )
        .run()
        .await;
    let mut answers = match answers {
        Err(StoreError::Conflict { constraint }) if constraint == "blocked_address" => return Ok(Acceptance::Blocked),
        answers => answers?,
    };
    answers.take();
    Acceptance::read(&only(answers.take(), "access.sign_up_by_invitation")?, new.told, joined)
}
