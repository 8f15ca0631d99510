//! `POST /auth/passkeys/register/finish`

use schemars::JsonSchema;
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::{
        mfa::Factor,
        passkey::{challenge::Purpose, registration, wire::NewCredential},
    },
    text::Name,
};
use zygo_runtime::random;
use zygo_store::identity::{self, Added, NewPasskey};

use super::{list::PasskeyView, note, party, resume};
use crate::{ctx::Ctx, endpoints::identity::mfa::enrol, json_input, outbox, reply::Reply};

/// What the browser answers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What `start` gave.
    ceremony: String,
    /// The new credential, as `PublicKeyCredential.toJSON()` gives it.
    credential: NewCredential,
    /// What its owner calls it; `Passkey` otherwise.
    #[serde(default)]
    name: Option<Name>,
}

json_input!(Input);

/// Adds the passkey, and tells its owner by mail.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_CONSUMED` for the ceremony; `VALIDATION_FAILED` for a credential that does not answer it;
/// `CONFLICT` for one that is known, or one too many.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<PasskeyView>, Problem> {
    let party = party(&ctx)?;
    let caller = ctx.caller()?;
    let ceremony = resume(&ctx, Purpose::Register, &input.ceremony)?;
    if ceremony.user_id != Some(caller.user_id) {
        return Err(Problem::new(Code::TokenInvalid));
    }
    let credential = registration::verify(&party, &ceremony.challenge, input.credential).map_err(|refused| {
        note(&ctx, refused);
        Problem::field("credential", "credential", "not an answer to this ceremony")
    })?;
    let name = input.name.as_ref().map_or("Passkey", Name::as_str);
    let new = NewPasskey {
        id: random::id(ctx.now),
        user_id: caller.user_id,
        rp_id: &party.id,
        credential: &credential,
        name,
        outbox_id: random::id(ctx.now),
        now: ctx.now,
    };
    let db = ctx.db().await?;
    match ctx.store(identity::add_passkey(&db, &ctx.lookup(), &ceremony, &new)).await? {
        Added::Added { queued } => {
            outbox::enqueue(&ctx, Some(queued));
            enrol::note(&ctx, caller, Factor::Passkey).await;
            Ok(Reply::created(PasskeyView::from(&new)))
        }
        Added::Replayed => Err(Problem::new(Code::TokenConsumed)),
        Added::Known => Err(Problem::new(Code::Conflict).detail("this passkey is registered already")),
        Added::Full => Err(Problem::new(Code::Conflict).detail("twenty passkeys are the most that an account may have")),
    }
}
