//! Passkeys (WebAuthn): adding them, signing in with them, removing them.
//!
//! A ceremony begins with `…/start`, which stores nothing: what is to be remembered goes to the client sealed, as `ceremony`, and comes
//! back with the answer. `…/finish` uses its challenge up in the same round trip that finds the credential.

pub mod list;
pub mod login_finish;
pub mod login_start;
pub mod register_finish;
pub mod register_start;
pub mod remove;
pub mod step_up_finish;
pub mod step_up_start;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use zygo_core::{
    error::{Code, Problem},
    id::UserId,
    identity::passkey::{
        Refused, assertion,
        challenge::{Ceremony, LIFE_SECONDS, Place, Purpose},
        party::RelyingParty,
        wire::UsedCredential,
    },
};
use zygo_runtime::{log, random};
use zygo_store::identity::{CeremonyOutcome, FoundPasskey, PasskeyAnswer, PasskeyUse, mfa::Arrival};

use crate::{
    ctx::Ctx,
    route::{Guard, Route, Who},
    security,
};

/// The routes of passkeys.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/passkeys/register/start", Who::Session, "Begin to add a passkey", register_start::handle),
        Route::post("/auth/passkeys/register/finish", Who::Session, "Add the passkey", register_finish::handle).status(201),
        Route::post(
            "/auth/passkeys/login/start",
            Who::Public,
            "Begin to sign in with a passkey, or to give it as second factor",
            login_start::handle,
        )
        .while_suspended(),
        Route::post("/auth/passkeys/login/finish", Who::Public, "Sign in with a passkey, or give it as second factor", login_finish::handle)
            .guard(Guard::SignIn)
            .while_suspended(),
        Route::post("/auth/passkeys/step-up/start", Who::Session, "Begin to give a passkey as a fresh second factor", step_up_start::handle)
            .while_suspended(),
        Route::post(
            "/auth/passkeys/step-up/finish",
            Who::Session,
            "Give a passkey as a fresh second factor; answers an access token that is fresh for ten minutes",
            step_up_finish::handle,
        )
        .while_suspended(),
        Route::get("/auth/passkeys", Who::Session, "The caller's passkeys", list::handle),
        Route::delete("/auth/passkeys/{id}", Who::Session, "Remove a passkey", remove::handle).status(204),
    ]
}

/// What a browser is told, and what comes back with its answer.
#[derive(Serialize, JsonSchema)]
pub struct Started<O> {
    /// Goes back unchanged to the `finish` that ends this, at the same host.
    ceremony: String,
    /// Seconds in which the answer must come.
    expires_in: i64,
    /// For `parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()`.
    options: O,
}

impl<O> Started<O> {
    /// What comes back with the answer.
    #[must_use]
    pub fn ceremony(&self) -> &str {
        &self.ceremony
    }

    /// What the browser is told.
    #[must_use]
    pub const fn options(&self) -> &O {
        &self.options
    }
}

/// The relying party at this host.
///
/// # Errors
/// `NOT_FOUND` where the host has no passkeys.
pub fn party(ctx: &Ctx) -> Result<RelyingParty, Problem> {
    let config = &ctx.app.config;
    let host = ctx.head.header("host").unwrap_or_default();
    let party = RelyingParty::new(&config.passkey_rp_ids, host, ctx.head.origin(), &config.cors_origins);
    party.ok_or(Problem::new(Code::NotFound).detail("this host has no passkeys"))
}

fn place(ctx: &Ctx) -> Place<'_> {
    Place { tenant_id: ctx.home(), host: ctx.head.header("host").unwrap_or_default() }
}

/// Begins a ceremony.
///
/// # Errors
/// `INTERNAL` if it cannot be sealed.
pub fn begin<O>(ctx: &Ctx, purpose: Purpose, user_id: Option<UserId>, options: impl FnOnce(&Ceremony) -> O) -> Result<Started<O>, Problem> {
    let ceremony = Ceremony::begin(random::bytes(), user_id, ctx.now);
    let sealed = ceremony.seal(&ctx.app.config.seal_keys, purpose, place(ctx), random::bytes())?;
    Ok(Started { options: options(&ceremony), ceremony: sealed, expires_in: LIFE_SECONDS })
}

/// The ceremony that an answer says it ends.
///
/// # Errors
/// `TOKEN_INVALID` if it was not begun here and for this; `TOKEN_EXPIRED`.
pub fn resume(ctx: &Ctx, purpose: Purpose, sealed: &str) -> Result<Ceremony, Problem> {
    Ceremony::open(&ctx.app.config.seal_keys, sealed, purpose, place(ctx), ctx.now)
}

/// The answer to a ceremony, as the store looks for its credential.
#[must_use]
pub fn answer_of<'a>(ceremony: &'a Ceremony, used: &'a UsedCredential, party: &'a RelyingParty, arrival: &'a Arrival) -> PasskeyAnswer<'a> {
    PasskeyAnswer { ceremony, credential: &used.id, rp_id: &party.id, arrival }
}

/// The credential that answered a ceremony, if it is this person's.
///
/// # Errors
/// `TOKEN_CONSUMED` if the ceremony was answered before.
pub fn owned(outcome: Option<CeremonyOutcome>, user_id: UserId) -> Result<Option<Box<FoundPasskey>>, Problem> {
    match outcome {
        Some(CeremonyOutcome::Fresh(found)) => Ok(found.filter(|found| found.known.user_id == user_id)),
        Some(CeremonyOutcome::Replayed) => Err(Problem::new(Code::TokenConsumed)),
        None => Ok(None),
    }
}

/// Which check failed is for the log, and there of use to whoever sets up hosts and domains.
fn note(ctx: &Ctx, refused: Refused) {
    log::line(log::Level::Info, "passkey refused", json!({ "request_id": ctx.request_id, "check": refused.as_str() }));
}

/// Checks the use of a credential; `None` where it is refused. A counter that did not grow is a security event: somebody may have a copy of
/// the key.
#[must_use]
pub fn check(ctx: &Ctx, party: &RelyingParty, ceremony: &Ceremony, found: &FoundPasskey, answer: &UsedCredential) -> Option<PasskeyUse> {
    match assertion::verify(party, &ceremony.challenge, &found.known, answer) {
        Ok(used) => Some(PasskeyUse { id: found.id, used }),
        Err(refused) => {
            note(ctx, refused);
            if refused == Refused::Counter {
                let details = json!({ "passkey_id": found.id });
                security::record_about(&ctx.shared(), ctx.home(), Some(found.known.user_id), "passkey.counter", details);
            }
            None
        }
    }
}
