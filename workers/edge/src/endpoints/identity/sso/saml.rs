//! `GET /auth/sso/saml/{connection}`, `POST …/acs`, `GET …/metadata`

use askama::Template;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zygo_core::{
    error::{Code, Problem},
    id::ConnectionId,
    identity::{
        oidc::flow::{Flow, SameSite},
        saml::{Description, Operation, Refusal, ServiceProvider, SignedOn, Started},
        sign_on::Subject,
    },
};
use zygo_objects::OnceHandle;
use zygo_runtime::saml;

use super::{
    arrive::{self, Back, Then},
    connection::Connection,
};
use crate::{
    ctx::Ctx,
    pages::frame::{self, Frame},
    reply::{Answer, AnswerBody},
};

/// Media type of metadata (SAML metadata, appendix A).
pub const METADATA: &str = "application/samlmetadata+xml";

/// The kind of these flows.
const FLOW: &str = "saml";
/// Names of an assertion's objects.
const ASSERTION: &str = "saml assertion";
/// How long an assertion is remembered at most, in seconds; the request that it answers dies long before.
const REMEMBERED: i64 = 24 * 3600;
/// Names that change with each sign-on (SAML core, 8.3.8).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

#[derive(Template)]
#[template(path = "endpoints/identity/sso/post.html")]
struct Page<'a> {
    frame: Frame,
    url: &'a str,
    request: &'a str,
    state: &'a str,
}

/// Sends the browser to the identity provider, with a signed request.
///
/// # Errors
/// `NOT_FOUND`, `PLAN_LIMIT`, `VALIDATION_FAILED`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn start(ctx: Ctx) -> Result<Answer, Problem> {
    ctx.admit(None).await?;
    let connection: Connection<Description> = Connection::of_path(&ctx, "saml").await?;
    if let Some(answer) = connection.elsewhere(&ctx) {
        return Ok(answer);
    }
    let begun = arrive::begin(&ctx, FLOW, connection.id)?;
    let operation = Operation::Begin {
        provider: connection.provider.provider(),
        service: service(&ctx, connection.id),
        request_id: request_id(&begun.state),
        relay_state: begun.state.clone(),
        now: ctx.now,
    };
    let started = saml::perform(&ctx.env, &operation).await?.map_err(|refusal| Problem::internal(refusal.key()))?;
    let mut answer = match started {
        Started::Redirect { url } => Answer::see_other(url),
        Started::Post { url, request } => form(&ctx, &url, &request, &begun.state)?,
    };
    // The answer is a form that another site's page posts.
    answer.headers.push(("set-cookie", begun.cookie.set(SameSite::None)));
    Ok(answer)
}

/// A page whose one button posts the request.
fn form(ctx: &Ctx, url: &str, request: &str, state: &str) -> Result<Answer, Problem> {
    let mut answer = frame::show(&Page { frame: Frame::bare(ctx), url, request, state })?;
    // The form leads to the provider, and browsers hold whatever that redirects to against this list as well.
    answer.headers.retain(|(name, _)| *name != "content-security-policy");
    let plain = if ctx.app.config.is_development() { " http:" } else { "" };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' https:{plain}; base-uri 'none'; frame-ancestors 'none'"
    );
    answer.headers.push(("content-security-policy", policy));
    Ok(answer)
}

/// Takes the browser back with the identity provider's response, and signs in.
///
/// # Errors
/// `TOKEN_INVALID` for a response that is not to be believed, or that this browser did not ask for; `TOKEN_EXPIRED`,
/// `TOKEN_CONSUMED` for one that is late or comes again; `INVALID_CREDENTIALS` where the provider recognised nobody, or nobody who
/// has a place here; `PLAN_LIMIT`, `USER_SUSPENDED`, `DEPENDENCY_UNAVAILABLE`. Once the browser is known to have begun it, errors
/// too go to the destination that it named, as the parameter `error`.
pub async fn acs(ctx: Ctx) -> Result<Answer, Problem> {
    ctx.admit(None).await?;
    let (mut response, mut state) = (None, None);
    for (name, value) in form_urlencoded::parse(ctx.body()) {
        match name.as_ref() {
            "SAMLResponse" => response = Some(value.into_owned()),
            "RelayState" => state = Some(value.into_owned()),
            _ => {}
        }
    }
    let id: ConnectionId = ctx.id("connection")?;
    let flow = match arrive::resume(&ctx, FLOW, id, state.as_deref()).await? {
        Back::Here(flow) => flow,
        // The form travels again, to the host that has the cookie.
        Back::There(base) => return Ok(Answer { status: 307, ..Answer::see_other(format!("{base}{}", ctx.head.path)) }),
    };
    let state = state.unwrap_or_default();
    arrive::leave(finish(&ctx, &state, response, &flow).await, &flow, &state)
}

async fn finish(ctx: &Ctx, state: &str, response: Option<String>, flow: &Flow<Then>) -> Result<Answer, Problem> {
    let connection: Connection<Description> = Connection::of_path(ctx, "saml").await?;
    let operation = Operation::Finish {
        provider: connection.provider.provider(),
        service: service(ctx, connection.id),
        response: response.unwrap_or_default(),
        now: ctx.now,
    };
    let on: SignedOn = match saml::perform(&ctx.env, &operation).await? {
        Ok(on) => on,
        Err(refusal) => return Err(arrive::refused(ctx, connection.tenant_id, connection.id, refusal.key(), code(refusal))),
    };
    // The response answers the request of this very flow, and its assertion is accepted once.
    if !bool::from(on.in_response_to.as_bytes().ct_eq(request_id(state).as_bytes())) {
        return Err(arrive::refused(ctx, connection.tenant_id, connection.id, "another request", Code::TokenInvalid));
    }
    let name = format!("{} {}", connection.id, on.assertion_id);
    let until = on.valid_until.min(ctx.now.plus_seconds(REMEMBERED));
    if !OnceHandle::open(&ctx.env, ASSERTION, &name)?.take(until).await? {
        return Err(arrive::refused(ctx, connection.tenant_id, connection.id, "replayed", Code::TokenConsumed));
    }
    let subject = Subject { name: &on.name_id, stays: on.name_id_format.as_deref() != Some(TRANSIENT) };
    arrive::sign_in(ctx, &connection, subject, &on.attributes, &flow.then).await
}

/// What a client learns of a refusal.
const fn code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Status => Code::InvalidCredentials,
        Refusal::Expired => Code::TokenExpired,
        _ => Code::TokenInvalid,
    }
}

/// Answers what an identity provider must know of us.
///
/// # Errors
/// `NOT_FOUND`, `DEPENDENCY_UNAVAILABLE`.
pub async fn metadata(ctx: Ctx) -> Result<Answer, Problem> {
    // The same for every id: an identity provider is told of us before there is a connection that could be switched on.
    let operation = Operation::Metadata { service: service(&ctx, ctx.id("connection")?) };
    let xml: String = saml::perform(&ctx.env, &operation).await?.map_err(|refusal| Problem::internal(refusal.key()))?;
    Ok(Answer::text(200, METADATA, AnswerBody::Text(xml)))
}

/// We, to a connection's identity provider. By its id at the API's host, which stays whatever the organisation is called.
#[must_use]
pub fn service(ctx: &Ctx, connection: ConnectionId) -> ServiceProvider {
    let base = format!("{}/auth/sso/saml/{connection}", ctx.app.config.issuer);
    ServiceProvider { entity_id: format!("{base}/metadata"), acs_url: format!("{base}/acs") }
}

/// The identifier of a flow's request: an XML name that only whoever knows the state can tell.
fn request_id(state: &str) -> String {
    let hash = Sha256::digest(state);
    format!("_{}", hash.iter().take(20).map(|byte| format!("{byte:02x}")).collect::<String>())
}
