//! Durable Objects: one folder per class, each a thin shell over a pure core in `zygo-core`.
//!
//! A folder's `mod.rs` states the object's invariants, its protocol and the typed handle that callers use;
//! `object.rs` decodes an operation, loads, lets the core decide, keeps the result. Their SQLite
//! storage answers in microseconds and survives eviction, so objects keep nothing in memory but the gate and the streams, which are asked
//! most and remember what they have written. Between reading and writing there is no `await`, so operations on one object never interleave.
//!
//! The classes themselves are the feature `classes`: a Worker that only calls objects does not carry them.

pub mod gate;
pub mod idempotency;
pub mod limits;
pub mod mailbox;
pub mod once;
pub mod sessions;
pub mod streams;

mod rpc;
#[cfg(feature = "classes")]
mod serve;
#[cfg(feature = "classes")]
mod storage;

pub use gate::GateHandle;
pub use idempotency::IdempotencyHandle;
pub use limits::LimitsHandle;
pub use mailbox::MailboxHandle;
pub use once::OnceHandle;
pub use rpc::calls;
pub use sessions::SessionsHandle;
pub use streams::StreamsHandle;
