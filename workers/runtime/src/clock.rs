//! The runtime's clock. It stands still between I/O, so it is read once per request.

use zygo_core::time::Timestamp;

/// The present instant.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where the ambient clock is read")]
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit in 53 bits")]
pub fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as i64)
}
