//! `POST /auth/switch-tenant`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    id::TenantId,
};
use zygo_store::identity::{self, Life};

use super::{
    session::{self, Client, Grounds, Session},
    sign_in,
};
use crate::{ctx::Ctx, json_input, reply::Reply};

/// Where to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// One of the caller's tenants.
    tenant_id: TenantId,
    /// Whether the refresh token goes into a cookie.
    #[serde(default)]
    cookie: bool,
}

json_input!(Input);

/// Begins a session in another of the caller's tenants; the present one goes on.
///
/// # Errors
/// `NOT_FOUND` for a tenant that the caller does not belong to, `USER_SUSPENDED` where suspended in it, `IP_NOT_ALLOWED`, `SESSION_REVOKED`,
/// `MFA_REQUIRED` where it wants a second factor that the caller does not have.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Session>, Problem> {
    let caller = ctx.caller()?;
    let db = ctx.db().await?;
    let context = ctx.store(identity::session_context(&db, &ctx.lookup(), caller.user_id, input.tenant_id, Some(caller.session_id), ctx.now)).await?;
    let context = context.ok_or(Problem::new(Code::Unauthenticated))?;
    // Its access token may outlive a session by some seconds; nothing may grow out of it.
    if context.life != Life::Lives {
        return Err(Problem::new(Code::SessionRevoked));
    }
    let membership = context.membership.as_ref().ok_or(Problem::new(Code::NotFound))?;
    if context.user_suspended || membership.is_suspended() {
        return Err(Problem::new(Code::UserSuspended));
    }
    sign_in::enforce_policy(&ctx, &context.standing, caller.mfa_at)?;
    let grounds = Grounds { user: &context.user, membership: Some(membership), amr: caller.amr.clone(), mfa_at: caller.mfa_at };
    let begun = session::prepare(&ctx, &grounds, &Client { device_name: None, cookie: input.cookie })?.without_sign_in();
    session::open(&ctx, &begun, caller.mfa_at).await?;
    ctx.store(identity::record_session(&db, &ctx.lookup(), &begun.record)).await?;
    begun.answer(&ctx, &grounds, input.cookie)
}
