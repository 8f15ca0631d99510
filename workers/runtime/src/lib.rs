//! Thin adapters between the Workers runtime and the pure crates: configuration,
//! clock, randomness, the crossings into JavaScript, the ways to Postgres and to
//! other people's servers.
//!
//! Everything ambient is taken here, once, and handed on as a parameter.

pub mod clock;
pub mod config;
pub mod custom_hostnames;
pub mod delivery;
pub mod integrations;
pub mod js;
pub mod log;
pub mod oidc;
pub mod outbound;
pub mod postgres;
pub mod random;
pub mod saml;
pub mod stream;
pub mod task;

pub use config::Config;
