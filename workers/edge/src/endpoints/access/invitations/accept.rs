//! `POST /invitations/{token}/accept`

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use zygo_core::{
    error::Problem,
    identity::{email::Email, one_time::OneTimeToken, password::Password},
    limits::policy::{AddressKey, Guarded},
    text::{Locale, Name},
};
use zygo_runtime::random;
use zygo_store::access::{self, Acceptance, Joined, Newcomer};

use super::{good, preview, token_of_path};
use crate::{
    ctx::Ctx,
    endpoints::identity::{
        sign_in,
        views::{MembershipView, UserView},
    },
    passwords::{Turn, judge},
    pipeline::admission,
    reply::Reply,
    route::{self, JsonInput},
};

/// Nothing from somebody who is signed in; a password from somebody without an account.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Password: 12 to 128 characters, hard to guess.
    #[serde(default)]
    pub password: Option<Password>,
    /// Given name.
    #[serde(default)]
    pub first_name: Option<Name>,
    /// Family name.
    #[serde(default)]
    pub last_name: Option<Name>,
    /// Language, BCP 47.
    #[serde(default)]
    pub locale: Option<Locale>,
}

impl JsonInput for Input {}

impl route::Input for Input {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<Self>())
    }

    fn decode(body: &[u8]) -> Result<Self, Problem> {
        if body.is_empty() { Ok(Self::default()) } else { route::decode_json(body) }
    }
}

/// Who joined what.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The person.
    user: UserView,
    /// The organisation, and the role in it.
    membership: MembershipView,
}

impl From<&Joined> for Output {
    fn from(joined: &Joined) -> Self {
        Self { user: (&joined.user).into(), membership: (&joined.membership).into() }
    }
}

/// Accepts the invitation; once.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_CONSUMED`, `TOKEN_EXPIRED`; `PERMISSION_DENIED` for somebody else's; `CONFLICT` for a member;
/// `PLAN_LIMIT`; `VALIDATION_FAILED` without session and password; `EMAIL_TAKEN` where there is an account to sign in to;
/// `PASSWORD_TOO_WEAK`, `PASSWORD_BREACHED`, `RATE_LIMITED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    let token = token_of_path(&ctx)?;
    let joined = if ctx.caller().is_ok() { as_caller(&ctx, &token).await? } else { as_newcomer(&ctx, &token, input).await? };
    Ok(Reply::ok(Output::from(&joined)))
}

/// Accepts for whoever is signed in.
///
/// # Errors
/// As [`handle`].
pub async fn as_caller(ctx: &Ctx, token: &OneTimeToken) -> Result<Joined, Problem> {
    let (user, membership_id) = (ctx.caller()?.user_id, random::id(ctx.now));
    let db = ctx.db().await?;
    good(ctx.store(access::accept_invitation(&db, &ctx.lookup(), user, &token.hash(), membership_id, ctx.now)).await?)
}

/// Makes an account and accepts with it.
///
/// # Errors
/// As [`handle`].
pub async fn as_newcomer(ctx: &Ctx, token: &OneTimeToken, input: Input) -> Result<Joined, Problem> {
    let Input { password, first_name, last_name, locale } = input;
    let Some(password) = password else {
        // What is wrong with the token is the better answer.
        preview::look(ctx, token).await?;
        return Err(Problem::field("password", "required", "is required from whoever is not signed in"));
    };
    let address = AddressKey::parse(ctx.head.client_address());
    admission::guarded_by(ctx, &Guarded::SignUp { address: &address }).await?;
    let invitation = preview::look(ctx, token).await?;
    let person = Person { email: Email::parse(&invitation.email).ok(), password, first_name, last_name, locale };
    let newcomer = newcomer(ctx, person, invitation.password_min_length).await?;
    sign_up(ctx, token, &Newcomer { email: None, ..newcomer }).await.and_then(good)
}

/// Somebody who makes an account.
pub struct Person {
    /// Mail address.
    pub email: Option<Email>,
    /// Password.
    pub password: Password,
    /// Given name.
    pub first_name: Option<Name>,
    /// Family name.
    pub last_name: Option<Name>,
    /// Language.
    pub locale: Option<Locale>,
}

/// Judges the password, of which the organisation asks `least` characters, and hashes it.
///
/// # Errors
/// `PASSWORD_TOO_WEAK`, `PASSWORD_BREACHED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn newcomer(ctx: &Ctx, person: Person, least: i32) -> Result<Newcomer, Problem> {
    let Person { email, password, first_name, last_name, locale } = person;
    let names: Vec<&str> = [&first_name, &last_name].into_iter().flatten().map(Name::as_str).collect();
    judge(ctx, "password", &password, least, email.as_ref(), &names).await?;
    let password_hash = Turn::take(ctx.app).await?.hash(password.reveal())?;
    Ok(Newcomer {
        user_id: random::id(ctx.now),
        email: email.map(|email| email.as_str().to_owned()),
        password_hash,
        first_name: first_name.map(Name::into_string),
        last_name: last_name.map(Name::into_string),
        locale: locale.map_or_else(|| "en".into(), Locale::into_string),
        membership_id: random::id(ctx.now),
        told: None,
        arrival: sign_in::arrival(ctx, None),
        now: ctx.now,
    })
}

/// Signs up by an invitation.
///
/// # Errors
/// `PLAN_LIMIT`, `DEPENDENCY_UNAVAILABLE`.
pub async fn sign_up(ctx: &Ctx, token: &OneTimeToken, newcomer: &Newcomer) -> Result<Acceptance<Joined>, Problem> {
    let db = ctx.db().await?;
    ctx.store(access::sign_up_by_invitation(&db, &ctx.lookup(), &token.hash(), newcomer)).await
}
