//! `GET /auth/sso/oidc/{connection}`, `GET …/callback`

use std::rc::Rc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use zygo_core::{
    error::{Code, Problem},
    id::ConnectionId,
    identity::{
        oidc::{
            authorize::Authorization,
            callback::Callback,
            flow::{Flow, SameSite},
            id_token::{Expected, IdClaims},
            metadata::Metadata,
            token::{ClientAuth, Grant, TokenRequest},
        },
        sign_on::{OpenId, Subject},
    },
};
use zygo_runtime::oidc;

use super::{
    arrive::{self, Back, Then},
    connection::Connection,
    input,
};
use crate::{ctx::Ctx, reply::Answer};

/// The kind of these flows.
const FLOW: &str = "enterprise oidc";

/// What a provider adds to the address (RFC 6749, 4.1.2; RFC 9207).
#[derive(Deserialize, JsonSchema)]
pub struct CallbackQuery {
    /// The state that the browser was sent with.
    pub state: String,
    /// The code.
    pub code: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// Sends the browser to the provider.
///
/// # Errors
/// `NOT_FOUND`, `PLAN_LIMIT`, `VALIDATION_FAILED`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn start(ctx: Ctx) -> Result<Answer, Problem> {
    ctx.admit(None).await?;
    let connection: Connection<OpenId> = Connection::of_path(&ctx, "oidc").await?;
    if let Some(answer) = connection.elsewhere(&ctx) {
        return Ok(answer);
    }
    let metadata = discover(&ctx, &connection).await?;
    let begun = arrive::begin(&ctx, FLOW, connection.id)?;
    let authorization = Authorization {
        endpoint: &metadata.authorization_endpoint,
        client_id: &connection.provider.client_id,
        redirect_uri: &redirect_uri(&ctx, connection.id),
        scope: &connection.provider.scope,
        state: &begun.state,
        nonce: Some(&begun.flow.nonce),
        challenge: &begun.flow.challenge(),
        more: &[],
    };
    let mut answer = Answer::see_other(authorization.url()?);
    answer.headers.push(("set-cookie", begun.cookie.set(SameSite::Lax)));
    Ok(answer)
}

/// Takes the browser back, and signs in.
///
/// # Errors
/// Those of the SAML way.
pub async fn callback(ctx: Ctx) -> Result<Answer, Problem> {
    ctx.admit(None).await?;
    let callback = Callback::parse(&ctx.head.query)?;
    let id: ConnectionId = ctx.id("connection")?;
    let flow = match arrive::resume(&ctx, FLOW, id, callback.state.as_deref()).await? {
        Back::Here(flow) => flow,
        Back::There(base) => return Ok(Answer::see_other(format!("{base}{}?{}", ctx.head.path, callback.query()))),
    };
    let state = callback.state.as_deref().unwrap_or_default();
    arrive::leave(finish(&ctx, &callback, &flow).await, &flow, state)
}

async fn finish(ctx: &Ctx, callback: &Callback, flow: &Flow<Then>) -> Result<Answer, Problem> {
    let connection: Connection<OpenId> = Connection::of_path(ctx, "oidc").await?;
    let provider = &connection.provider;
    let metadata = discover(ctx, &connection).await?;
    let code = callback.code(&provider.issuer, metadata.authorization_response_iss_parameter_supported)?;
    let config = &ctx.app.config;
    let secret = match &connection.secret_sealed {
        Some(sealed) => Some(config.seal_keys.open(&String::from_utf8_lossy(sealed), &input::secret_context(connection.tenant_id, connection.id))?),
        None => None,
    };
    let secret = secret.as_deref().map(|bytes| String::from_utf8_lossy(bytes));
    let auth = match secret.as_deref() {
        None => ClientAuth::None,
        Some(secret) if metadata.wants_secret_in_form() => ClientAuth::Form(secret),
        Some(secret) => ClientAuth::Basic(secret),
    };
    let redirect_uri = redirect_uri(ctx, connection.id);
    let grant = Grant::Code { code, redirect_uri: &redirect_uri, verifier: &flow.verifier };
    let request = TokenRequest { client_id: &provider.client_id, auth, grant };
    let tokens = oidc::redeem(config, &metadata.token_endpoint, &request).await?;
    let token = tokens.id_token.as_deref().ok_or_else(|| Problem::unavailable("token endpoint: no ID token"))?;
    let expected = Expected { issuer: &provider.issuer, client_id: &provider.client_id, nonce: &flow.nonce, now: ctx.now };
    let claims = ctx.app.providers.verify(config, &metadata.jwks_uri, token, &expected).await?;
    if provider.require_verified_email && !claims.email_verified {
        return Err(arrive::refused(ctx, connection.tenant_id, connection.id, "address not verified", Code::EmailNotVerified));
    }
    arrive::sign_in(ctx, &connection, Subject { name: &claims.sub, stays: true }, &flattened(&claims), &flow.then).await
}

async fn discover(ctx: &Ctx, connection: &Connection<OpenId>) -> Result<Rc<Metadata>, Problem> {
    ctx.app.providers.discover(&ctx.app.config, &connection.provider.issuer, ctx.now).await
}

/// Where a provider sends browsers back to. By the connection's id at the API's host, which stays.
#[must_use]
pub fn redirect_uri(ctx: &Ctx, connection: ConnectionId) -> String {
    format!("{}/auth/sso/oidc/{connection}/callback", ctx.app.config.issuer)
}

/// Claims as attributes with values: texts, and lists of texts.
fn flattened(claims: &IdClaims) -> Vec<(String, Vec<String>)> {
    let known = [("email", &claims.email), ("given_name", &claims.given_name), ("family_name", &claims.family_name), ("name", &claims.name)];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), vec![value.clone()?])));
    let more = claims.more.iter().filter_map(|(name, value)| {
        let values = match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => return None,
        };
        Some((name.clone(), values))
    });
    known.chain(more).collect()
}
