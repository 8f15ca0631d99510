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
    tenancy::settings::TenantFacts,
    time::Timestamp,
};
use zygo_objects::sessions::SessionsHandle;
use zygo_runtime::random;
use zygo_store::identity::{self, Life, NewNotice};

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
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `SESSION_REVOKED`, `REFRESH_TOKEN_REUSED`, `TENANT_MISMATCH`, `IP_NOT_ALLOWED`, `MFA_REQUIRED`.
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
    let (successor, kept) = match handle.refresh(token.session_id, attempt).await? {
        Refreshed::Rotated { successor, session } => (successor, session),
        Refreshed::Reused { .. } => return Err(reused(ctx, &token).await?),
        Refreshed::Revoked => return Err(Problem::new(Code::SessionRevoked)),
        Refreshed::Expired => return Err(Problem::new(Code::TokenExpired)),
        Refreshed::Unknown => return Err(Problem::new(Code::TokenInvalid)),
    };
    let db = ctx.db().await?;
    let tenant = (!token.tenant_id.is_platform()).then_some(token.tenant_id);
    let context = ctx.store(identity::session_context(&db, &ctx.lookup(), token.user_id, token.tenant_id, Some(token.session_id), ctx.now)).await?;
    let context = context.ok_or(Problem::new(Code::SessionRevoked))?;
    match context.life {
        Life::Lives => {}
        Life::Expired => return Err(Problem::new(Code::TokenExpired)),
        Life::Ended => return Err(Problem::new(Code::SessionRevoked)),
    }
    let membership = context.membership.as_ref();
    if context.user_suspended || membership.is_some_and(|membership| membership.is_suspended()) {
        return Err(Problem::new(Code::UserSuspended));
    }
    if tenant.is_some() && membership.is_none() {
        return Err(Problem::new(Code::SessionRevoked));
    }
    session::admit_network(ctx, token.user_id, membership)?;
    sign_in::enforce_policy(ctx, &context.standing, kept.mfa_at)?;
    let view = SessionView {
        id: kept.id,
        tenant_id: tenant,
        device: kept.device_name,
        ip: kept.ip,
        country: kept.country,
        created_at: kept.created_at,
        last_seen_at: ctx.now,
        expires_at: membership.map_or(kept.expires_at, |membership| kept.expires_at.min(lasts(&membership.tenant.facts, kept.created_at, ctx.now))),
        current: true,
    };
    let grounds = Grounds { user: &context.user, membership, amr: kept.amr, mfa_at: kept.mfa_at };
    let next = RefreshToken { secret: *successor.bytes(), ..token };
    session::answer(ctx, &grounds, &next, view, into_cookie)
}

/// Until when a session lasts as its tenant's settings are now, however they were when it began.
fn lasts(facts: &TenantFacts, created_at: Timestamp, now: Timestamp) -> Timestamp {
    now.plus_seconds(facts.idle_seconds()).min(created_at.plus_seconds(facts.absolute_seconds()))
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
