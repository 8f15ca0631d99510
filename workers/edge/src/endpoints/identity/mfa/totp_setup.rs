//! `POST /auth/mfa/totp/setup`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::{
    error::{Code, Problem},
    identity::mfa::{
        Factor, qr,
        totp::{SECRET_LENGTH, TotpSecret},
    },
};
use zygo_runtime::random;
use zygo_store::identity::mfa::{self, NewFactor, Started};

use super::{answer, enrol};
use crate::{ctx::Ctx, pipeline::authenticate, reply::Reply, route::NoBody};

/// What apps show beside the codes.
const ISSUER: &str = "Zygo";

/// What an authenticator app needs.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// The secret, base32, for typing it in.
    secret: String,
    /// The same as a URL that apps open.
    otpauth_url: String,
    /// The URL as a QR code, an SVG image.
    qr_svg: String,
}

impl Output {
    /// The secret as a URL that apps open.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.otpauth_url
    }
}

/// Keeps a new secret, which counts once it is confirmed; one that waits is replaced.
///
/// # Errors
/// `CONFLICT` if an app is set up already, `MFA_STEP_UP_REQUIRED` for somebody with another factor that was not given just now.
pub async fn handle(ctx: Ctx, _: NoBody) -> Result<Reply<Output>, Problem> {
    let caller = ctx.caller()?;
    let fresh = enrol::is_fresh(&ctx, caller).await?;
    let secret = TotpSecret::new(&random::bytes::<SECRET_LENGTH>());
    let sealed = ctx.app.config.seal_keys.seal(secret.bytes(), &answer::totp_context(caller.user_id), random::bytes())?;
    let new = NewFactor { id: random::id(ctx.now), user_id: caller.user_id, factor: Factor::Totp, sealed: &sealed, fresh, now: ctx.now };
    let db = ctx.db().await?;
    match ctx.store(mfa::start_factor(&db, &ctx.lookup(), &new)).await? {
        Started::Kept { email } => {
            let url = secret.url(ISSUER, &email);
            Ok(Reply::ok(Output { secret: secret.encode().to_string(), qr_svg: qr::svg(&url)?, otpauth_url: url.to_string() }))
        }
        Started::Taken => Err(Problem::new(Code::Conflict).detail("an authenticator app is set up already")),
        Started::NotFresh => Err(authenticate::step_up_required()),
        Started::Missing => Err(Problem::new(Code::Unauthenticated)),
    }
}
