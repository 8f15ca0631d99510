//! `POST /auth/signup`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        email::Email,
        notice::Reason,
        one_time::OneTimeToken,
        password::Password,
        risk::{Assessment, disposable::is_disposable},
    },
    text::{Locale, Name},
};
use zygo_runtime::random;
use zygo_store::{
    access::{Acceptance, Newcomer},
    identity::{self, NewUser, SignUp, UserRow},
};

use super::{sign_in, views::UserView};
use crate::{
    ctx::Ctx,
    endpoints::access::invitations::{self, accept, preview},
    json_input, outbox,
    passwords::{Turn, judge},
    reply::Reply,
    security,
};

/// A new account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Mail address.
    email: Email,
    /// Password: 12 to 128 characters, hard to guess.
    password: Password,
    /// Given name.
    #[serde(default)]
    first_name: Option<Name>,
    /// Family name.
    #[serde(default)]
    last_name: Option<Name>,
    /// Language, BCP 47.
    #[serde(default)]
    locale: Option<Locale>,
    /// Token of an invitation that this account accepts.
    #[serde(default)]
    invitation_token: Option<String>,
}

json_input!(Input, account = email);

/// The account that was made.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The person.
    user: UserView,
    /// Whether the address must be verified before the first sign-in; not where an invitation has proved it.
    verification_required: bool,
}

/// Creates the account; a taken address answers the same, and its owner gets a mail.
///
/// # Errors
/// `PASSWORD_TOO_WEAK`, `PASSWORD_BREACHED`, `VALIDATION_FAILED`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`; `TOKEN_INVALID`,
/// `TOKEN_EXPIRED`, `TOKEN_CONSUMED`, `PLAN_LIMIT` by an invitation; `IP_NOT_ALLOWED` from a network
/// address on the platform's or the host's block list.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    if let Some(token) = &input.invitation_token {
        let token = invitations::token(token)?;
        return by_invitation(&ctx, input, &token).await;
    }
    let names: Vec<&str> = [&input.first_name, &input.last_name].into_iter().flatten().map(Name::as_str).collect();
    judge(&ctx, "password", &input.password, least(&ctx), Some(&input.email), &names).await?;
    let password_hash = Turn::take(ctx.app).await?.hash(input.password.reveal())?;
    let disposable = is_disposable(&input.email);
    let db = ctx.db().await?;
    let user = NewUser {
        user_id: random::id(ctx.now),
        email: input.email.as_str().to_owned(),
        password_hash,
        first_name: input.first_name.map(Name::into_string),
        last_name: input.last_name.map(Name::into_string),
        locale: input.locale.map_or_else(|| "en".into(), Locale::into_string),
        event_id: random::id(ctx.now),
        outbox_id: random::id(ctx.now),
        arrival: sign_in::arrival(&ctx, None),
        now: ctx.now,
    };
    let view = as_new(&user);
    let signed_up = ctx.store(identity::sign_up(&db, &ctx.lookup(), &user)).await?;
    let queued = match signed_up {
        SignUp::Created { queued, .. } | SignUp::Taken { queued } => queued,
        SignUp::Blocked => {
            note(&ctx, "sign_up.refused", Reason::BlockedAddress);
            return Err(Problem::new(Code::IpNotAllowed).detail("nobody signs up from this network address"));
        }
    };
    outbox::enqueue(&ctx, queued);
    if disposable {
        // The address is verified by mail in any case, and more is not asked of a sign-up that is so odd.
        note(&ctx, "sign_up.suspicious", Reason::DisposableMail);
    }
    // The same words whether the account is new or was there already.
    Ok(Reply::created(Output { user: view, verification_required: true }))
}

/// Fewest characters of a password that the host's organisation asks for, as the directory has it.
fn least(ctx: &Ctx) -> i32 {
    let kept = ctx.host_tenant().and_then(|tenant| tenant.settings.get("password_min_length")?.as_i64());
    kept.and_then(|length| i32::try_from(length).ok()).unwrap_or_default()
}

/// Creates an account that accepts an invitation, whose mail has proved the address. A taken address answers the same here too;
/// its owner is told, and accepts after signing in.
async fn by_invitation(ctx: &Ctx, input: Input, token: &OneTimeToken) -> Result<Reply<Output>, Problem> {
    let Input { email, password, first_name, last_name, locale, .. } = input;
    let least = preview::look(ctx, token).await?.password_min_length;
    let person = accept::Person { email: Some(email), password, first_name, last_name, locale };
    let newcomer = Newcomer { told: Some(random::id(ctx.now)), ..accept::newcomer(ctx, person, least).await? };
    let user = match accept::sign_up(ctx, token, &newcomer).await? {
        Acceptance::Foreign => return Err(Problem::field("email", "invitation", "the invitation was sent to another address")),
        Acceptance::Taken { queued } => {
            outbox::enqueue(ctx, queued);
            UserView { email_verified: true, ..as_new(&as_user(newcomer)) }
        }
        outcome => UserView::from(&invitations::good(outcome)?.user),
    };
    Ok(Reply::created(Output { user, verification_required: false }))
}

fn as_user(newcomer: Newcomer) -> NewUser {
    NewUser {
        user_id: newcomer.user_id,
        email: newcomer.email.unwrap_or_default(),
        password_hash: newcomer.password_hash,
        first_name: newcomer.first_name,
        last_name: newcomer.last_name,
        locale: newcomer.locale,
        event_id: random::id(newcomer.now),
        outbox_id: random::id(newcomer.now),
        arrival: newcomer.arrival,
        now: newcomer.now,
    }
}

/// Notes in the security trail what is odd about a sign-up.
fn note(ctx: &Ctx, kind: &'static str, reason: Reason) {
    let odd = Assessment::noted(&[reason]);
    security::record_about(&ctx.shared(), ctx.home(), None, kind, json!({ "score": odd.score, "reasons": odd.keys() }));
}

fn as_new(user: &NewUser) -> UserView {
    UserView::from(&UserRow {
        id: user.user_id,
        email: user.email.clone(),
        email_verified: false,
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        avatar_url: None,
        locale: user.locale.clone(),
        timezone: "UTC".into(),
        version: 1,
        created_at: user.now,
    })
}
