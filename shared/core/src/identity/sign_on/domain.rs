//! Mail domains that an organisation may claim.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{identity::email::Email, text::Invalid};

/// The domain of mail addresses, in lower case; an internationalised one in its `xn--` form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct MailDomain(String);

/// Leaves room for the name of the record below it.
const LONGEST: usize = 230;

impl MailDomain {
    /// Reads a domain.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid::new("domain", "not the domain of mail addresses");
        // Whatever can stand after the @ of an address that we accept, and is a name of the DNS.
        let email = Email::parse(&format!("a@{text}")).map_err(|_| INVALID)?;
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let domain = email.domain();
        if domain.len() <= LONGEST && domain.split('.').all(label) { Ok(Self(domain.to_owned())) } else { Err(INVALID) }
    }

    /// The domain.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for MailDomain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer).map_err(D::Error::custom)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for MailDomain {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MailDomain".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "hostname", "maxLength": LONGEST, "examples": ["acme.example"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        for (text, domain) in [("acme.example", "acme.example"), ("ACME.Example", "acme.example"), ("a.b-c.example", "a.b-c.example")] {
            assert_eq!(MailDomain::parse(text).unwrap().as_str(), domain);
        }
        let long = format!("{}.example", "a.".repeat(120));
        for text in
            ["", "acme", "a..b", ".a.b", "a.b.", "-a.example", "a-.example", "a_b.example", "a@b.example", "1.2.3.4", "[::1]", "ä.example", &long]
        {
            assert!(MailDomain::parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_stays(text in ".{0,60}") {
            if let Ok(domain) = MailDomain::parse(&text) {
                proptest::prop_assert_eq!(MailDomain::parse(domain.as_str()).unwrap(), domain);
            }
        }
    }
}
