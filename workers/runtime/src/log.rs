//! Structured logs: one JSON object per line on the runtime's console.

use serde::Serialize;

use crate::js;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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
    js::log(&text(&Line { level, message, fields }));
}

/// A whole line, `level` and `message` included, for whoever takes it across with something else.
#[must_use]
pub fn text(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

#[derive(Serialize)]
struct Line<'a, F> {
    level: Level,
    message: &'a str,
    #[serde(flatten)]
    fields: F,
}
