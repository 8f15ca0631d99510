//! What the endpoints that redeem one-time tokens have in common.

use zygo_core::{
    error::{Code, Problem},
    identity::one_time::{OneTimeToken, Purpose},
};
use zygo_store::identity::Redeemed;

/// Reads a token that must have this purpose.
///
/// # Errors
/// `TOKEN_INVALID` for any other text.
pub fn parse(text: &str, purpose: Purpose) -> Result<OneTimeToken, Problem> {
    OneTimeToken::parse(text, purpose).ok_or(Problem::new(Code::TokenInvalid))
}

/// What a good token was good for.
///
/// # Errors
/// `TOKEN_CONSUMED`, `TOKEN_EXPIRED`, `TOKEN_INVALID`.
pub fn good<T>(redeemed: Redeemed<T>) -> Result<T, Problem> {
    match redeemed {
        Redeemed::Good(value) => Ok(value),
        Redeemed::Consumed => Err(Problem::new(Code::TokenConsumed)),
        Redeemed::Expired => Err(Problem::new(Code::TokenExpired)),
        Redeemed::Unknown => Err(Problem::new(Code::TokenInvalid)),
    }
}
