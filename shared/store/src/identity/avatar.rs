//! A person's picture: where it is, and that the one before goes.

use tokio_postgres::types::Type;
use zygo_core::{
    events::job::Queue,
    id::{OutboxId, TenantId, UserId},
    time::Timestamp,
};

use super::{UserRow, member::own_profile};
use crate::{
    Db, Described, LookupScope, StoreError, TenantScope,
    batch::Batch,
    outbox::Queued,
    row::{Cells, at},
    statement::Statement,
};

/// Only a picture of ours leaves a file behind; one at a provider of identities does not.
const SET: Statement<TenantScope> = Statement::new(
    "identity.set_avatar",
    &[Type::TEXT, Type::UUID, Type::TIMESTAMPTZ],
    &[Type::BOOL],
    "/* identity.set_avatar */ WITH old AS ( \
       SELECT id, version, substring(avatar_url FROM '/avatars/' || id || '/([^/?#]+)$') AS file FROM users \
       WHERE id = app_user_id() FOR NO KEY UPDATE), \
     changed AS (UPDATE users u SET avatar_url = $1 FROM old WHERE u.id = old.id RETURNING u.id, u.version), \
     job AS ( \
       INSERT INTO outbox (id, tenant_id, kind, queue, payload, created_at, available_at) \
       SELECT $2, app_tenant_id(), 'files.remove', 'jobs', \
         jsonb_build_object('kind', 'files.remove', 'key', 'users/' || id || '/avatars/' || file), $3, $3 + interval '30 seconds' \
       FROM old WHERE file IS NOT NULL), \
     logged AS ( \
       INSERT INTO events (id, tenant_id, type, data, user_id, request_id, occurred_at) \
       SELECT make_uuid_v7($3), app_tenant_id(), 'user.updated', jsonb_build_object('user_id', id, 'version', version), id, \
         app_request_id(), $3 FROM changed) \
     SELECT old.file IS NOT NULL AS replaced FROM old JOIN changed USING (id)",
);

/// This module's statements.
pub const STATEMENTS: &[Described] = &[SET.described()];

/// Sets where a person's picture is; the file of the one before is owed its removal. `None` if the account is gone.
///
/// # Errors
/// `Unavailable`, `Retry`.
pub async fn set_avatar(
    db: &Db,
    scope: &LookupScope,
    user_id: UserId,
    url: &str,
    outbox_id: OutboxId,
    now: Timestamp,
) -> Result<Option<(UserRow, Option<Queued>)>, StoreError> {
    let scope = scope.within(TenantId::PLATFORM, Some(user_id));
    let mut answers = Batch::write(db, &scope).add(&SET, &[&url, &outbox_id.uuid(), &at(now)]).add(&own_profile(), &[]).run().await?;
    let (set, profile) = (answers.take(), answers.take());
    let (Some(set), Some(profile)) = (set.first(), profile.first()) else { return Ok(None) };
    let replaced: bool = set.cell("replaced")?;
    let queued = Queued { id: outbox_id, tenant_id: TenantId::PLATFORM, kind: "files.remove".to_owned(), queue: Queue::Jobs };
    Ok(Some((UserRow::read(profile)?, replaced.then_some(queued))))
}
