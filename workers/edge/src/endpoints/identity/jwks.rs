//! `GET /.well-known/jwks.json`

use schemars::JsonSchema;
use serde::Serialize;
use zygo_core::error::Problem;

use crate::{
    ctx::Ctx,
    reply::{Answer, AnswerBody, Cache},
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

/// Answers the public keys of the ring.
///
/// # Errors
/// None of its own.
pub async fn handle(ctx: Ctx) -> Result<Answer, Problem> {
    let body = AnswerBody::Text(ctx.app.config.token_keys.jwks().to_string());
    let mut answer = Answer::text(200, "application/json; charset=utf-8", body);
    answer.cache = Cache::Public(300);
    Ok(answer)
}
