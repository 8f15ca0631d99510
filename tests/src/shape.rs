//! Shapes that the contract gives to values.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// A time: RFC 3339 in UTC with milliseconds.
///
/// # Errors
/// When the value is none.
pub fn instant(value: &Value) -> Result<jiff::Timestamp> {
    let text = value.as_str().with_context(|| format!("{value} is no text"))?;
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ensure!(shape == "0000-00-00T00:00:00.000Z", "{text} is not RFC 3339 in UTC with milliseconds");
    text.parse().with_context(|| text.to_owned())
}

/// Names and kinds of the members, all the way down: what tells two answers apart apart from their texts.
#[must_use]
pub fn outline(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => items.iter().map(outline).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), outline(value))).collect(),
    }
}

/// The names of an object's members, sorted.
///
/// # Errors
/// When the value is no object.
pub fn members(value: &Value) -> Result<Vec<&str>> {
    let mut names: Vec<&str> = value.as_object().with_context(|| format!("{value} is no object"))?.keys().map(String::as_str).collect();
    names.sort_unstable();
    Ok(names)
}
