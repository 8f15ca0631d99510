//! The relying party's errands: fetches what providers publish, remembers it per isolate, redeems codes.

use std::{cell::RefCell, rc::Rc};

use zygo_core::{
    error::Problem,
    identity::oidc::{
        cache::Cache,
        id_token::{self, Expected, IdClaims, Rejection},
        jwks::KeySet,
        metadata::{self, Metadata},
        token::{TokenRequest, Tokens},
    },
    time::Timestamp,
};

use crate::{Config, outbound::Outbound};

/// Providers that an isolate remembers.
const PROVIDERS: usize = 256;

/// What this isolate knows of providers.
pub struct Providers {
    documents: RefCell<Cache<Metadata>>,
    keys: RefCell<Cache<KeySet>>,
}

impl Default for Providers {
    fn default() -> Self {
        Self { documents: RefCell::new(Cache::new(PROVIDERS)), keys: RefCell::new(Cache::new(PROVIDERS)) }
    }
}

impl Providers {
    /// What an issuer says of itself.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` when it does not answer, or not with its discovery document.
    pub async fn discover(&self, config: &Config, issuer: &str, now: Timestamp) -> Result<Rc<Metadata>, Problem> {
        self.discover_at(config, &metadata::url(issuer), issuer, now).await
    }

    /// The same, where the document does not lie below the issuer: Microsoft's stands for the issuers of all directories.
    ///
    /// # Errors
    /// As [`discover`](Self::discover).
    pub async fn discover_at(&self, config: &Config, url: &str, issuer: &str, now: Timestamp) -> Result<Rc<Metadata>, Problem> {
        if let Some(metadata) = self.documents.borrow().get(url, now) {
            return Ok(metadata);
        }
        let metadata = Metadata::parse(&fetch(config, url).await?, issuer)?;
        Ok(self.documents.borrow_mut().put(url, metadata, now))
    }

    /// Verifies an ID token with the keys at `jwks_uri`; a key that is unknown has them fetched anew, but not more than
    /// every half minute.
    ///
    /// # Errors
    /// `TOKEN_INVALID` for a token that is not to be believed, `DEPENDENCY_UNAVAILABLE` when the keys cannot be had.
    pub async fn verify(&self, config: &Config, jwks_uri: &str, token: &str, expected: &Expected<'_>) -> Result<IdClaims, Problem> {
        let now = expected.now;
        let known = self.keys.borrow().get(jwks_uri, now);
        if let Some(keys) = known {
            let verified = id_token::verify(token, &keys, expected);
            if !matches!(verified, Err(Rejection::UnknownKey)) || !self.keys.borrow().may_ask_again(jwks_uri, now) {
                return Ok(verified?);
            }
        }
        let keys = KeySet::parse(&fetch(config, jwks_uri).await?)?;
        let keys = self.keys.borrow_mut().put(jwks_uri, keys, now);
        Ok(id_token::verify(token, &keys, expected)?)
    }
}

/// Redeems a code or a refresh token.
///
/// # Errors
/// `TOKEN_INVALID` where the provider does not take it, `DEPENDENCY_UNAVAILABLE` for everything else.
pub async fn redeem(config: &Config, token_endpoint: &str, request: &TokenRequest<'_>) -> Result<Tokens, Problem> {
    let mut call = Outbound::post(token_endpoint).form(request.form());
    if let Some(authorization) = request.authorization() {
        call = call.header("authorization", authorization);
    }
    let answer = call.send(config).await?;
    Tokens::parse(answer.status, &answer.body)
}

async fn fetch(config: &Config, url: &str) -> Result<Vec<u8>, Problem> {
    let answer = Outbound::get(url).send(config).await?;
    if answer.status == 200 { Ok(answer.body) } else { Err(Problem::unavailable(format!("a provider's document: status {}", answer.status))) }
}
