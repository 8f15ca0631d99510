//! The audit trail: what the code records itself (triggers record changes of data), and what is read of it.

pub(crate) mod list;
pub(crate) mod record;

pub use list::{ActivityRow, EventRow, activity, changes, events};
pub use record::{Operation, SecurityEvent, Violation, record_foreign_read, record_rls_violation, record_security_event};
