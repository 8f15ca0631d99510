//! The domain of Zygo: pure rules, no I/O, no clock, no randomness.
//!
//! Everything here runs and is tested natively. Time and random bytes are
//! parameters; what touches the network lives in the crates above.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic, reason = "a test fails by panicking")
)]

pub mod access;
pub mod audit;
pub mod error;
pub mod events;
pub mod gate;
pub mod http;
pub mod id;
pub mod idempotency;
pub mod identity;
pub mod integrations;
pub mod limits;
pub mod mail;
pub mod picture;
pub mod seal;
pub mod stream;
pub mod tenancy;
pub mod text;
pub mod time;
