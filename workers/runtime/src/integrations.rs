//! Tokens of connected drives: opened, renewed, sealed again, taken back.

use zygo_core::{
    error::{Code, Problem},
    identity::{
        oidc::token::{self, ClientAuth, Grant, TokenRequest},
        social::Client,
    },
    integrations::{LIFE_SECONDS, Provider, RENEW_SECONDS, Revocation, Tokens, seal_context},
    time::Timestamp,
};
use zygo_store::integrations::{Integration, SealedTokens};

use crate::{Config, oidc, outbound::Outbound, random};

/// Our client at a provider.
///
/// # Errors
/// `NOT_FOUND` if there is none.
pub fn client(config: &Config, provider: Provider) -> Result<&Client, Problem> {
    config.oauth_clients.get(provider.key()).ok_or(Problem::new(Code::NotFound))
}

/// Opens a connection's tokens.
///
/// # Errors
/// `INTERNAL` if they were sealed for another connection, or changed.
pub fn open(config: &Config, integration: &Integration, provider: Provider) -> Result<Tokens, Problem> {
    let context = seal_context(integration.tenant_id, integration.user_id, provider);
    let plain = config.seal_keys.open(&integration.sealed, &context)?;
    serde_json::from_slice(&plain).map_err(|_| Problem::internal("sealed tokens of another version"))
}

/// Seals what a token endpoint gave; a refresh token that it does not give again stays the one of before.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` where there is no refresh token at all, `INTERNAL` if it cannot be sealed.
pub fn seal(
    config: &Config,
    given: &token::Tokens,
    earlier: Option<&Tokens>,
    context: &str,
    now: Timestamp,
) -> Result<(Tokens, SealedTokens), Problem> {
    let refresh = given.refresh_token.clone().or_else(|| earlier.map(|tokens| tokens.refresh.clone()));
    let refresh = refresh.ok_or_else(|| Problem::unavailable("token endpoint: no refresh token"))?;
    let tokens = Tokens { access: given.access_token.clone(), refresh };
    let plain = zeroizing(&tokens)?;
    let life = given.expires_in.unwrap_or(LIFE_SECONDS).clamp(60, 86_400);
    let expires_at = now.plus_seconds(life);
    // A short life is renewed at its half, a long one ten minutes before its end.
    let ahead = RENEW_SECONDS.min(life.checked_div(2).unwrap_or(0));
    let sealed = config.seal_keys.seal(&plain, context, random::bytes())?;
    let renew_at = expires_at.plus_seconds(ahead.saturating_neg());
    Ok((tokens, SealedTokens { sealed, expires_at, renew_at }))
}

fn zeroizing(tokens: &Tokens) -> Result<zeroize::Zeroizing<Vec<u8>>, Problem> {
    serde_json::to_vec(tokens).map(zeroize::Zeroizing::new).map_err(|_| Problem::internal("tokens could not be written"))
}

/// Renews a connection's tokens at the provider.
///
/// # Errors
/// `TOKEN_INVALID` where the provider takes the refresh token no longer, `DEPENDENCY_UNAVAILABLE` for everything else.
pub async fn renew(config: &Config, integration: &Integration, provider: Provider, now: Timestamp) -> Result<(Tokens, SealedTokens), Problem> {
    let client = client(config, provider).map_err(|_| Problem::unavailable("integrations: the provider is not configured any more"))?;
    let tokens = open(config, integration, provider)?;
    let endpoints = provider.endpoints(config.oauth_endpoint(provider.key()));
    let secret = client.secret(&endpoints.token, now)?;
    let request = TokenRequest { client_id: &client.id, auth: ClientAuth::Form(&secret), grant: Grant::Refresh(&tokens.refresh) };
    let given = oidc::redeem(config, &endpoints.token, &request).await?;
    seal(config, &given, Some(&tokens), &seal_context(integration.tenant_id, integration.user_id, provider), now)
}

/// Takes a connection back at the provider, as far as it has a way.
///
/// # Errors
/// `DEPENDENCY_UNAVAILABLE` where the provider did not do it; doing it again is harmless.
pub async fn revoke(config: &Config, integration: &Integration, provider: Provider) -> Result<(), Problem> {
    let tokens = open(config, integration, provider)?;
    let answer = match provider.revocation(config.oauth_endpoint(provider.key())) {
        Revocation::Nowhere => return Ok(()),
        Revocation::Form(url) => Outbound::post(&url).form(token::revocation_form(&tokens.refresh)).send(config).await?,
        Revocation::Bearer(url) => Outbound::post(&url).bearer(&tokens.access).send(config).await?,
    };
    // A token that is dead already cannot be taken back, and need not.
    if answer.is_success() || matches!(answer.status, 400 | 401) {
        Ok(())
    } else {
        Err(Problem::unavailable(format!("{}: revocation answered {}", provider.key(), answer.status)))
    }
}
