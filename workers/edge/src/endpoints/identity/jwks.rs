//! `GET /.well-known/jwks.json`

use std::cell::OnceCell;

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::error::Problem;

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody, Cache, Kept},
};

/// A JSON Web Key Set (RFC 7517).
#[derive(Serialize, JsonSchema)]
pub struct KeySet {
    /// The keys.
    keys: Vec<Key>,
}

/// A public key of the Ed25519 curve (RFC 8037).
#[derive(Serialize, JsonSchema)]
pub struct Key {
    /// `OKP`
    kty: String,
    /// `Ed25519`
    crv: String,
    /// `sig`
    r#use: String,
    /// `EdDSA`
    alg: String,
    /// Name of the key in token headers.
    kid: String,
    /// The public key, base64url.
    x: String,
}

thread_local! {
    static BODY: OnceCell<&'static Kept> = const { OnceCell::new() };
}

/// Answers the public keys of the ring, written once per isolate.
///
/// # Errors
/// None of its own.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    let body = BODY.with(|cell| *cell.get_or_init(|| Kept::new(0, ctx.app.config.token_keys.jwks().to_string())));
    let mut answer = Answer::text(200, "application/json; charset=utf-8", AnswerBody::Kept(body));
    answer.cache = Cache::Public(300);
    Ok(answer)
}
