//! The audit trail: what the code records itself (triggers record changes of data), what is read of it, its seals, and how long it is kept.

pub(crate) mod list;
pub(crate) mod record;
pub(crate) mod retention;
pub(crate) mod seal;

pub use list::{ActivityRow, EventRow, activity, changes, events};
pub use record::{Operation, SecurityEvent, Violation, record_foreign_read, record_rls_violation, record_security_event};
pub use retention::{expirable, expire, kept, owe_expiry, record_admin_action};
pub use seal::{add_seal, last_seal, mark, owe_seals, seal, unsealed};
