//! Who may do what: the catalogue of permissions, sets of them, and the default roles.

pub mod catalogue;
pub mod custom;
pub mod hierarchy;
pub mod role;
mod set;

pub use catalogue::{Category, Permission};
pub use role::DefaultRole;
pub use set::PermissionSet;

#[cfg(test)]
mod tests;
