//! Who is calling, and may they: locally, from the token and the lease, without a network call.

use std::rc::Rc;

use subtle::ConstantTimeEq as _;
use zygo_core::{
    access::{DefaultRole, Permission},
    error::{Code, Problem},
    id::TenantId,
    identity::mfa,
    time::Timestamp,
};
use zygo_runtime::clock;

use super::{admission, host::Resolved};
use crate::{
    caller::Caller,
    ctx::Shared,
    route::{Route, Who},
    security,
};

/// Whether the code's own checks are on: always, but in the Worker that shows what Postgres lets through without them.
pub const GUARDED: bool = !cfg!(all(feature = "unguarded", target_arch = "wasm32"));

/// The caller of a route that wants one.
///
/// # Errors
/// `UNAUTHENTICATED`, and whatever [`admitted`] refuses.
pub async fn caller(shared: &Rc<Shared>, route: &Route, site: &Resolved) -> Result<Option<Rc<Caller>>, Problem> {
    match route.who {
        Who::Public | Who::Provider => return Ok(None),
        Who::Ops => return operator(shared).map(|()| None),
        // Which token it is, the handler's scope checks where its work is done.
        Who::Directory => return shared.head.bearer().map(|_| None).ok_or(Problem::new(Code::Unauthenticated)),
        Who::Anybody if shared.head.bearer().is_none() => return Ok(None),
        Who::Anybody | Who::Session | Who::Member | Who::Permission(_) | Who::Owner | Who::Admin => {}
    }
    let token = shared.head.bearer().ok_or(Problem::new(Code::Unauthenticated))?;
    admitted(shared, route, site, token).await.map(Some)
}

/// The caller of an access token, if the token is good here and a lease lets them in.
///
/// # Errors
/// `TOKEN_EXPIRED`, `TOKEN_INVALID`, `TENANT_MISMATCH` where the token names another tenant than the host, and whatever
/// [`admission::leased`] refuses.
pub async fn admitted(shared: &Rc<Shared>, route: &Route, site: &Resolved, token: &str) -> Result<Rc<Caller>, Problem> {
    let caller = verified(shared, token)?;
    shared.trace.user_id.set(Some(caller.user_id));
    shared.trace.tenant_id.set(caller.tenant_id);
    if GUARDED
        && let Some(tenant) = &site.tenant
        && caller.tenant_id != Some(tenant.tenant_id)
    {
        security::tenant_mismatch(shared, tenant.tenant_id, &caller);
        return Err(Problem::new(Code::TenantMismatch));
    }
    admission::leased(shared, &caller, route).await?;
    Ok(caller)
}

fn verified(shared: &Shared, token: &str) -> Result<Rc<Caller>, Problem> {
    let app = shared.app;
    if let Some(caller) = app.tokens.borrow_mut().get(token, shared.now) {
        return Ok(caller);
    }
    let start = clock::now();
    let verified = app.config.token_keys.verify(token, &app.config.issuer, &app.config.audience, shared.now)?;
    let caller = Rc::new(Caller::from_token(verified)?);
    app.tokens.borrow_mut().put(token, Rc::clone(&caller));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
    shared.trace.auth_ms.set(clock::now().since(start) as f64);
    Ok(caller)
}

fn operator(shared: &Shared) -> Result<(), Problem> {
    let token = shared.head.bearer().ok_or(Problem::new(Code::Unauthenticated))?;
    let same = token.as_bytes().ct_eq(shared.app.config.ops_token.as_bytes());
    if bool::from(same) { Ok(()) } else { Err(Problem::new(Code::TokenInvalid)) }
}

/// Whether a caller may use a route.
///
/// # Errors
/// `PERMISSION_DENIED`, with the permission that is lacking where there is one; `MFA_STEP_UP_REQUIRED`.
pub fn authorize(route: &Route, caller: &Caller, now: Timestamp) -> Result<(), Problem> {
    if !GUARDED {
        return Ok(());
    }
    permit(route, caller)?;
    if route.needs_fresh_factor() && !mfa::is_fresh(caller.mfa_at, now) { Err(step_up_required()) } else { Ok(()) }
}

/// The answer to whoever has not given a second factor just now, or has none to give.
#[must_use]
pub fn step_up_required() -> Problem {
    Problem::new(Code::MfaStepUpRequired)
        .hint("POST /auth/mfa/step-up answers a token that is good for ten minutes; somebody without a second factor sets one up first")
}

fn permit(route: &Route, caller: &Caller) -> Result<(), Problem> {
    match route.who {
        Who::Public | Who::Anybody | Who::Ops | Who::Directory | Who::Provider | Who::Session => Ok(()),
        // That they administer it, the handler's scope checks where its work is done.
        Who::Admin if caller.home().is_platform() => Ok(()),
        Who::Admin => Err(Problem::new(Code::TenantMismatch)),
        Who::Member => member(caller).map(drop),
        Who::Owner if caller.role.as_deref() == Some(DefaultRole::Owner.key()) => Ok(()),
        Who::Owner => Err(Problem::new(Code::PermissionDenied).detail("only an owner may").details(serde_json::json!({ "permission": null }))),
        Who::Permission(permission) => hold(caller, permission),
    }
}

/// The active organisation of a caller.
///
/// # Errors
/// `PERMISSION_DENIED` without one.
pub fn member(caller: &Caller) -> Result<TenantId, Problem> {
    caller.tenant_id.ok_or_else(|| {
        Problem::new(Code::PermissionDenied)
            .detail("this needs an active organisation")
            .hint("POST /auth/switch-tenant gives a session in one of yours")
            .details(serde_json::json!({ "permission": null }))
    })
}

/// Whether a caller's token says that they hold a permission.
///
/// # Errors
/// `PERMISSION_DENIED` with the permission.
pub fn hold(caller: &Caller, permission: Permission) -> Result<(), Problem> {
    if !GUARDED || caller.permissions.contains(permission) {
        return Ok(());
    }
    Err(Problem::new(Code::PermissionDenied).details(serde_json::json!({ "permission": permission.key() })))
}
