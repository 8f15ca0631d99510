//! What a change tells the world: events for those who listen, jobs for what is owed.

pub mod event;
pub mod job;
pub mod readers;
pub mod retry;
pub mod webhook;
