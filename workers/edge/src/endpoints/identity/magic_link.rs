//! `POST /auth/magic-link` and `/auth/magic-link/redeem`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{email::Email, one_time::Purpose},
    text::Name,
};
use zygo_runtime::random;
use zygo_store::identity::{self, AccountMail, MagicLink};

use super::{
    forgot_password, one_time,
    session::Client,
    sign_in::{self, Proof, SignedIn},
    views::Accepted,
};
use crate::{ctx::Ctx, json_input, reply::Reply};

/// An address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Mail address.
    email: Email,
}

json_input!(Input, account = email);

/// The token of a mail, and what a sign-in may say about its device.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    /// The token.
    token: String,
    /// What the person calls this device.
    #[serde(default)]
    device_name: Option<Name>,
    /// Whether the refresh token goes into a cookie.
    #[serde(default)]
    cookie: bool,
    /// Token of a trusted device that keeps no cookies.
    #[serde(default)]
    device_token: Option<String>,
}

json_input!(Redemption);

/// Mails a link to sign in with where an account has the address; says nothing of it.
///
/// # Errors
/// `VALIDATION_FAILED`, `RATE_LIMITED`, `DEPENDENCY_UNAVAILABLE`.
pub async fn request(ctx: Ctx, input: Input) -> Result<Reply<Accepted>, Problem> {
    forgot_password::request(&ctx, AccountMail::MagicLink, &input.email).await?;
    Ok(Accepted::reply())
}

/// Signs in to the host's tenant, or to the platform; the address is verified by it. Somebody with a second factor gets a
/// challenge for it.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED`; `INVALID_CREDENTIALS` for somebody who is not a member here, which
/// leaves the token good; `USER_SUSPENDED`, `MFA_REQUIRED`.
pub async fn redeem(ctx: Ctx, input: Redemption) -> Result<Reply<SignedIn>, Problem> {
    let client = Client { device_name: input.device_name.map(Name::into_string), cookie: input.cookie };
    sign_in(&ctx, &input.token, input.device_token.as_deref(), client).await
}

/// Redeems the token, once.
///
/// # Errors
/// As [`redeem`].
pub async fn sign_in(ctx: &Ctx, token: &str, device_token: Option<&str>, client: Client) -> Result<Reply<SignedIn>, Problem> {
    let token = one_time::parse(token, Purpose::MagicLink)?;
    let db = ctx.db().await?;
    let scope = ctx.lookup();
    let arrival = sign_in::arrival(ctx, device_token);
    let redeemed = identity::redeem_magic_link(&db, &scope, &token, &arrival, random::id(ctx.now));
    match one_time::good(ctx.store(redeemed).await?)? {
        MagicLink::Person { user, user_suspended, membership, standing, history } => {
            // RFC 8176 has no name for a mailed link; a one-time password comes nearest.
            let amr = vec!["otp".into()];
            let proof = Proof {
                user: &user,
                user_suspended,
                membership: membership.as_ref(),
                standing: &standing,
                amr,
                mfa_at: None,
                rehash: None,
                passkey: None,
                history: &history,
                enough: true,
            };
            sign_in::complete(ctx, &db, proof, client).await
        }
        MagicLink::Stranger => Err(Problem::new(Code::InvalidCredentials)),
    }
}
