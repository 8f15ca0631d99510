//! `GET` and `POST /auth/oauth/{provider}/callback`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::{Code, Problem},
    id::{SessionId, TenantId, UserId},
    identity::{
        oidc::{
            callback::Callback,
            flow::{self, Flow, FlowCookie},
        },
        social::{Person, Provider},
    },
    text::{Locale, Name},
};
use zygo_objects::OnceHandle;
use zygo_runtime::random;
use zygo_store::identity::{self, Identity, IdentitySignIn, Lead, Linked};

use super::relying::{self, Act, FLOW, Relying, Then};
use crate::{
    ctx::Ctx,
    endpoints::identity::{
        session::Client,
        sign_in::{self, Challenge, Proof, SignedIn},
    },
    flows, outbox,
    pages::federated,
    reply::{Answer, Reply},
};

/// What a provider adds to the address (RFC 6749, 4.1.2; RFC 9207).
#[derive(Deserialize, JsonSchema)]
pub struct Query {
    /// The state that the browser was sent with.
    pub state: String,
    /// The code.
    pub code: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// The account that is connected now.
#[derive(Serialize, JsonSchema)]
pub struct Connected {
    /// At which provider.
    pub provider: Provider,
}

/// Takes the browser back: signs in, or connects an account.
///
/// # Errors
/// `TOKEN_INVALID` for a state that is missing, forged or of another browser, and for a token that is not to be believed;
/// `TOKEN_EXPIRED`, `TOKEN_CONSUMED` for one that is late or comes again; `INVALID_CREDENTIALS`, `EMAIL_NOT_VERIFIED`, `CONFLICT`,
/// `USER_SUSPENDED`, `SESSION_REVOKED`, `DEPENDENCY_UNAVAILABLE`. Once the browser is known to have begun it, errors too go to the
/// destination that it named, as the parameter `error`; a challenge for a second factor goes there in the fragment.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    let relying = Relying::of_path(&ctx)?;
    ctx.admit(None).await?;
    let callback = flows::answered(&ctx)?;
    let keys = &ctx.app.config.seal_keys;
    let state = callback.state.as_deref().unwrap_or_default();
    let host = flow::host_of(keys, FLOW, callback.state.as_deref())?;
    if flows::host(&ctx) != host {
        return Ok(flows::hand_on(&ctx, &host, &relying::path(relying.provider), &callback));
    }
    let flow: Flow<Then> = Flow::resume(keys, FLOW, state, ctx.head.cookie(&FlowCookie::name(state)), ctx.now)?;
    if flow.then.provider != relying.provider {
        return Err(Problem::new(Code::TokenInvalid).cause("flow of another provider"));
    }
    if !OnceHandle::open(&ctx.env, FLOW, state)?.take(flow.expires_at()).await? {
        return Err(Problem::new(Code::TokenConsumed).detail("this sign-in was finished before"));
    }
    let mut answer = match (finish(&ctx, &relying, &callback, &flow).await, &flow.then.redirect_to) {
        (Ok(answer), _) => answer,
        (Err(problem), Some(destination)) => flows::told(problem, destination),
        (Err(problem), None) => return Err(problem),
    };
    answer.headers.push(("set-cookie", FlowCookie::clear(state)));
    Ok(answer)
}

async fn finish(ctx: &Ctx, relying: &Relying, callback: &Callback, flow: &Flow<Then>) -> Result<Answer, Problem> {
    let person = relying.person(ctx, callback, flow).await?;
    match &flow.then.act {
        Act::SignIn { cookie, locale } => {
            let cookie = *cookie || flow.then.redirect_to.is_some();
            let signed_in = sign_in(ctx, relying.provider, person, locale.as_ref(), cookie).await?;
            match (&flow.then.redirect_to, signed_in.body()) {
                (Some(destination), Some(SignedIn::Challenge(challenge))) => {
                    Ok(federated::challenged(ctx, challenge, destination).unwrap_or_else(|| challenged(challenge, destination)))
                }
                (Some(destination), _) => Ok(arrived(signed_in.render()?, destination)),
                (None, _) => signed_in.render(),
            }
        }
        Act::Link { user_id, session_id } => {
            let linked = link(ctx, relying.provider, &person, *user_id, *session_id).await?;
            Ok(flow.then.redirect_to.as_deref().map_or(linked, Answer::see_other))
        }
    }
}

async fn sign_in(ctx: &Ctx, provider: Provider, person: Person, locale: Option<&Locale>, cookie: bool) -> Result<Reply<SignedIn>, Problem> {
    let db = ctx.db().await?;
    let home = ctx.home();
    let attempt = IdentitySignIn {
        identity: identity_of(ctx, provider, &person),
        email_verified: person.email_verified,
        arrival: sign_in::arrival(ctx, None),
        user_id: random::id(ctx.now),
        first_name: person.given_name.map(Name::into_string),
        last_name: person.family_name.map(Name::into_string),
        locale: locale.map_or_else(|| "en".to_owned(), |locale| locale.as_str().to_owned()),
    };
    let found = match ctx.store(identity::sign_in_by_identity(&db, &ctx.lookup(), &attempt)).await? {
        Lead::To(found) => found,
        Lead::Unverified => return Err(unverified()),
        Lead::Occupied => return Err(occupied()),
        Lead::Stranger => return Err(Problem::new(Code::InvalidCredentials)),
    };
    outbox::enqueue(ctx, found.notice.clone());
    let membership = found.membership.as_ref();
    if home != TenantId::PLATFORM && membership.is_none() {
        return Err(Problem::new(Code::InvalidCredentials));
    }
    let proof = Proof {
        user: &found.user,
        user_suspended: found.user_suspended,
        membership,
        standing: &found.standing,
        amr: vec!["fed".into()],
        mfa_at: None,
        history: &found.history,
        enough: false,
        rehash: None,
        passkey: None,
    };
    sign_in::complete(ctx, &db, proof, Client { device_name: None, cookie }).await
}

async fn link(ctx: &Ctx, provider: Provider, person: &Person, user_id: UserId, session_id: SessionId) -> Result<Answer, Problem> {
    let db = ctx.db().await?;
    let identity = identity_of(ctx, provider, person);
    match ctx.store(identity::link_identity(&db, &ctx.lookup(), user_id, session_id, &identity)).await? {
        Linked::New(notice) => outbox::enqueue(ctx, Some(notice)),
        Linked::Known => {}
        Linked::Occupied => return Err(occupied()),
        Linked::Ended => return Err(Problem::new(Code::SessionRevoked)),
    }
    Reply::ok(Connected { provider }).render()
}

fn identity_of(ctx: &Ctx, provider: Provider, person: &Person) -> Identity {
    Identity {
        provider: provider.key(),
        subject: person.subject.clone(),
        email: person.email.as_ref().map(|email| email.as_str().to_owned()),
        id: random::id(ctx.now),
        notice_id: random::id(ctx.now),
        now: ctx.now,
    }
}

fn unverified() -> Problem {
    Problem::new(Code::EmailNotVerified)
        .detail("the address must be verified both at the provider and here")
        .hint("sign in another way, verify the address, then connect the provider in your account")
}

fn occupied() -> Problem {
    Problem::new(Code::Conflict).detail("another account of this provider, or another person, is connected already")
}

/// The destination asks for the second factor: it finds the challenge in its fragment, which no server sees.
fn challenged(challenge: &Challenge, destination: &str) -> Answer {
    let page = destination.split('#').next().unwrap_or_default();
    let factors: Vec<&str> = challenge.factors().iter().map(|factor| factor.key()).collect();
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    fragment.append_pair("challenge_token", challenge.token()).append_pair("factors", &factors.join(" "));
    fragment.append_pair("expires_in", &challenge.expires_in().to_string());
    Answer::see_other(format!("{page}#{}", fragment.finish()))
}

/// To the destination, with the cookies that the answer sets.
fn arrived(answer: Answer, destination: &str) -> Answer {
    let mut there = Answer::see_other(destination);
    there.headers.extend(answer.headers.into_iter().filter(|(name, _)| *name == "set-cookie"));
    there
}
