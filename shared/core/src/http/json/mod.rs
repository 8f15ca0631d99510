//! Strict JSON bodies.
//!
//! Two passes: [`tree`] reads the text into a value and refuses what RFC 8259 or the house does not allow, with line and column;
//! then the value becomes the input type, and what does not fit is named by its path. The body's length is bounded before.

mod fields;
mod source;
mod tree;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::{Code, FieldError, Problem};

pub use tree::MAX_DEPTH;

/// Why a body was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// Not JSON, nested too deep, a key twice, bytes after the end.
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Byte of the line, from 1; 0 right after a line break.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// JSON, but not the input that is read here.
    Fields(Vec<FieldError>),
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Malformed { line, column, message } => Self::new(Code::MalformedJson)
                .detail(format!("{message} at line {line} column {column}"))
                .details(json!({ "line": line, "column": column })),
            JsonError::Fields(fields) => Self::fields(&fields),
        }
    }
}

/// Decodes a body. Fields that the type does not know are refused and named, whether or not it says `deny_unknown_fields`.
///
/// # Errors
/// [`JsonError::Malformed`] for the text, [`JsonError::Fields`] for its content. No message repeats a value of the body.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    decode_value(tree::read(bytes)?)
}

/// Decodes what is a value already, as the fields of a form are, by the same rules.
///
/// # Errors
/// [`JsonError::Fields`].
pub fn decode_value<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    fields::refuse_nul(&value)?;
    fields::read(value)
}

#[cfg(test)]
mod tests;
