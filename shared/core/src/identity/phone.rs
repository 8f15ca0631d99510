//! Telephone numbers in the one form that the network knows (ITU-T E.164).

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::Invalid;

const INVALID: Invalid = Invalid::new("phone", "not a number with its country code, such as +4915112345678");

/// Digits of a number at least and at most; none that can be sent to is shorter.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// A number as `+4915112345678`. `Debug` hides it, and there is no `Display`, so that no log line gets one by accident.
///
/// Whether somebody has the number, the code that is sent there tells; so the plan of each country is not checked.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// Reads a number; blanks, hyphens, dots, slashes and brackets between its digits do not matter.
    ///
    /// # Errors
    /// The rule it breaks: `phone`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > 40 {
            return Err(INVALID);
        }
        let number: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')')).collect();
        let digits = number.strip_prefix('+').ok_or(INVALID)?;
        let sane = DIGITS.contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        if sane { Ok(Self(number)) } else { Err(INVALID) }
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with all but its last two digits hidden, for its owner to recognise.
    #[must_use]
    pub fn hint(&self) -> String {
        let shown = self.0.len().saturating_sub(2);
        format!("+…{}", self.0.get(shown..).unwrap_or_default())
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

impl<'de> Deserialize<'de> for Phone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for Phone {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Phone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "ITU-T E.164", "maxLength": 40, "examples": ["+4915112345678"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_spelling() {
        for text in ["+4915112345678", " +49 151 12345678 ", "+49-151-1234.5678", "+49 (151) 1234/5678"] {
            assert_eq!(Phone::parse(text).unwrap().as_str(), "+4915112345678", "{text}");
        }
        assert_eq!(Phone::parse("+4915112345678").unwrap().hint(), "+…78");
        assert_eq!(format!("{:?}", Phone::parse("+4915112345678").unwrap()), "Phone(…)");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "+",
            "4915112345678",
            "004915112345678",
            "+0915112345678",
            "+1234567",
            "+1234567890123456",
            "+49151abc45678",
            "+49151１2345678",
            "++4915112345678",
            "+4915112345678+",
            "tel:+4915112345678",
        ] {
            assert_eq!(Phone::parse(text).unwrap_err().code, "phone", "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_number_comes_back_as_it_went(digits in "[1-9][0-9]{7,14}") {
            let number = format!("+{digits}");
            let phone = Phone::parse(&number).unwrap();
            proptest::prop_assert_eq!(phone.as_str(), number);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Phone::parse(&text);
        }
    }
}
