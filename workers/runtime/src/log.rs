//! Structured logs: one JSON object per line on the runtime's console.

use serde_json::{Map, Value, json};

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
pub fn line(level: Level, message: &str, fields: Value) {
    let name = match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    let mut object = Map::new();
    object.insert("level".into(), json!(name));
    object.insert("message".into(), json!(message));
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    js::log(&Value::Object(object).to_string());
}
