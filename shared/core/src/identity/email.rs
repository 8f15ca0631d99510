//! Mail addresses, normalised so that one person has one spelling.

use std::{borrow::Cow, fmt};

use garde::rules::email::parse_email;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::Invalid;

/// Longest address that mail can carry, in bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
const MAX_LENGTH: usize = 254;

const INVALID: Invalid = Invalid::new("email", "not an e-mail address");

/// A mail address in lower case.
///
/// ASCII only: an internationalised domain is written in its `xn--` form. `Debug` hides it, and there is no `Display`,
/// so that no log line gets one by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Reads an address, trims white space around it and folds its case.
    ///
    /// The local part is folded too: RFC 5321 lets a server tell `Ada@` from `ada@`, no known one does, and two accounts
    /// that differ in case only would be a trap.
    ///
    /// # Errors
    /// The rule it breaks: `email`, or `too_long` beyond 254 bytes.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let address = text.trim_matches(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
        if address.len() > MAX_LENGTH {
            return Err(Invalid::new("too_long", "at most 254 characters"));
        }
        if !address.is_ascii() || parse_email(address).is_err() {
            return Err(INVALID);
        }
        let (local, domain) = address.split_once('@').ok_or(INVALID)?;
        let dotted = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
        // The rules that garde leaves open: no stray dots, no address literal, no bare host name.
        let public = domain.contains('.') && domain.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
        if !dotted(local) || !dotted(domain) || !public || domain.starts_with('[') || domain.len() > 253 {
            return Err(INVALID);
        }
        Ok(Self(address.to_ascii_lowercase()))
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for Email {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "email", "maxLength": MAX_LENGTH, "examples": ["ada@example.com"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_spelling() {
        let email = Email::parse("  Ada.Lovelace+Zygo@Example.COM\n").unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+zygo@example.com");
        assert_eq!((email.local(), email.domain()), ("ada.lovelace+zygo", "example.com"));
        assert!(Email::parse("ada@xn--mnchen-3ya.example").is_ok());
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let cases = [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "ada@localhost",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@[::1]",
            "ada@@example.com",
            "a@b@example.com",
            "ada lovelace@example.com",
            "ada@exam ple.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "ada@example..com",
            "ada@.example.com",
            "ada@example.com.",
            "ada@-example.com",
            "ada@example.com\0",
            "ada\r\nbcc:x@example.com",
            "ada@example.com\r\nsubject:x",
            "ädä@example.com",
            "ada@münchen.example",
            "\"ada\"@example.com",
            "<ada@example.com>",
            "Ada <ada@example.com>",
            &long_local,
        ];
        for text in cases {
            assert_eq!(Email::parse(text).unwrap_err().code, "email", "{text:?}");
        }
        let long = format!("ada@{}com", "example.".repeat(40));
        assert_eq!(Email::parse(&long).unwrap_err().code, "too_long");
    }

    #[test]
    fn debug_hides_it() {
        assert!(!format!("{:?}", Email::parse("ada@example.com").unwrap()).contains("ada"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_stays_and_nothing_panics(text in "[\\PC]{0,40}(@[\\PC]{0,40})?") {
            if let Ok(email) = Email::parse(&text) {
                proptest::prop_assert!(email.as_str().is_ascii());
                proptest::prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email);
            }
        }

        #[test]
        fn ordinary_addresses_are_read(text in "[a-z][a-z0-9]{0,20}@[a-z]{1,20}\\.[a-z]{2,6}") {
            let email = Email::parse(&text).unwrap();
            proptest::prop_assert_eq!(email.as_str(), text);
        }
    }
}
