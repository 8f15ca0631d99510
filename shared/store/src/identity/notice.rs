//! Security notices: mails that a change owes to whom it concerns, in the change's own transaction.
//!
//! A batch adds [`owe`] with [`NewNotice::params`] to its statements. A statement that changes something only perhaps owes
//! it in SQL instead, `SELECT owe_notice(id, notice, at) FROM changed`, with the same parameters. Either way the row is
//! put on its queue by [`NewNotice::queued`].

use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;
use zygo_core::{
    events::job::Queue,
    id::{OutboxId, TenantId, UserId},
    identity::notice::Notice,
    time::Timestamp,
};

use crate::{
    Db, Described, LookupScope, StoreError,
    batch::{Batch, Param},
    outbox::Queued,
    row::at,
    statement::Statement,
};

/// Owes the scope's own person a notice; for batches of any scope that names a person.
pub const fn owe<S>() -> Statement<S> {
    Statement::new(
        "identity.owe_notice",
        &[Type::UUID, Type::JSONB, Type::TIMESTAMPTZ],
        &[Type::BOOL],
        "/* identity.owe_notice */ SELECT owe_notice($1, $2, $3)",
    )
}

/// This module's statements.
pub const STATEMENTS: &[Described] = &[owe::<LookupScope>().described()];

/// A notice that a change owes.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// Identifier of the outbox row.
    pub outbox_id: OutboxId,
    /// What happened.
    pub notice: Notice,
    /// The instant.
    pub now: Timestamp,
}

/// A notice's parameters, in the forms that Postgres takes.
pub struct NoticeParams {
    id: Uuid,
    notice: Value,
    now: jiff::Timestamp,
}

impl NewNotice {
    /// The parameters of [`owe`].
    ///
    /// # Errors
    /// `Bug`, never in practice: every notice can be written as JSON.
    pub fn params(&self) -> Result<NoticeParams, StoreError> {
        let notice = serde_json::to_value(&self.notice).map_err(|error| StoreError::Bug(format!("identity.owe_notice: {error}")))?;
        Ok(NoticeParams { id: self.outbox_id.uuid(), notice, now: at(self.now) })
    }

    /// The row to put on its queue.
    #[must_use]
    pub fn queued(&self) -> Queued {
        queued(self.outbox_id)
    }
}

/// The outbox row of a notice, to be put on its queue.
pub(crate) fn queued(id: OutboxId) -> Queued {
    Queued { id, tenant_id: TenantId::PLATFORM, kind: "mail.security_notice".to_owned(), queue: Queue::Mail }
}

impl NoticeParams {
    /// In the order of [`owe`].
    pub(crate) fn owe(&self) -> [Param<'_>; 3] {
        [&self.id, &self.notice, &self.now]
    }
}

/// Owes somebody a notice of something that is no change of data, in a round trip of its own.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn owe_notice(db: &Db, scope: &LookupScope, user_id: UserId, notice: &NewNotice) -> Result<Queued, StoreError> {
    let scope = scope.of(user_id);
    let params = notice.params()?;
    Batch::write(db, &scope).add(&owe(), &params.owe()).rows().await?;
    Ok(notice.queued())
}
