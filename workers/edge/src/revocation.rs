//! Ends sessions everywhere: in their objects, in the record, at the tenants' gates.

use zygo_core::{
    error::Problem,
    gate::Revocation,
    id::{TenantId, UserId},
    identity::{
        session::{EndReason, Filter},
        token::ACCESS_SECONDS,
    },
};
use zygo_objects::{gate::GateHandle, sessions::SessionsHandle};
use zygo_runtime::log;
use zygo_store::identity::{self, EndedSession, EndedSessions, Which};

use crate::ctx::Ctx;

/// Ends some sessions of the caller. The answer comes when no object would refresh them any more.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE`; ending again is harmless.
pub async fn end(ctx: &Ctx, which: Which, filter: Filter, reason: EndReason) -> Result<Vec<EndedSession>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let ended = ctx.store(identity::end_sessions(&db, &ctx.lookup(), caller.user_id, which, reason.key(), ctx.now)).await?;
    // The own session's object even if its record is gone already.
    in_objects(ctx, caller.user_id, &ended, Some(caller.home()), filter, reason).await?;
    Ok(ended)
}

/// Ends in their objects what a statement has just ended on record, all of a person's or all but one. A failure is logged
/// and left to the job that was committed with the record: what the person asked for is done, and cannot be asked for again.
pub async fn follow(ctx: &Ctx, ended: &EndedSessions, filter: Filter, reason: EndReason) {
    if let Err(problem) = in_objects(ctx, ended.user_id, &ended.sessions, None, filter, reason).await {
        later(ctx, &problem);
    }
}

async fn in_objects(
    ctx: &Ctx,
    user_id: UserId,
    ended: &[EndedSession],
    also: Option<TenantId>,
    filter: Filter,
    reason: EndReason,
) -> Result<(), Problem> {
    let mut tenants: Vec<TenantId> = ended.iter().map(|session| session.tenant_id).chain(also).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        SessionsHandle::open(&ctx.env, tenant, user_id)?.end(filter, reason, ctx.now).await?;
        let gone = ended.iter().filter(|session| session.tenant_id == tenant).map(|session| Revocation::Session(session.id));
        announce(ctx, tenant, gone.collect()).await?;
    }
    Ok(())
}

/// Tells a tenant's gate what is void now; this isolate, and the one that the request came by, doubt what they knew, others learn within
/// a lease.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` when the gate does not answer.
pub async fn announce(ctx: &Ctx, tenant_id: TenantId, revocations: Vec<Revocation>) -> Result<(), Problem> {
    if revocations.is_empty() {
        return Ok(());
    }
    remember(ctx, &revocations);
    GateHandle::open(&ctx.env, tenant_id)?.revoke(revocations, ctx.now).await?;
    ctx.doubt(tenant_id);
    Ok(())
}

/// The same after a change that stands whatever becomes of this: a failure is logged, and left to the job that was committed with
/// the change.
pub async fn tell(ctx: &Ctx, tenant_id: TenantId, revocations: Vec<Revocation>) {
    if let Err(problem) = announce(ctx, tenant_id, revocations).await {
        later(ctx, &problem);
    }
}

/// Ends in their object all sessions of somebody in a tenant, which have just ended on record; a failure is left to the job.
pub async fn shut_out(ctx: &Ctx, tenant_id: TenantId, user_id: UserId, reason: EndReason) {
    let ended = async { SessionsHandle::open(&ctx.env, tenant_id, user_id)?.end(Filter::All, reason, ctx.now).await };
    if let Err(problem) = ended.await {
        later(ctx, &problem);
    }
}

fn later(ctx: &Ctx, problem: &Problem) {
    let cause = problem.log_cause();
    log::line(log::Level::Warn, "sessions end later", serde_json::json!({ "request_id": ctx.request_id, "cause": cause }));
}

/// Keeps the ended sessions in this isolate for as long as a token of theirs may live.
fn remember(ctx: &Ctx, revocations: &[Revocation]) {
    let mut ended = ctx.app.ended.borrow_mut();
    ended.retain(|_, dies_at| *dies_at > ctx.now);
    let dies_at = ctx.now.plus_seconds(ACCESS_SECONDS);
    ended.extend(revocations.iter().filter_map(|revocation| match revocation {
        Revocation::Session(id) => Some((*id, dies_at)),
        _ => None,
    }));
}
