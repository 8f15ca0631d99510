//! The audit trail: what can be asked of it, and how it is written out.

pub mod chain;
pub mod export;
pub mod filter;
