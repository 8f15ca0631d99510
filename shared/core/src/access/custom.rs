//! What custom roles are made of: types that cannot hold a bad value.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::text::Invalid;

use super::role::{DefaultRole, OWNER_LEVEL};

/// Longest key, in bytes.
const LONGEST_KEY: usize = 40;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $parse:ident, $schema:tt;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Reads a text.
            ///
            /// # Errors
            /// The rule that the text breaks.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                $parse(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(Invalid::into_serde)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

texts! {
    /// The name of a role for people: 1 to 60 characters, no control characters, no white space at the ends.
    RoleName, parse_name, { "type": "string", "minLength": 1, "maxLength": 60, "examples": ["Support"] };

    /// What a role is for: up to 500 characters.
    Description, parse_description, { "type": "string", "maxLength": 500 };

    /// The key of a role: 1 to 40 of `a-z0-9_-`, beginning with a letter.
    RoleKey, parse_key, { "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,39}$", "examples": ["support"] };

    /// A role that an organisation has, by its key or its identifier.
    RoleRef, parse_ref, { "type": "string", "minLength": 1, "maxLength": 40, "examples": ["admin", "019a3c6e-7c1b-7d2e-9f00-1c2d3e4f5a6b"] };
}

impl RoleKey {
    /// The key that a name gives: its letters and digits of ASCII in lower case, the rest one `_` each time.
    #[must_use]
    pub fn of(name: &RoleName) -> Self {
        let words = name.as_str().split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut key = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_");
        if !key.starts_with(|c: char| c.is_ascii_lowercase()) {
            key.insert_str(0, if key.is_empty() { "role" } else { "role_" });
        }
        key.truncate(LONGEST_KEY);
        Self(key)
    }
}

impl Description {
    /// The text; none where it is empty.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

fn is_key(text: &str) -> bool {
    (1..=LONGEST_KEY).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

fn parse_name(text: &str) -> Result<String, Invalid> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Invalid::new("required", "must not be empty"));
    }
    if name.chars().count() > 60 || name.chars().any(char::is_control) {
        return Err(Invalid::new("name", "must have 60 characters at most, none of them a control character"));
    }
    Ok(name.to_owned())
}

fn parse_description(text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    if text.chars().count() > 500 || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Invalid::new("description", "must have 500 characters at most, none of them a control character"));
    }
    Ok(text.to_owned())
}

fn parse_key(text: &str) -> Result<String, Invalid> {
    if is_key(text) { Ok(text.to_owned()) } else { Err(Invalid::new("key", "must be 1 to 40 of a-z, 0-9, _ and -, beginning with a letter")) }
}

fn parse_ref(text: &str) -> Result<String, Invalid> {
    let id = text.parse::<crate::id::RoleId>().map(|id| id.to_string());
    match id {
        Ok(id) => Ok(id),
        Err(_) if is_key(text) => Ok(text.to_owned()),
        Err(_) => Err(Invalid::new("role", "must be the key or the identifier of a role")),
    }
}

/// The level of a custom role: 1 to 99, since 100 is the owners'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(i16);

impl Level {
    /// The level.
    ///
    /// # Errors
    /// The rule that the number breaks.
    pub fn new(level: i64) -> Result<Self, Invalid> {
        let level = i16::try_from(level).ok().filter(|level| (1..OWNER_LEVEL).contains(level));
        level.map(Self).ok_or(Invalid::new("range", "must be a whole number from 1 to 99"))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i16 {
        self.0
    }
}

impl Default for Level {
    /// The viewers'.
    fn default() -> Self {
        Self(DefaultRole::Viewer.level())
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for Level {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 99 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_of_names() {
        let of = |name: &str| RoleKey::of(&RoleName::parse(name).unwrap()).into_string();
        assert_eq!(of("Support, 2nd line"), "support_2nd_line");
        assert_eq!(of("2nd line"), "role_2nd_line");
        assert_eq!(of("Größe"), "gr_e");
        assert_eq!(of("支持"), "role");
    }

    proptest! {
        #[test]
        fn every_name_gives_a_key(name in "\\PC{1,60}") {
            if let Ok(name) = RoleName::parse(&name) {
                let key = RoleKey::of(&name);
                prop_assert_eq!(RoleKey::parse(key.as_str()), Ok(key));
            }
        }
    }

    #[test]
    fn levels_are_below_the_owners() {
        for level in [i64::MIN, -1, 0, 100, 101, i64::MAX] {
            assert!(Level::new(level).is_err(), "{level}");
        }
        assert_eq!((Level::new(1).unwrap().get(), Level::new(99).unwrap().get(), Level::default().get()), (1, 99, 10));
    }

    #[test]
    fn a_role_is_named_by_key_or_identifier() {
        assert_eq!(RoleRef::parse("admin").unwrap().as_str(), "admin");
        let id = "019A3C6E-7C1B-7D2E-9F00-1C2D3E4F5A6B";
        assert_eq!(RoleRef::parse(id).unwrap().as_str(), id.to_lowercase());
        for odd in ["", "Admin", "a b", "-a", &"a".repeat(41)] {
            assert!(RoleRef::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn names_and_descriptions() {
        assert_eq!(RoleName::parse("  Ops ").unwrap().as_str(), "Ops");
        for odd in ["", "  ", "a\u{0}b", &"x".repeat(61)] {
            assert!(RoleName::parse(odd).is_err(), "{odd:?}");
        }
        assert_eq!(Description::parse(" ").unwrap().into_text(), None);
        assert!(Description::parse(&"x".repeat(501)).is_err());
    }
}
