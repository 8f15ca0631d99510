//! Signing in with an account at Google, GitHub, Microsoft or Apple: what each does its own way. Pure.

mod apple;
mod client;
mod github;
mod person;
mod provider;

pub use apple::names as apple_names;
pub use client::{Client, Clients};
pub use github::person as github_person;
pub use person::Person;
pub use provider::{Endpoints, Kind, Provider};

#[cfg(test)]
mod tests;
