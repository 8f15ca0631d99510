//! `GET /integrations/{provider}/callback`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    identity::oidc::{
        callback::Callback,
        flow::{self, Flow, FlowCookie},
        token::{ClientAuth, Grant, TokenRequest},
    },
    integrations::{Provider, seal_context},
};
use zygo_objects::OnceHandle;
use zygo_runtime::{integrations as drives, oidc, random};
use zygo_store::{
    Actor, TenantScope,
    integrations::{self, NewIntegration},
};

use super::connect::{self, FLOW, Then};
use crate::{
    ctx::Ctx,
    flows,
    reply::{Answer, Reply},
};

/// What a provider adds to the address (RFC 6749, 4.1.2).
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// The state that the browser was sent with.
    pub state: String,
    /// The code.
    pub code: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// The drive that is connected now.
#[derive(Serialize, JsonSchema)]
pub struct Connected {
    /// At which provider.
    provider: Provider,
}

/// Takes the browser back, and keeps the connection.
///
/// # Errors
/// `TOKEN_INVALID` for a state that is missing, forged or of another browser, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`,
/// `INVALID_CREDENTIALS` where the person said no, `SESSION_REVOKED` where the session that asked for it has ended,
/// `DEPENDENCY_UNAVAILABLE`. To the destination that was named they go as the parameter `error`.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    let provider = super::provider(&ctx)?;
    ctx.admit(None).await?;
    let callback = flows::answered(&ctx)?;
    let keys = &ctx.app.config.seal_keys;
    let state = callback.state.as_deref().unwrap_or_default();
    let host = flow::host_of(keys, FLOW, callback.state.as_deref())?;
    if flows::host(&ctx) != host {
        return Ok(flows::hand_on(&ctx, &host, &connect::path(provider), &callback));
    }
    let flow: Flow<Then> = Flow::resume(keys, FLOW, state, ctx.head.cookie(&FlowCookie::name(state)), ctx.now)?;
    if flow.then.provider != provider {
        return Err(Problem::new(Code::TokenInvalid).cause("flow of another provider"));
    }
    if !OnceHandle::open(&ctx.env, FLOW, state)?.take(flow.expires_at()).await? {
        return Err(Problem::new(Code::TokenConsumed).detail("this connection was finished before"));
    }
    let mut answer = match (keep(&ctx, &callback, &flow).await, &flow.then.redirect_to) {
        (Ok(()), Some(destination)) => Answer::see_other(destination.clone()),
        (Ok(()), None) => Reply::ok(Connected { provider }).render()?,
        (Err(problem), Some(destination)) => flows::told(problem, destination),
        (Err(problem), None) => return Err(problem),
    };
    answer.headers.push(("set-cookie", FlowCookie::clear(state)));
    Ok(answer)
}

/// Redeems the code and keeps what it gives, sealed for this tenant, person and provider.
async fn keep(ctx: &Ctx, callback: &Callback, flow: &Flow<Then>) -> Result<(), Problem> {
    let Then { provider, tenant_id, user_id, session_id, .. } = flow.then;
    let config = &ctx.app.config;
    let endpoints = provider.endpoints(config.oauth_endpoint(provider.key()));
    let code = callback.code(&endpoints.issuer, false)?;
    let client = drives::client(config, provider)?;
    let secret = client.secret(&endpoints.token, ctx.now)?;
    let redirect_uri = connect::redirect_uri(config, provider);
    let grant = Grant::Code { code, redirect_uri: &redirect_uri, verifier: &flow.verifier };
    let request = TokenRequest { client_id: &client.id, auth: ClientAuth::Form(&secret), grant };
    let given = oidc::redeem(config, &endpoints.token, &request).await?;
    let (_, tokens) = drives::seal(config, &given, None, &seal_context(tenant_id, user_id, provider), ctx.now)?;
    let new = NewIntegration { id: random::id(ctx.now), provider: provider.key(), session_id, tokens, event_id: random::id(ctx.now), now: ctx.now };
    let scope = TenantScope::new(tenant_id, Some(user_id), &ctx.request_id, Actor::User(user_id)).from_address(ctx.head.client_address());
    let db = ctx.db().await?;
    if ctx.store(integrations::connect(&db, &scope, &new)).await? { Ok(()) } else { Err(Problem::new(Code::SessionRevoked)) }
}
