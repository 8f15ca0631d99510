//! Ends in their objects the sessions that have ended on record, and tells the tenants' gates.
//!
//! The request that ended them does the same at once; this makes sure of it where that one was cut short. Twice is
//! harmless: a session that has ended stays as it is, and a revocation says the same again.

use zygo_core::{
    gate::Revocation,
    id::UserId,
    identity::session::{EndReason, Filter},
    time::Timestamp,
};
use zygo_objects::{gate::GateHandle, sessions::SessionsHandle};
use zygo_runtime::postgres;
use zygo_store::identity;

use crate::run::{Failure, Work, postgres_problem};

/// Ends what ended on record at that instant. Sessions that began later are none of it.
///
/// # Errors
/// `Retry` while Postgres or an object is away.
pub async fn run(work: &Work<'_>, user_id: UserId, ended_at: Timestamp) -> Result<(), Failure> {
    let ended = postgres::bounded(identity::ended_sessions(work.db, work.scope, user_id, ended_at)).await?.map_err(postgres_problem)?;
    for of_one_tenant in ended.chunk_by(|one, next| one.tenant_id == next.tenant_id) {
        let Some(tenant_id) = of_one_tenant.first().map(|session| session.tenant_id) else { continue };
        let object = SessionsHandle::open(work.env, tenant_id, user_id)?;
        for session in of_one_tenant {
            object.end(Filter::One(session.id), EndReason::EndedOnRecord, ended_at).await?;
        }
        let revocations = of_one_tenant.iter().map(|session| Revocation::Session(session.id)).collect();
        GateHandle::open(work.env, tenant_id)?.revoke(revocations, work.now).await?;
    }
    Ok(())
}
