//! What all of these endpoints do with a provider: send the browser there, and learn who came back.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    id::{SessionId, UserId},
    identity::{
        oidc::{
            authorize::Authorization,
            callback::Callback,
            flow::{Begun, Flow, SameSite},
            id_token::Expected,
            metadata::Metadata,
            token::{ClientAuth, Grant, TokenRequest, Tokens},
        },
        social::{self, Client, Endpoints, Kind, Person, Provider},
    },
    text::Locale,
};
use zygo_runtime::{oidc, outbound::Outbound};

use crate::{ctx::Ctx, flows};

/// The kind of these flows.
pub const FLOW: &str = "social";

/// What a flow is for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Then {
    /// At which provider.
    #[serde(rename = "p")]
    pub provider: Provider,
    /// What comes of it.
    #[serde(rename = "a")]
    pub act: Act,
    /// Where the browser is sent in the end; `None` for a client that wants to be answered.
    #[serde(rename = "r")]
    pub redirect_to: Option<String>,
}

/// What comes of a flow.
#[derive(Clone, Serialize, Deserialize)]
pub enum Act {
    /// A session.
    #[serde(rename = "s")]
    SignIn {
        /// Whether the refresh token goes into a cookie.
        #[serde(rename = "c")]
        cookie: bool,
        /// Language of a new account.
        #[serde(rename = "l")]
        locale: Option<Locale>,
    },
    /// A connected account.
    #[serde(rename = "l")]
    Link {
        /// Whose.
        #[serde(rename = "u")]
        user_id: UserId,
        /// The session that asked for it.
        #[serde(rename = "s")]
        session_id: SessionId,
    },
}

/// A provider at which we have a client.
pub struct Relying {
    /// Which.
    pub provider: Provider,
    client: &'static Client,
    endpoints: Endpoints,
    redirect_uri: String,
}

impl Relying {
    /// The provider of the path.
    ///
    /// # Errors
    /// `NOT_FOUND` for one that does not exist, or at which we have no client.
    pub fn of_path(ctx: &Ctx) -> Result<Self, Problem> {
        ctx.param("provider").and_then(Provider::parse).ok_or(Problem::new(Code::NotFound)).and_then(|provider| Self::at(ctx, provider))
    }

    /// A provider.
    ///
    /// # Errors
    /// `NOT_FOUND` if we have no client there.
    pub fn at(ctx: &Ctx, provider: Provider) -> Result<Self, Problem> {
        let config = &ctx.app.config;
        let key = provider.key();
        Ok(Self {
            provider,
            client: config.oauth_clients.get(key).ok_or(Problem::new(Code::NotFound))?,
            endpoints: provider.endpoints(config.oauth_endpoint(key)),
            redirect_uri: format!("{}{}", config.issuer, path(provider)),
        })
    }

    /// Begins a flow at the host that was asked: the URL to send the browser to, and the cookie that it must keep.
    ///
    /// # Errors
    /// `DEPENDENCY_UNAVAILABLE` when the provider does not say where that is.
    pub async fn begin(&self, ctx: &Ctx, act: Act, redirect_to: Option<String>) -> Result<(String, String), Problem> {
        let then = Then { provider: self.provider, act, redirect_to };
        let begun = Flow::begin(&ctx.app.config.seal_keys, FLOW, flows::host(ctx), &flows::entropy(), ctx.now, then)?;
        let url = match &self.endpoints.kind {
            Kind::OpenId { .. } => {
                let metadata = self.metadata(ctx).await?;
                self.authorization(&metadata.authorization_endpoint, &begun, Some(&begun.flow.nonce))?
            }
            Kind::Github { authorize, .. } => self.authorization(authorize, &begun, None)?,
        };
        // A form that the provider's page posts is a request of another site's.
        let same_site = if self.provider.posts_back() { SameSite::None } else { SameSite::Lax };
        Ok((url, begun.cookie.set(same_site)))
    }

    fn authorization(&self, endpoint: &str, begun: &Begun<Then>, nonce: Option<&str>) -> Result<String, Problem> {
        let authorization = Authorization {
            endpoint,
            client_id: &self.client.id,
            redirect_uri: &self.redirect_uri,
            scope: self.endpoints.scope,
            state: &begun.state,
            nonce,
            challenge: &begun.flow.challenge(),
            more: self.endpoints.more,
        };
        authorization.url()
    }

    /// Who came back.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` if the provider did not sign them in, `TOKEN_INVALID` for a code or a token that is not to be
    /// believed, `DEPENDENCY_UNAVAILABLE` when the provider is away or answers garbage.
    pub async fn person(&self, ctx: &Ctx, callback: &Callback, flow: &Flow<Then>) -> Result<Person, Problem> {
        match &self.endpoints.kind {
            Kind::OpenId { issuer, .. } => self.by_id_token(ctx, issuer, callback, flow).await,
            Kind::Github { token, api, authorize } => {
                let issuer = authorize.strip_suffix("/authorize").unwrap_or(authorize);
                let tokens = self.redeem(ctx, token, issuer, callback.code(issuer, false)?, flow).await?;
                github(ctx, api, &tokens.access_token).await
            }
        }
    }

    async fn by_id_token(&self, ctx: &Ctx, issuer: &str, callback: &Callback, flow: &Flow<Then>) -> Result<Person, Problem> {
        let metadata = self.metadata(ctx).await?;
        let code = callback.code(issuer, metadata.authorization_response_iss_parameter_supported)?;
        let tokens = self.redeem(ctx, &metadata.token_endpoint, issuer, code, flow).await?;
        let token = tokens.id_token.as_deref().ok_or_else(|| Problem::unavailable("token endpoint: no ID token"))?;
        let expected = Expected { issuer, client_id: &self.client.id, nonce: &flow.nonce, now: ctx.now };
        let claims = ctx.app.providers.verify(&ctx.app.config, &metadata.jwks_uri, token, &expected).await?;
        let mut person = Person::of(self.provider, &claims);
        if let (Provider::Apple, Some(user)) = (self.provider, &callback.user) {
            (person.given_name, person.family_name) = social::apple_names(user);
        }
        Ok(person)
    }

    async fn redeem(&self, ctx: &Ctx, endpoint: &str, audience: &str, code: &str, flow: &Flow<Then>) -> Result<Tokens, Problem> {
        let secret = self.client.secret(audience, ctx.now)?;
        let grant = Grant::Code { code, redirect_uri: &self.redirect_uri, verifier: &flow.verifier };
        // All four take the secret in the form, and two of them nowhere else.
        let request = TokenRequest { client_id: &self.client.id, auth: ClientAuth::Form(&secret), grant };
        oidc::redeem(&ctx.app.config, endpoint, &request).await
    }

    async fn metadata(&self, ctx: &Ctx) -> Result<Rc<Metadata>, Problem> {
        let Kind::OpenId { discovery, issuer } = &self.endpoints.kind else {
            return Err(Problem::internal("a provider without a discovery document"));
        };
        ctx.app.providers.discover_at(&ctx.app.config, discovery, issuer, ctx.now).await
    }
}

/// The path that a provider sends browsers back to, at whichever host of ours.
#[must_use]
pub fn path(provider: Provider) -> String {
    format!("/auth/oauth/{}/callback", provider.key())
}

async fn github(ctx: &Ctx, api: &str, token: &str) -> Result<Person, Problem> {
    let fetch = async |path: &str| {
        let url = format!("{api}{path}");
        let answer = Outbound::get(&url).bearer(token).header("accept", "application/vnd.github+json").send(&ctx.app.config).await?;
        if answer.status == 200 { Ok(answer.body) } else { Err(Problem::unavailable(format!("github: {path} answered {}", answer.status))) }
    };
    let (user, emails) = futures::future::try_join(fetch("/user"), fetch("/user/emails")).await?;
    social::github_person(&user, &emails)
}
