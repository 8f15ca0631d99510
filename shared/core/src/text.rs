//! Texts that people type about themselves: names, languages, time zones.
//!
//! Each is a type that cannot hold a bad value, and refuses one while the body is decoded, so that the answer names the field.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// Separates code and sentence while an [`Invalid`] travels through serde, whose errors carry one text only.
const SEPARATOR: char = '\u{1f}';

/// The rule that a value breaks: a stable code and a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid {
    /// Stable code, the `code` of a field error.
    pub code: &'static str,
    /// The rule in words.
    pub message: &'static str,
}

impl Invalid {
    /// A rule from its two parts.
    #[must_use]
    pub const fn new(code: &'static str, message: &'static str) -> Self {
        Self { code, message }
    }

    /// The same as an error of a deserializer; [`crate::http::json::decode`] finds code and message again.
    pub fn into_serde<E: de::Error>(self) -> E {
        E::custom(format_args!("{}{SEPARATOR}{}", self.code, self.message))
    }
}

/// Code and message of an error that came from [`Invalid::into_serde`].
pub(crate) fn split_invalid(text: &str) -> Option<(&str, &str)> {
    text.split_once(SEPARATOR)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $parse:ident, $schema:tt;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Reads and normalises a text.
            ///
            /// # Errors
            /// The rule that the text breaks.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                $parse(text).map(Self)
            }

            /// The normalised text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The normalised text, owned.
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
    /// A name as people write it: 1 to 100 characters, no control characters, no white space at the ends.
    Name, parse_name, { "type": "string", "minLength": 1, "maxLength": 100, "examples": ["Ada Lovelace"] };

    /// A remark about something: 1 to 500 characters, no control characters, no white space at the ends.
    Remark, parse_remark, { "type": "string", "minLength": 1, "maxLength": 500, "examples": ["Billing's own copy"] };

    /// A language tag of the usual kind (BCP 47: language, script, region), as `de-CH`. Case is normalised.
    Locale, parse_locale, {
        "type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$", "examples": ["en", "de-CH"]
    };

    /// The name of a time zone, as `Europe/Berlin`.
    ///
    /// Checked by syntax and length only: the time-zone database is not part of the bundle, so a well-formed name
    /// that no zone bears is kept, and whoever formats a time by it falls back to UTC.
    TimeZone, parse_time_zone, { "type": "string", "minLength": 1, "maxLength": 64, "examples": ["Europe/Berlin", "UTC"] };
}

impl Locale {
    /// The language alone, in lower case.
    #[must_use]
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

fn parse_name(text: &str) -> Result<String, Invalid> {
    line(text, 100, Invalid::new("too_long", "at most 100 characters"))
}

fn parse_remark(text: &str) -> Result<String, Invalid> {
    line(text, 500, Invalid::new("too_long", "at most 500 characters"))
}

/// A line of so many characters at most.
fn line(text: &str, most: usize, too_long: Invalid) -> Result<String, Invalid> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Invalid::new("required", "must not be empty"));
    }
    if name.chars().count() > most {
        return Err(too_long);
    }
    if name.chars().any(is_unprintable) {
        return Err(Invalid::new("characters", "must not contain control characters"));
    }
    Ok(name.to_owned())
}

/// Control characters, line and paragraph separators, and the marks that turn the direction of the text around them.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn parse_locale(text: &str) -> Result<String, Invalid> {
    const INVALID: Invalid = Invalid::new("locale", "not a language tag such as en or de-CH");
    let mut parts = text.trim().split('-').peekable();
    let alphabetic = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());

    let language = parts.next().filter(|p| (2..=3).contains(&p.len()) && alphabetic(p)).ok_or(INVALID)?;
    let mut tag = language.to_ascii_lowercase();
    if let Some(script) = parts.next_if(|p| p.len() == 4 && alphabetic(p)) {
        let (first, rest) = script.split_at_checked(1).ok_or(INVALID)?;
        tag.push('-');
        tag.push_str(&first.to_ascii_uppercase());
        tag.push_str(&rest.to_ascii_lowercase());
    }
    let is_region = |p: &&str| (p.len() == 2 && alphabetic(p)) || (p.len() == 3 && p.bytes().all(|b| b.is_ascii_digit()));
    if let Some(region) = parts.next_if(is_region) {
        tag.push('-');
        tag.push_str(&region.to_ascii_uppercase());
    }
    if parts.next().is_some() { Err(INVALID) } else { Ok(tag) }
}

fn parse_time_zone(text: &str) -> Result<String, Invalid> {
    const INVALID: Invalid = Invalid::new("timezone", "not the name of a time zone such as Europe/Berlin");
    let part = |p: &str| {
        let letter_first = p.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        letter_first && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    let name = text.trim();
    // The longest name in use is America/Argentina/ComodRivadavia, three parts and 32 bytes.
    let well_formed = name.len() <= 64 && name.split('/').count() <= 3 && name.split('/').all(part);
    if well_formed { Ok(name.to_owned()) } else { Err(INVALID) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Name::parse("  Ada Lovelace ").unwrap().as_str(), "Ada Lovelace");
        assert_eq!(Name::parse(&"ü".repeat(100)).unwrap().as_str().chars().count(), 100);
        let cases = [(" ", "required"), ("a\nb", "characters"), ("a\u{202e}b", "characters"), ("a\0", "characters")];
        for (text, code) in cases {
            assert_eq!(Name::parse(text).unwrap_err().code, code, "{text:?}");
        }
        assert_eq!(Name::parse(&"x".repeat(101)).unwrap_err().code, "too_long");
    }

    #[test]
    fn remarks_may_be_longer() {
        assert_eq!(Remark::parse(&format!(" {} ", "x".repeat(500))).unwrap().as_str().len(), 500);
        assert_eq!(Remark::parse(&"x".repeat(501)).unwrap_err().code, "too_long");
    }

    #[test]
    fn locales() {
        for (text, tag) in [("en", "en"), ("DE-de", "de-DE"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("gsw", "gsw")] {
            assert_eq!(Locale::parse(text).unwrap().as_str(), tag);
        }
        for text in ["", "e", "english", "en_US", "en-", "en-US-x", "de-1", "dé", "en-USA"] {
            assert!(Locale::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Locale::parse("de-CH").unwrap().language(), "de");
    }

    #[test]
    fn time_zones() {
        for text in ["UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia", "Etc/GMT+5", "America/Port-au-Prince"] {
            assert!(TimeZone::parse(text).is_ok(), "{text:?}");
        }
        for text in ["", "/", "Europe/", "../etc/passwd", "Europe Berlin", "+01:00", "a/b/c/d", &"x".repeat(65)] {
            assert!(TimeZone::parse(text).is_err(), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_stays(text in "\\PC{0,120}") {
            if let Ok(name) = Name::parse(&text) {
                proptest::prop_assert_eq!(Name::parse(name.as_str()).unwrap(), name);
            }
            if let Ok(locale) = Locale::parse(&text) {
                proptest::prop_assert_eq!(Locale::parse(locale.as_str()).unwrap(), locale);
            }
            let _ = TimeZone::parse(&text);
        }
    }
}
