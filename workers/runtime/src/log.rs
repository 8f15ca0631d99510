//! Structured logs: one JSON object per line on the runtime's console.

use serde::Serialize;

use crate::js;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Part of the ordinary day.
    Info,
    /// Somebody should look at it some time.
    Warn,
    /// Somebody should look at it now.
    Error,
}

/// Writes one line. Never pass it tokens, passwords, codes, bodies or personal data.
pub fn line(level: Level, message: &str, fields: impl Serialize) {
    js::log(&text(level, message, fields));
}

/// The same, for whoever takes the line across with something else.
#[must_use]
pub fn text(level: Level, message: &str, fields: impl Serialize) -> String {
    let level = match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    serde_json::to_string(&Line { level, message, fields }).unwrap_or_default()
}

#[derive(Serialize)]
struct Line<'a, F> {
    level: &'static str,
    message: &'a str,
    #[serde(flatten)]
    fields: F,
}
