//! Signing up.

use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::{EventId, OutboxId, TenantId, UserId},
    time::Timestamp,
};

use super::{UserRow, mfa::Arrival};
use crate::{
    Db, Described, LookupScope, StoreError,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at, only},
    statement::Statement,
};

const SIGN_UP: Statement<LookupScope> = Statement::new(
    "identity.sign_up",
    &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT, Type::UUID, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.sign_up */ SELECT sign_up($1, $2, $3, $4, $5, $6, $7, $8, $9) AS created",
);

const UNBLOCKED: Statement<LookupScope> = Statement::new(
    "identity.sign_up.unblocked",
    &[Type::TEXT, Type::UUID],
    &[Type::BOOL],
    "/* identity.sign_up.unblocked */ SELECT refuse_blocked($1, $2)",
);

const TAKEN_THERE: Statement<LookupScope> = Statement::new(
    "identity.sign_up.mail_domain",
    &[Type::UUID, Type::TEXT],
    &[Type::BOOL],
    "/* identity.sign_up.mail_domain */ SELECT refuse_mail_domain($1, $2)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[UNBLOCKED.described(), TAKEN_THERE.described(), SIGN_UP.described()];

/// Somebody who signs up.
#[derive(Clone)]
pub struct NewUser {
    /// Identifier of the account, if one is made.
    pub user_id: UserId,
    /// Mail address in lower case.
    pub email: String,
    /// PHC string.
    pub password_hash: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Language, BCP 47.
    pub locale: String,
    /// Identifier of the event `user.signed_up`.
    pub event_id: EventId,
    /// Identifier of the outbox row, written either way.
    pub outbox_id: OutboxId,
    /// How they arrive.
    pub arrival: Arrival,
    /// The instant.
    pub now: Timestamp,
}

/// How it went. Either way a mail is owed, and the client must not learn which.
#[derive(Debug, Clone)]
pub enum SignUp {
    /// There is an account now.
    Created {
        /// Its owner.
        user: UserRow,
        /// The mail that verifies the address.
        queued: Option<Queued>,
    },
    /// The address had an account already.
    Taken {
        /// The mail that tells its owner.
        queued: Option<Queued>,
    },
    /// The client's address is on a block list.
    Blocked,
}

/// Creates an account unless the mail address is taken, with its event and its mail, by one statement either way. Nothing happens from a
/// client address that is blocked.
///
/// # Errors
/// `Refused` for an address of a mail domain that the host's tenant does not take; `Unavailable`, `Retry`.
pub async fn sign_up(db: &Db, scope: &LookupScope, new: &NewUser) -> Result<SignUp, StoreError> {
    let answers = Batch::write(db, scope)
        .add(&UNBLOCKED, &[&new.arrival.client(), &new.arrival.home.uuid()])
        .add(&TAKEN_THERE, &[&new.arrival.home.uuid(), &new.email])
        .add(
            &SIGN_UP,
            &[
                &new.user_id.uuid(),
                &new.email,
                &new.password_hash,
                &new.first_name,
                &new.last_name,
                &new.locale,
                &new.event_id.uuid(),
                &new.outbox_id.uuid(),
                &at(new.now),
            ],
        )
        .run()
        .await;
    let mut answers = match answers {
        Err(StoreError::Conflict { constraint }) if constraint == "blocked_address" => return Ok(SignUp::Blocked),
        answers => answers?,
    };
    answers.take();
    answers.take();
    let created: bool = only(answers.take(), "identity.sign_up")?.cell("created")?;
    let kind = if created { "mail.verify_email" } else { "mail.account_exists" };
    let queued = Some(Queued { id: new.outbox_id, tenant_id: TenantId::PLATFORM, kind: kind.to_owned(), queue: Queue::Mail });
    Ok(if created { SignUp::Created { user: as_created(new), queued } } else { SignUp::Taken { queued } })
}

fn as_created(new: &NewUser) -> UserRow {
    UserRow {
        id: new.user_id,
        email: new.email.clone(),
        email_verified: false,
        first_name: new.first_name.clone(),
        last_name: new.last_name.clone(),
        avatar_url: None,
        locale: new.locale.clone(),
        timezone: "UTC".to_owned(),
        version: 1,
        created_at: new.now,
    }
}
