//! `GET /integrations/{provider}/connect`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::Problem,
    id::{SessionId, TenantId, UserId},
    identity::oidc::{
        authorize::Authorization,
        flow::{Flow, SameSite},
    },
    integrations::Provider,
};
use zygo_runtime::{Config, integrations as drives};

use crate::{ctx::Ctx, flows, reply::Reply, route::NoBody};

/// The kind of these flows.
pub const FLOW: &str = "integration";

/// What a flow is for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Then {
    /// At which provider.
    #[serde(rename = "p")]
    pub provider: Provider,
    /// In which tenant.
    #[serde(rename = "t")]
    pub tenant_id: TenantId,
    /// For whom.
    #[serde(rename = "u")]
    pub user_id: UserId,
    /// The session that asked for it.
    #[serde(rename = "s")]
    pub session_id: SessionId,
    /// Where the browser is sent in the end.
    #[serde(rename = "r")]
    pub redirect_to: Option<String>,
}

/// What may be said of it.
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// Where the browser is sent in the end: a path, or a page at a known host.
    pub redirect_to: Option<String>,
}

/// Where to go on.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Send the browser that got this answer's cookie there, within ten minutes.
    authorization_url: String,
}

/// Begins to connect a drive to the caller's account in the active tenant.
///
/// # Errors
/// `NOT_FOUND` for a provider that is not configured, `VALIDATION_FAILED`.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let provider = super::provider(&ctx)?;
    let config = &ctx.app.config;
    let redirect_to = ctx.query("redirect_to").map(|text| flows::read_destination(&ctx, &text)).transpose()?;
    let then = Then { provider, tenant_id: caller.home(), user_id: caller.user_id, session_id: caller.session_id, redirect_to };
    let begun = Flow::begin(&config.seal_keys, FLOW, flows::host(&ctx), &flows::entropy(), ctx.now, then)?;
    let endpoints = provider.endpoints(config.oauth_endpoint(provider.key()));
    let authorization = Authorization {
        endpoint: &endpoints.authorize,
        client_id: &drives::client(config, provider)?.id,
        redirect_uri: &redirect_uri(config, provider),
        scope: endpoints.scope,
        state: &begun.state,
        nonce: None,
        challenge: &begun.flow.challenge(),
        more: endpoints.more,
    };
    let reply = Reply::ok(Output { authorization_url: authorization.url()? });
    Ok(reply.header("set-cookie", begun.cookie.set(SameSite::Lax)))
}

/// The path that a provider sends browsers back to, at whichever host of ours.
#[must_use]
pub fn path(provider: Provider) -> String {
    format!("/integrations/{}/callback", provider.key())
}

/// The address that is registered at a provider.
#[must_use]
pub fn redirect_uri(config: &Config, provider: Provider) -> String {
    format!("{}{}", config.issuer, path(provider))
}
