//! An identity provider of the tests' own, and everything it may do wrong.

mod accepted;
mod encrypted;
mod kit;
mod outbound;
mod random;
mod refused;
mod wrapping;
