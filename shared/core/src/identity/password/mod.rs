//! Passwords: what is accepted, how they are kept, and whether a breach has shown them.

pub mod breach;
mod hash;
#[cfg(feature = "estimator")]
mod judge;
mod policy;

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

pub use hash::{DUMMY_HASH, MEMORY_KIB, hash, needs_rehash, verify};
#[cfg(feature = "estimator")]
pub use judge::check;
pub use policy::{Candidate, MAX_CHARACTERS, MIN_CHARACTERS, PasswordProblem, problem, shorter_than};

use crate::text::Invalid;

/// Longest text that is read as a password, in bytes: the longest that the policy admits, in characters of four bytes.
const MAX_BYTES: usize = MAX_CHARACTERS * 4;

/// A password as it came in. It cannot be serialized or formatted, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The password of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text itself, for hashing and checking.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl<'de> Deserialize<'de> for Password {
    /// Any text of a bearable length: sign-in must read passwords that the policy of today would refuse.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if text.len() > MAX_BYTES {
            return Err(Invalid::new("too_long", "at most 128 characters").into_serde());
        }
        Ok(Self::new(&text))
    }
}

impl JsonSchema for Password {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Password".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "writeOnly": true, "maxLength": MAX_CHARACTERS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", Password::new("correct horse")), "Password(…)");
    }

    #[test]
    fn an_unbearably_long_one_is_not_read() {
        let quoted = |n: usize| format!("\"{}\"", "x".repeat(n));
        assert!(serde_json::from_str::<Password>(&quoted(MAX_BYTES)).is_ok());
        assert!(serde_json::from_str::<Password>(&quoted(MAX_BYTES + 1)).is_err());
    }
}
