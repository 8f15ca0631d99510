//! The store against a real Postgres, named by `ZYGO_TEST_DATABASE_URL` (a superuser's URL). Each test has its own database,
//! a copy of a migrated one that stays there for the next run.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod access;
mod accounts;
mod admin;
mod audit;
mod batch;
mod catalogue;
mod deliveries;
mod fixture;
mod harness;
mod identities;
mod identity;
mod isolation;
mod mail;
mod mfa;
mod mfa_enrol;
mod migrations;
mod notices;
mod organisations;
mod outbox;
mod passkeys;
mod risk;
mod rows;
mod scim;
mod seals;
mod sessions;
mod sign_on;
mod statements;
mod streams;
mod team;
mod tenancy;
