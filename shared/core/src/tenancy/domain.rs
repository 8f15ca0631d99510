//! An organisation's own domains: which may be claimed, how one is proved, and what it is at each time.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::host::{HostConfig, Site};
use crate::text::Invalid;

/// Leaves room for the name of the record below it.
const LONGEST: usize = 230;

/// The name of a host that somebody may own: at least two labels, letters, digits and hyphens, in lower case; an internationalised one
/// in its `xn--` form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct CustomHost(String);

impl CustomHost {
    /// Reads a name.
    ///
    /// # Errors
    /// `domain`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid::new("domain", "not the name of a host such as app.acme.example");
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let mut labels = text.rsplit('.');
        // No top-level domain begins with a digit, so what ends in one is an address (RFC 3696, 2).
        let top = labels.next().is_some_and(|top| top.len() >= 2 && top.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()));
        if top && text.contains('.') && text.len() <= LONGEST && text.split('.').all(label) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(INVALID)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an organisation may have it: it is none of the platform's own, nor below one.
    #[must_use]
    pub fn is_foreign_to(&self, hosts: &HostConfig) -> bool {
        let mut name = self.as_str();
        loop {
            if hosts.classify(name) != Site::Custom(name.to_owned()) && name.contains('.') {
                return false;
            }
            let Some((_, parent)) = name.split_once('.') else { return true };
            name = parent;
        }
    }

    /// Where the record that proves it stands; the underscore keeps it away from names of hosts (RFC 8552).
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("_zygo-domain.{}", self.0)
    }
}

/// What the record says.
#[must_use]
pub fn record_value(token: &str) -> String {
    format!("zygo-domain={token}")
}

impl<'de> Deserialize<'de> for CustomHost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for CustomHost {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CustomHost".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "hostname", "maxLength": LONGEST, "examples": ["app.acme.example"] })
    }
}

/// What a domain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DomainStatus {
    /// Claimed, and not proved yet.
    Pending,
    /// Proved; its certificate is being issued, or it does not lead here yet.
    Issuing,
    /// Served.
    Active,
    /// It was served, and leads nowhere now, or its certificate is gone.
    Failing,
}

impl DomainStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Issuing, Self::Active, Self::Failing];

    /// The key, as the API and the database write it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Issuing => "issuing",
            Self::Active => "active",
            Self::Failing => "failing",
        }
    }

    /// The status with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.key() == key)
    }

    /// What it is after a look at it: whether it leads somewhere, and whether its certificate is there.
    #[must_use]
    pub const fn seen(self, leads: bool, certified: bool) -> Self {
        match self {
            Self::Pending => Self::Pending,
            Self::Issuing | Self::Active | Self::Failing if leads && certified => Self::Active,
            Self::Issuing => Self::Issuing,
            Self::Active | Self::Failing => Self::Failing,
        }
    }

    /// Seconds until it is looked at again; a claim is looked at when its owner says so.
    #[must_use]
    pub const fn look_again(self) -> Option<i64> {
        match self {
            Self::Pending => None,
            Self::Issuing => Some(60),
            Self::Failing => Some(600),
            Self::Active => Some(3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in
            [("app.acme.example", "app.acme.example"), ("Acme.Example", "acme.example"), ("xn--bcher-kva.example", "xn--bcher-kva.example")]
        {
            assert_eq!(CustomHost::parse(text).unwrap().as_str(), name);
        }
        let long = format!("{}.example", "a.".repeat(120));
        for text in [
            "",
            "acme",
            "acme.",
            ".acme.example",
            "a..b",
            "-a.example",
            "a_b.example",
            "10.0.0.1",
            "1.2.3.4",
            "[::1]",
            "a.b:80",
            "ä.example",
            "*.acme.example",
            "https://a.example",
            "a.1",
            &long,
        ] {
            assert!(CustomHost::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_platforms_own_names_are_nobodys() {
        let hosts = HostConfig::new("api.zygo.tech", "app.zygo.tech", "admin.zygo.tech", "getzygo.com");
        for own in
            ["api.zygo.tech", "app.zygo.tech", "acme.app.zygo.tech", "x.api.zygo.tech", "getzygo.com", "www.getzygo.com", "a.b.c.app.zygo.tech"]
        {
            assert!(!CustomHost::parse(own).unwrap().is_foreign_to(&hosts), "{own}");
        }
        for foreign in ["acme.example", "app.acme.example", "notgetzygo.com", "zygo.tech.example"] {
            assert!(CustomHost::parse(foreign).unwrap().is_foreign_to(&hosts), "{foreign}");
        }
    }

    #[test]
    fn what_a_look_makes_of_it() {
        use DomainStatus::{Active, Failing, Issuing, Pending};
        for (before, leads, certified, after) in [
            (Pending, true, true, Pending),
            (Issuing, true, true, Active),
            (Issuing, true, false, Issuing),
            (Issuing, false, true, Issuing),
            (Active, true, true, Active),
            (Active, false, true, Failing),
            (Active, true, false, Failing),
            (Failing, false, false, Failing),
            (Failing, true, true, Active),
        ] {
            assert_eq!(before.seen(leads, certified), after, "{before:?} {leads} {certified}");
        }
        for status in DomainStatus::ALL {
            assert_eq!(DomainStatus::from_key(status.key()), Some(status));
            assert_eq!(status.look_again().is_none(), status == Pending);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_stays(text in ".{0,60}") {
            if let Ok(host) = CustomHost::parse(&text) {
                proptest::prop_assert_eq!(CustomHost::parse(host.as_str()).unwrap(), host);
            }
        }
    }
}
