//! Organisations: what they are called, where they answer, what their plan covers.

pub mod custom_hostname;
pub mod directory;
pub mod domain;
pub mod host;
pub mod network;
pub mod plan;
pub mod settings;
pub mod slug;

pub use directory::{DirectoryEntry, HostCache, TenantStatus};
pub use host::{HostConfig, Site};
pub use plan::Plan;
pub use slug::Slug;
