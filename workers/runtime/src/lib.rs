//! Thin adapters between the Workers runtime and the pure crates: configuration,
//! clock, randomness, the crossings into JavaScript, and the way to Postgres.
//!
//! Everything ambient is taken here, once, and handed on as a parameter.

pub mod clock;
pub mod config;
pub mod js;
pub mod log;
pub mod postgres;
pub mod random;

pub use config::Config;
