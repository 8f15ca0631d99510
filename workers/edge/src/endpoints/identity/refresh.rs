//! `POST /auth/refresh`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    gate::Revocation,
    identity::{
        notice::Notice,
        refresh::RefreshToken,
        session::{Attempt, Refreshed, Secret},
    },
};
use zygo_objects::sessions::SessionsHandle;
use zygo_runtime::random;
use zygo_store::identity::{self, NewNotice};

use super::{
    session::{self, Grounds, Session},
    sign_in,
    views::SessionView,
};
use crate::{cookies, ctx::Ctx, json_input, outbox, reply::Reply, security};

/// The refresh token, unless it comes in a cookie.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The refresh token.
    #[serde(default)]
    refresh_token: Option<String>,
}

json_input!(Input);

/// Rotates the token.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `SESSION_REVOKED`, `REFRESH_TOKEN_REUSED`, `TENANT_MISMATCH`, `MFA_REQUIRED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Session>, Problem> {
    let from_cookie = input.refresh_token.is_none() && cookies::present(&ctx.head);
    let text = match &input.refresh_token {
        Some(token) => Some(token.as_str()),
        None => cookies::refresh(&ctx.head)?,
    };
    let text = text.ok_or(Problem::field("refresh_token", "required", "is required"))?;
    rotate(&ctx, text, from_cookie).await
}

/// Rotates a refresh token, whose right to be used here the caller has checked.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `SESSION_REVOKED`, `REFRESH_TOKEN_REUSED`, `TENANT_MISMATCH`, `USER_SUSPENDED`.
pub async fn rotate(ctx: &Ctx, text: &str, into_cookie: bool) -> Result<Reply<Session>, Problem> {
    let token = RefreshToken::parse(text).ok_or(Problem::new(Code::TokenInvalid))?;
    if ctx.host_tenant().is_some_and(|tenant| tenant.tenant_id != token.tenant_id) {
        return Err(Problem::new(Code::TenantMismatch));
    }
    let attempt = Attempt {
        secret: Secret::new(token.secret),
        client_fingerprint: session::fingerprint(ctx),
        now: ctx.now,
        fresh_salt: Secret::new(random::bytes()),
    };
    let handle = SessionsHandle::open(&ctx.env, token.tenant_id, token.user_id)?;
    let (successor, session) = match handle.refresh(token.session_id, attempt).await? {
        Refreshed::Rotated { successor, session } => (successor, session),
        Refreshed::Reused { .. } => return Err(reused(ctx, &token).await?),
        Refreshed::Revoked => return Err(Problem::new(Code::SessionRevoked)),
        Refreshed::Expired => return Err(Problem::new(Code::TokenExpired)),
        Refreshed::Unknown => return Err(Problem::new(Code::TokenInvalid)),
    };
    let db = ctx.db().await?;
    let tenant = (!token.tenant_id.is_platform()).then_some(token.tenant_id);
    let context = ctx.store(identity::session_context(&db, &ctx.lookup(), token.user_id, token.tenant_id, Some(token.session_id), ctx.now)).await?;
    let context = context.filter(|context| context.session_lives).ok_or(Problem::new(Code::SessionRevoked))?;
    let membership = context.membership.as_ref();
    if context.user_suspended || membership.is_some_and(|membership| membership.is_suspended()) {
        return Err(Problem::new(Code::UserSuspended));
    }
    if tenant.is_some() && membership.is_none() {
        return Err(Problem::new(Code::SessionRevoked));
    }
    sign_in::enforce_policy(ctx, &context.standing, session.mfa_at)?;
    let view = SessionView {
        id: session.id,
        tenant_id: tenant,
        device: session.device_name,
        ip: session.ip,
        country: session.country,
        created_at: session.created_at,
        last_seen_at: ctx.now,
        expires_at: session.expires_at,
        current: true,
    };
    let grounds = Grounds { user: &context.user, membership, amr: session.amr, mfa_at: session.mfa_at };
    let next = RefreshToken { secret: *successor.bytes(), ..token };
    session::answer(ctx, &grounds, &next, view, into_cookie)
}

/// The family has ended in its object; end its record, and say so in the security trail and to the person.
async fn reused(ctx: &Ctx, token: &RefreshToken) -> Result<Problem, Problem> {
    let db = ctx.db().await?;
    let notice = NewNotice { outbox_id: random::id(ctx.now), notice: Notice::RefreshTokenReused, now: ctx.now };
    let queued = ctx.store(identity::end_reused_session(&db, &ctx.lookup(), token.user_id, token.session_id, &notice)).await?;
    outbox::enqueue(ctx, queued);
    crate::revocation::announce(ctx, token.tenant_id, vec![Revocation::Session(token.session_id)]).await?;
    security::record(
        &ctx.shared(),
        token.tenant_id,
        None,
        "session.refresh_token_reused",
        serde_json::json!({ "session_id": token.session_id, "user_id": token.user_id }),
    );
    Ok(Problem::new(Code::RefreshTokenReused))
}
