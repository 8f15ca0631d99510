//! The harness of the whole-system tests: the built Worker in the real runtime, a real PostgreSQL, and false edges.
//!
//! A [`system::System`] is one such world: a database of its own, a [`proxy::Proxy`] in front of it that can cut, delay
//! and count, a [`runtime::Runtime`] that can be killed and started again, and where it needs one a false mail service.
//! Tests share a few of them ([`world`]) and keep apart by their own people, organisations and client addresses.
//! [`client::Api`] checks on every answer what the platform promises of all answers.
#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test fails by panicking, and JSON is read by index without")]

pub mod administrators;
pub mod answer;
pub mod browser;
pub mod client;
pub mod codes;
pub mod database;
pub mod directory;
pub mod dns;
pub mod drives;
pub mod email;
pub mod enterprise;
pub mod factors;
pub mod forge;
pub mod mail;
pub mod one_time;
pub mod organisations;
pub mod outbox;
pub mod passkeys;
pub mod peer;
pub mod people;
pub mod postgres;
pub mod providers;
pub mod proxy;
pub mod random;
pub mod range;
pub mod receiver;
pub mod routes;
pub mod runner;
pub mod runtime;
pub mod saas;
pub mod saml_peer;
pub mod settings;
pub mod shape;
pub mod sms;
pub mod stream;
pub mod stub;
pub mod system;
pub mod tab;
pub mod team;
pub mod wait;
pub mod webhooks;
pub mod world;

pub use answer::Answer;
pub use browser::Browser;
pub use client::Api;
pub use people::{Member, Person, Session};
pub use system::System;
pub use tab::Tab;
pub use wait::{eventually, eventually_every, eventually_within};
