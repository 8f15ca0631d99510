//! What the platform's administrators see and do. Every scope here is one of [`PlatformScope::administered`](crate::PlatformScope::administered).

pub mod jobs;
pub mod suppressions;
