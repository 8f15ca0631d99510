//! Which events an endpoint wants: names of types, or beginnings of names with a `*` at the end.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{events::event, text::Invalid};

/// Most filters of an endpoint.
pub const MOST: usize = 50;
/// Longest filter.
const LONGEST: usize = 80;

/// One filter: `user.invited`, `user.*`, `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EventFilter(String);

impl EventFilter {
    /// Reads a filter; it must match some type of the catalogue.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > LONGEST || !event::NAMES.iter().any(|name| matches(text, name)) {
            return Err(Invalid::new("event_type", "matches no type of event; GET /event-types lists them"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it wants an event of this type.
    #[must_use]
    pub fn wants(&self, event_type: &str) -> bool {
        matches(&self.0, event_type)
    }
}

/// The database has the same rule, `wants_event`; a test holds the two to each other.
fn matches(filter: &str, event_type: &str) -> bool {
    match filter.strip_suffix('*') {
        Some(beginning) => event_type.starts_with(beginning),
        None => filter == event_type,
    }
}

impl<'de> Deserialize<'de> for EventFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(Invalid::into_serde)
    }
}

impl JsonSchema for EventFilter {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EventFilter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": LONGEST, "pattern": "^[a-z_.]*\\*?$", "examples": ["user.invited", "user.*", "*"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_matches_what_follows() {
        for (filter, wanted, unwanted) in [
            ("*", "user.invited", ""),
            ("user.*", "user.invited", "tenant.updated"),
            ("user.inv*", "user.invited", "user.updated"),
            ("user.invited", "user.invited", "user.invited_again"),
        ] {
            let filter = EventFilter::parse(filter).unwrap();
            assert!(filter.wants(wanted));
            assert!(unwanted.is_empty() || !filter.wants(unwanted));
        }
    }

    #[test]
    fn what_matches_nothing_is_refused() {
        for filter in ["", "**", "*.invited", "user", "user.", "user.vanished", "USER.*", "user.* ", "tenant.%"] {
            assert_eq!(EventFilter::parse(filter).unwrap_err().code, "event_type", "{filter}");
        }
        assert!(EventFilter::parse(&format!("{}*", "u".repeat(90))).is_err());
    }
}
