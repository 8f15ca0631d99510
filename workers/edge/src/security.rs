//! Events that the security trail keeps, written after the response.

use std::rc::Rc;

use serde_json::json;
use zygo_core::id::{TenantId, UserId};
use zygo_runtime::{log, random};
use zygo_store::{
    Actor, TenantScope,
    audit::{self, SecurityEvent, Violation},
};

use crate::{
    caller::Caller,
    ctx::{Ctx, Shared},
    route::Route,
};

/// A token of one tenant was shown at another tenant's host.
pub fn tenant_mismatch(shared: &Rc<Shared>, host_tenant: TenantId, caller: &Caller) {
    let details = json!({ "token_tenant": caller.home(), "host_tenant": host_tenant });
    record(shared, host_tenant, Some(caller), "token.tenant_mismatch", details);
}

/// Writes a security event once the response is on its way.
pub fn record(shared: &Rc<Shared>, tenant_id: TenantId, caller: Option<&Caller>, kind: &'static str, details: serde_json::Value) {
    record_about(shared, tenant_id, caller.map(|caller| caller.user_id), kind, details);
}

/// The same about somebody who has not signed in yet.
pub fn record_about(shared: &Rc<Shared>, tenant_id: TenantId, user_id: Option<UserId>, kind: &'static str, details: serde_json::Value) {
    let event = SecurityEvent {
        id: random::id(shared.now),
        tenant_id,
        user_id,
        kind: kind.to_owned(),
        ip: Some(shared.head.client_address().to_owned()),
        details,
        now: shared.now,
    };
    let request = Rc::clone(shared);
    shared.after(async move {
        let Ok(db) = request.db().await else { return };
        if let Err(problem) = request.store(audit::record_security_event(&db, &request.lookup(), &event)).await {
            log::line(
                log::Level::Error,
                "security event lost",
                json!({ "request_id": request.request_id, "kind": kind, "cause": problem.log_cause() }),
            );
        }
    });
}

/// A read by id found nothing in the caller's tenant; if the row exists in another, that is recorded.
pub fn foreign_read(ctx: &Ctx, table: &'static str, id: uuid::Uuid) {
    let shared = ctx.shared();
    let Ok(scope) = ctx.tenant_scope() else { return };
    let scope = scope.unguarded();
    let event_id = random::id(ctx.now);
    let route = pattern(ctx.route());
    ctx.after(async move {
        let Ok(db) = shared.db().await else { return };
        // What cannot be recorded shows in the log by its own line.
        let _ = shared.store(audit::record_foreign_read(&db, &scope, table, id, &route, event_id, shared.now)).await;
    });
}

/// A policy refused what a request was about to do: recorded once the response is on its way, in the tenant that it was made in.
pub fn refused(shared: &Rc<Shared>, route: &Route) {
    let Some((table, operation)) = shared.trace.refused.take() else { return };
    let (tenant, user) = (shared.trace.tenant_id.get().unwrap_or(TenantId::PLATFORM), shared.trace.user_id.get());
    let scope =
        TenantScope::new(tenant, user, &shared.request_id, user.map_or(Actor::Anonymous, Actor::User)).from_address(shared.head.client_address());
    let violation = Violation { id: random::id(shared.now), operation, table, row_id: None, route: pattern(route), now: shared.now };
    let request = Rc::clone(shared);
    shared.after(async move {
        let Ok(db) = request.db().await else { return };
        let _ = request.store(audit::record_rls_violation(&db, &scope, &violation)).await;
    });
}

/// A route as the trail names it: never the path, which may carry a token.
fn pattern(route: &Route) -> String {
    format!("{} {}", route.method.as_str(), route.path)
}
