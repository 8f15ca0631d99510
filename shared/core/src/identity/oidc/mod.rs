//! Signing in through somebody else: OAuth 2.0 (RFC 6749, with the advice of RFC 9700) and `OpenID` Connect Core 1.0,
//! as the side that relies on the provider. Pure; what fetches and remembers stands in the runtime.
//!
//! The way of a sign-in: a [`flow::Flow`] is begun and sealed into a cookie of the browser; the browser goes to the
//! [`authorize::Authorization`]'s URL and comes back with a [`callback::Callback`], which must carry the flow's state; the code
//! is redeemed by a [`token::TokenRequest`] with the PKCE verifier that only the cookie knows; the ID token is believed once
//! [`id_token::verify`] has held it against the provider's [`jwks::KeySet`], our client, and the flow's nonce.

pub mod authorize;
pub mod cache;
pub mod callback;
pub mod flow;
pub mod id_token;
pub mod jwks;
pub mod metadata;
pub mod pkce;
pub mod token;

#[cfg(test)]
mod tests;
