//! `GET /auth/passkeys`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{error::Problem, id::PasskeyId, time::Timestamp};
use zygo_store::identity::{self, NewPasskey, PasskeyRow};

use crate::{ctx::Ctx, reply::Reply, route::NoBody};

/// A passkey, as its owner sees it.
#[derive(Serialize, JsonSchema)]
pub struct PasskeyView {
    /// Identifier.
    id: PasskeyId,
    /// What its owner calls it.
    name: String,
    /// The domain that it is good for.
    domain: String,
    /// How its authenticator can be reached.
    transports: Vec<String>,
    /// Whether it may be copied to other devices, as a synchronised passkey is.
    backup_eligible: bool,
    /// Whether it is copied at present.
    backed_up: bool,
    /// When it was added.
    created_at: Timestamp,
    /// When it was last used.
    last_used_at: Option<Timestamp>,
}

impl From<PasskeyRow> for PasskeyView {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            domain: row.rp_id,
            transports: row.transports,
            backup_eligible: row.backup.eligible,
            backed_up: row.backup.exists,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

impl From<&NewPasskey<'_>> for PasskeyView {
    fn from(new: &NewPasskey<'_>) -> Self {
        Self {
            id: new.id,
            name: new.name.to_owned(),
            domain: new.rp_id.to_owned(),
            transports: new.credential.transports.clone(),
            backup_eligible: new.credential.backup.eligible,
            backed_up: new.credential.backup.exists,
            created_at: new.now,
            last_used_at: None,
        }
    }
}

/// The caller's passkeys, the oldest first.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The passkeys.
    data: Vec<PasskeyView>,
    /// Always `null`: nobody has more than twenty.
    next_cursor: Option<String>,
}

/// Lists the caller's passkeys.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let rows = ctx.store(identity::list_passkeys(&db, &ctx.lookup(), caller.user_id)).await?;
    Ok(Reply::ok(Output { data: rows.into_iter().map(Into::into).collect(), next_cursor: None }))
}
