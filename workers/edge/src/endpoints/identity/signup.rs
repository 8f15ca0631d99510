//! `POST /auth/signup`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        email::Email,
        notice::Reason,
        password::Password,
        risk::{Assessment, disposable::is_disposable},
    },
    text::{Locale, Name},
};
use zygo_runtime::random;
use zygo_store::identity::{self, NewUser, SignUp, UserRow};

use super::{sign_in, views::UserView};
use crate::{
    ctx::Ctx,
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
    /// Always true: the address must be verified before the first sign-in.
    verification_required: bool,
}

/// Creates the account; a taken address answers the same, and its owner gets a mail.
///
/// # Errors
/// `PASSWORD_TOO_WEAK`, `PASSWORD_BREACHED`, `VALIDATION_FAILED`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`; `IP_NOT_ALLOWED` from a network
/// address on the platform's or the host's block list.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Output>, Problem> {
    if input.invitation_token.is_some() {
        // Organisations send no invitations yet, so no token can be one of theirs.
        return Err(Problem::new(Code::TokenInvalid).detail("the invitation token is not valid"));
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
