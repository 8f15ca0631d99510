//! Slugs: the label that an organisation has in its host name.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::Invalid;

/// Fewest characters.
pub const MIN_LENGTH: usize = 3;
/// Most characters.
pub const MAX_LENGTH: usize = 40;

/// Labels that nobody gets: hosts of ours, names that mail and the web give a meaning, and names that would lend authority.
///
/// Before a word is added, check that no organisation has it: its host would stop answering.
const RESERVED: &str = "
    about abuse access account accounts admin administrator api app apps assets auth autoconfig autodiscover beta billing
    blog cdn changelog cloud console contact css dashboard dev developer developers directory dns docs domain download
    downloads email example external faq favicon feedback files forum ftp gateway getzygo graphql health help home
    hostmaster identity images imap img info internal invite jobs js legal local localhost login logout mail mailer
    mailer-daemon media metrics mfa mobile monitor monitoring mta-sts mx my net newsletter no-reply noc noreply ns ns1 ns2
    null oauth official openid ops org owner pay payment payments platform pop pop3 portal postmaster preview privacy
    private prod production proxy public register root saml sandbox secure security server service services settings setup
    signin signup site smtp ssl sso staff stage staging static stats status support sys sysadmin system tenant tenants
    terms test tls token tools undefined update upload uploads usenet user users uucp vpn web webhook webhooks webmail
    webmaster well-known wiki worker workers wpad www www1 www2 zygo zygo-tech
";

/// The label of an organisation: 3 to 40 of `a-z0-9-`, no hyphen at an end or next to another, not reserved.
///
/// No two hyphens side by side also means no `xn--`, so no label that shows as other letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug. Nothing is trimmed or folded: what is shown is what was typed.
    ///
    /// # Errors
    /// The rule it breaks: `too_short`, `too_long`, `slug` or `reserved`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_LENGTH {
            return Err(Invalid::new("too_long", "at most 40 characters"));
        }
        let alphabet = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !alphabet || text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return Err(Invalid::new("slug", "only a-z, 0-9 and single hyphens inside"));
        }
        if text.len() < MIN_LENGTH {
            return Err(Invalid::new("too_short", "at least 3 characters"));
        }
        if RESERVED.split_ascii_whitespace().any(|reserved| reserved == text) {
            return Err(Invalid::new("reserved", "this name is reserved"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for Slug {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Slug".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "minLength": MIN_LENGTH, "maxLength": MAX_LENGTH, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "examples": ["acme"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for text in ["acme", "a1b", "123", "north-sea-oil", &"x".repeat(40)] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
        let long = "x".repeat(41);
        let cases = [
            ("ab", "too_short"),
            ("", "too_short"),
            (long.as_str(), "too_long"),
            ("Acme", "slug"),
            ("-acme", "slug"),
            ("acme-", "slug"),
            ("ac--me", "slug"),
            ("xn--acme", "slug"),
            ("ac_me", "slug"),
            ("ac.me", "slug"),
            ("acmé", "slug"),
            ("аcme", "slug"),
            ("acme ", "slug"),
            ("api", "reserved"),
            ("admin", "reserved"),
            ("www", "reserved"),
            ("app", "reserved"),
            ("mail", "reserved"),
            ("status", "reserved"),
        ];
        for (text, code) in cases {
            assert_eq!(Slug::parse(text).unwrap_err().code, code, "{text:?}");
        }
    }

    #[test]
    fn the_reserved_are_written_as_slugs_are() {
        for text in RESERVED.split_ascii_whitespace() {
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_slug_is_a_dns_label(text in "[a-zA-Z0-9.\\-]{0,45}") {
            if let Ok(slug) = Slug::parse(&text) {
                proptest::prop_assert!(!slug.as_str().contains("--") && slug.as_str().len() <= 63);
                let json = serde_json::to_string(&slug).unwrap();
                proptest::prop_assert_eq!(serde_json::from_str::<Slug>(&json).unwrap(), slug);
            }
        }
    }
}
