//! Codes as people type them, and the factors that are answered with one.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::Factor;
use crate::text::Invalid;

const MAX_LENGTH: usize = 64;

/// A second factor that is answered with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CodeFactor {
    /// Codes of an authenticator app.
    #[default]
    Totp,
    /// Codes by SMS.
    Sms,
    /// One of the backup codes.
    BackupCode,
    /// The code that was mailed.
    Email,
}

impl From<CodeFactor> for Factor {
    fn from(factor: CodeFactor) -> Self {
        match factor {
            CodeFactor::Totp => Self::Totp,
            CodeFactor::Sms => Self::Sms,
            CodeFactor::BackupCode => Self::BackupCode,
            CodeFactor::Email => Self::Email,
        }
    }
}

/// A code as it was typed, without its blanks. Whether it is one of the factor's is for the factor to say: what has the wrong
/// form is a wrong answer. `Debug` hides it.
#[derive(Clone)]
pub struct TypedCode(Zeroizing<String>);

impl TypedCode {
    /// Reads a code.
    ///
    /// # Errors
    /// The rule it breaks: `required`, or `too_long` beyond 64 bytes.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_LENGTH {
            return Err(Invalid::new("too_long", "at most 64 characters"));
        }
        let code: String = text.split_whitespace().collect();
        if code.is_empty() { Err(Invalid::new("required", "must not be empty")) } else { Ok(Self(Zeroizing::new(code))) }
    }

    /// The code.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedCode(…)")
    }
}

impl<'de> Deserialize<'de> for TypedCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for TypedCode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TypedCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 64, "examples": ["123456"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_do_not_matter() {
        assert_eq!(TypedCode::parse(" 123 456 ").unwrap().reveal(), "123456");
        assert_eq!(TypedCode::parse("ab12c-d34ef").unwrap().reveal(), "ab12c-d34ef");
        assert_eq!(TypedCode::parse("  ").unwrap_err().code, "required");
        assert_eq!(TypedCode::parse(&"1".repeat(65)).unwrap_err().code, "too_long");
        assert_eq!(format!("{:?}", TypedCode::parse("123456").unwrap()), "TypedCode(…)");
    }
}
