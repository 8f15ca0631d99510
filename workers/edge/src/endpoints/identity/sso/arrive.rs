//! How every sign-on begins and ends, whatever the protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zygo_core::{
    error::{Code, Problem},
    id::{ConnectionId, TenantId},
    identity::{
        mfa::Standing,
        oidc::flow::{self, Begun, Flow, FlowCookie},
        sign_on::{Claims, Missing, Person, Subject},
    },
    text::{Locale, Name},
};
use zygo_objects::OnceHandle;
use zygo_runtime::random;
use zygo_store::identity::{self, SignOn, SignedOn};

use super::connection::Connection;
use crate::{
    ctx::Ctx,
    endpoints::identity::{
        session::Client,
        sign_in::{self, Proof},
    },
    flows,
    reply::Answer,
    security,
};

/// What may be said of a sign-on.
#[derive(Deserialize, JsonSchema)]
pub struct StartQuery {
    /// Where the browser is sent with its session in cookies: a path, or a page at a known host. Without it the provider's
    /// answer is answered with the session itself.
    pub redirect_to: Option<String>,
    /// `true` puts the refresh token into a cookie also where the session is answered.
    pub cookie: Option<bool>,
    /// Language of the account, if one is made (BCP 47).
    pub locale: Option<String>,
}

/// What a flow is for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Then {
    #[serde(rename = "c")]
    connection: ConnectionId,
    #[serde(rename = "r")]
    redirect_to: Option<String>,
    #[serde(rename = "k")]
    cookie: bool,
    #[serde(rename = "l")]
    locale: Option<Locale>,
}

/// Begins a flow of a kind at this host.
///
/// # Errors
/// `VALIDATION_FAILED`.
pub fn begin(ctx: &Ctx, kind: &str, connection: ConnectionId) -> Result<Begun<Then>, Problem> {
    let redirect_to = ctx.query("redirect_to").map(|text| flows::read_destination(ctx, &text)).transpose()?;
    let cookie = match ctx.query("cookie").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::field("cookie", "boolean", "true or false")),
    };
    let locale = match ctx.query("locale") {
        Some(tag) => Some(Locale::parse(&tag).map_err(|invalid| Problem::field("locale", invalid.code, invalid.message))?),
        None => None,
    };
    let then = Then { connection, redirect_to, cookie, locale };
    Flow::begin(&ctx.app.config.seal_keys, kind, flows::host(ctx), &flows::entropy(), ctx.now, then)
}

/// The flow that a browser comes back from, used up; or the host of ours that it must come back to.
pub enum Back {
    /// It is this browser's.
    Here(Box<Flow<Then>>),
    /// Its cookie is at this base URL.
    There(String),
}

/// Finds the flow of a state, once.
///
/// # Errors
/// `TOKEN_INVALID` for a state that is missing, forged, of another browser or another connection; `TOKEN_EXPIRED`,
/// `TOKEN_CONSUMED`.
pub async fn resume(ctx: &Ctx, kind: &str, connection: ConnectionId, state: Option<&str>) -> Result<Back, Problem> {
    let keys = &ctx.app.config.seal_keys;
    let host = flow::host_of(keys, kind, state)?;
    if flows::host(ctx) != host {
        let scheme = ctx.app.config.issuer.split_once("://").map_or("https", |(scheme, _)| scheme);
        return Ok(Back::There(format!("{scheme}://{host}")));
    }
    let state = state.unwrap_or_default();
    let flow: Flow<Then> = Flow::resume(keys, kind, state, ctx.head.cookie(&FlowCookie::name(state)), ctx.now)?;
    if flow.then.connection != connection {
        return Err(Problem::new(Code::TokenInvalid).cause("flow of another connection"));
    }
    if !OnceHandle::open(&ctx.env, kind, state)?.take(flow.expires_at()).await? {
        return Err(Problem::new(Code::TokenConsumed).detail("this sign-on was finished before"));
    }
    Ok(Back::Here(Box::new(flow)))
}

/// Sends the browser on, or answers the client: with the session, or with what went wrong.
///
/// # Errors
/// The sign-on's, where no destination is to be told of it.
pub fn leave(outcome: Result<Answer, Problem>, flow: &Flow<Then>, state: &str) -> Result<Answer, Problem> {
    let mut answer = match (outcome, &flow.then.redirect_to) {
        (outcome, None) => outcome?,
        (Ok(done), Some(destination)) => {
            let mut there = Answer::see_other(destination);
            there.headers.extend(done.headers.into_iter().filter(|(name, _)| *name == "set-cookie"));
            there
        }
        (Err(problem), Some(destination)) => flows::told(problem, destination),
    };
    answer.headers.push(("set-cookie", FlowCookie::clear(state)));
    Ok(answer)
}

/// Signs in whom a provider has recognised.
///
/// # Errors
/// `INVALID_CREDENTIALS` for somebody without an address that the connection speaks for, or without a place here;
/// `PLAN_LIMIT`, `USER_SUSPENDED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn sign_in<T>(ctx: &Ctx, connection: &Connection<T>, subject: Subject<'_>, claims: &Claims, then: &Then) -> Result<Answer, Problem> {
    let refuse = |reason: &'static str| refused(ctx, connection.tenant_id, connection.id, reason, Code::InvalidCredentials);
    let person = match Person::read(subject, claims, &connection.attributes, &connection.mappings) {
        Ok(person) => person,
        Err(Missing::Email) => return Err(refuse("no mail address")),
        Err(Missing::Subject) => return Err(refuse("no subject")),
    };
    let on = SignOn {
        connection: connection.id,
        subject: person.subject,
        email: person.email.as_str().to_owned(),
        first_name: person.first_name.map(Name::into_string),
        last_name: person.last_name.map(Name::into_string),
        locale: then.locale.as_ref().map_or_else(|| "en".to_owned(), |locale| locale.as_str().to_owned()),
        roles: person.roles,
        room: connection.room,
        user_id: random::id(ctx.now),
        membership_id: random::id(ctx.now),
        identity_id: random::id(ctx.now),
        arrival: sign_in::arrival(ctx, None),
    };
    let db = ctx.db().await?;
    let (user, user_suspended, membership, history) = match ctx.store(identity::sign_on(&db, &ctx.lookup(), &on)).await? {
        SignedOn::Member { user, user_suspended, membership, history } => (user, user_suspended, membership, history),
        SignedOn::Foreign => return Err(refuse("an address of another domain")),
        SignedOn::Stranger => return Err(refuse("not a member")),
        SignedOn::Full => {
            return Err(Problem::new(Code::PlanLimit).details(json!({ "feature": "members" })));
        }
    };
    // The organisation's own provider decides how many factors it wants; what needs a fresh one here still asks for ours.
    let standing = Standing::default();
    let proof = Proof {
        user: &user,
        user_suspended,
        membership: Some(&membership),
        standing: &standing,
        amr: vec!["sso".into()],
        mfa_at: None,
        history: &history,
        enough: true,
        passkey: None,
        rehash: None,
    };
    let client = Client { device_name: None, cookie: then.cookie || then.redirect_to.is_some() };
    sign_in::complete(ctx, &db, proof, client).await?.render()
}

/// A refusal that the tenant's security trail keeps, with its reason; the client learns the code alone.
pub fn refused(ctx: &Ctx, tenant_id: TenantId, connection: ConnectionId, reason: &'static str, code: Code) -> Problem {
    security::record(&ctx.shared(), tenant_id, None, "sso.refused", json!({ "connection_id": connection, "reason": reason }));
    Problem::new(code).detail("the identity provider's answer was not accepted").cause(reason)
}
