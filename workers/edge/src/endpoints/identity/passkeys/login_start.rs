//! `POST /auth/passkeys/login/start`

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use zygo_core::{
    error::{Code, Problem},
    identity::passkey::{
        challenge::Purpose,
        options::{Descriptor, RequestOptions},
    },
};
use zygo_store::identity;

use super::{Started, begin, party};
use crate::{
    ctx::Ctx,
    endpoints::identity::mfa::answer,
    reply::Reply,
    route::{self, JsonInput},
};

/// What the passkey is for.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Of a sign-in that asked for a second factor. Without it, the passkey signs in by itself.
    #[serde(default)]
    challenge_token: Option<String>,
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

/// Begins a sign-in with a passkey: with any that the browser finds, or as the second factor with one of the person's.
///
/// # Errors
/// `NOT_FOUND` where the host has no passkeys, or the person none for it; for the challenge `TOKEN_INVALID`, `TOKEN_EXPIRED`,
/// `TOKEN_CONSUMED`, `ACCOUNT_LOCKED`.
pub async fn handle(ctx: Ctx, input: Input) -> Result<Reply<Started<RequestOptions>>, Problem> {
    let party = party(&ctx)?;
    let Some(text) = input.challenge_token else {
        return begin(&ctx, Purpose::SignIn, None, |ceremony| RequestOptions::new(&party.id, &ceremony.challenge, Vec::new())).map(Reply::ok);
    };
    let token = answer::challenge_token(&text)?;
    let db = ctx.db().await?;
    let asked = ctx.store(identity::challenge_passkeys(&db, &ctx.lookup(), &token.hash(), ctx.home(), &party.id, ctx.now)).await?;
    let asked = asked.ok_or(Problem::new(Code::TokenInvalid))?;
    answer::open(&ctx, asked.state, asked.until)?;
    if asked.passkeys.is_empty() {
        return Err(Problem::new(Code::NotFound).detail("there is no passkey for this host; answer with another factor"));
    }
    let allowed = asked.passkeys.into_iter().map(|(id, transports)| Descriptor::new(&id, transports)).collect();
    let options = begin(&ctx, Purpose::SecondFactor, Some(asked.user_id), |ceremony| RequestOptions::new(&party.id, &ceremony.challenge, allowed))?;
    Ok(Reply::ok(options))
}
