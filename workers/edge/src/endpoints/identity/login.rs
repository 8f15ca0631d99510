//! `POST /auth/login`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::Problem,
    id::TenantId,
    identity::{
        email::Email,
        password::{self, Password},
    },
    text::Name,
};
use zygo_store::identity::{self, Rehash};

use super::{
    proof,
    session::{self, Client},
    sign_in::{self, Proof, SignedIn},
};
use crate::{ctx::Ctx, json_input, passwords::Turn, reply::Reply};

/// Address and password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Mail address.
    email: Email,
    /// Password.
    password: Password,
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

json_input!(Input, account = email);

/// Signs in to the host's tenant, or to the platform; somebody with a second factor gets a challenge for it.
///
/// # Errors
/// `IP_NOT_ALLOWED` at the host of an organisation whose people come from elsewhere, whoever asks, before anything is looked at;
/// `INVALID_CREDENTIALS` alike for a wrong password, an unknown address, a locked account and a
/// person who is not a member here; `EMAIL_NOT_VERIFIED`, `USER_SUSPENDED` and `MFA_REQUIRED` only with the right password.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<SignedIn>, Problem> {
    session::admit_at_host(&ctx)?;
    let turn = Turn::take(ctx.app).await?;
    let db = ctx.db().await?;
    let home = ctx.home();
    let arrival = sign_in::arrival(&ctx, input.device_token.as_deref());
    let found = ctx.store(identity::find_credentials(&db, &ctx.lookup(), input.email.as_str(), &arrival)).await?;
    let hash = found.as_ref().and_then(|found| found.password_hash.as_deref());
    let matches = turn.verify(input.password.reveal(), hash);
    let locked = found.as_ref().and_then(|found| found.locked_until).is_some_and(|until| until > ctx.now);
    let Some(found) = found.as_ref().filter(|_| matches && !locked) else {
        return Err(proof::failed(&ctx, &db, found.as_ref().map(|found| found.user.id), input.email.as_str()).await?);
    };
    let membership = found.membership.as_ref();
    // The host's copy of the networks may be a moment old: until it is not, somebody from elsewhere is told nothing.
    if home != TenantId::PLATFORM && membership.is_none_or(|membership| !session::is_inside(&ctx, membership)) {
        return Err(proof::failed(&ctx, &db, None, input.email.as_str()).await?);
    }
    let rehash = match hash.filter(|hash| password::needs_rehash(hash)) {
        Some(old) => Some(Rehash { old: old.to_owned(), new: turn.hash(input.password.reveal())? }),
        None => None,
    };
    let proof = Proof {
        user: &found.user,
        user_suspended: found.user_suspended,
        membership,
        standing: &found.standing,
        amr: vec!["pwd".into()],
        mfa_at: None,
        rehash,
        passkey: None,
        history: &found.history,
        enough: false,
    };
    sign_in::complete(&ctx, &db, proof, Client { device_name: input.device_name.map(Name::into_string), cookie: input.cookie }).await
}
